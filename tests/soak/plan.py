"""How long, how much, and what must be flat."""

from __future__ import annotations

from dataclasses import dataclass

from tests.load.plan import Plan as Load

EXTENDS_A_CALL = 0.6
"""So many a second for each call that begins; together they make the calls in progress."""
EXTENDED_EVERY = 30.0
CALLS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    seconds: float = 3600.0
    part: float = 0.5
    """Of what the machine can do at most, as measured just before."""
    calls_per_second: float | None = None
    """In place of measuring."""
    measured_seconds: float = 30.0
    organizations: int = 40
    payers: int = 10
    """More of them, which pay by card."""
    connections: int = 200
    """Calls come when they come: with a few, what is late would wait for a connection, and be late together."""
    money: str = "10000"
    errand_seconds: float = 0.5
    """So often somebody adds funds, takes a file away, and so on."""

    @property
    def window_seconds(self) -> float:
        """Ten minutes of an hour: the second sixth is compared with the last, and the first is for warming up."""
        return self.seconds / 6

    def load(self, calls_per_second: float) -> Load:
        calls = min(round(calls_per_second * EXTENDS_A_CALL * EXTENDED_EVERY), CALLS_MAX)
        return Load(
            calls=max(calls, 1),
            every_seconds=EXTENDED_EVERY,
            starts_per_second=calls_per_second,
            seconds=self.seconds,
            organizations=self.organizations + self.payers,
            connections=self.connections,
            money=self.money,
        )

    def rate(self, calls_per_second_most: float) -> float:
        """How many calls begin, so that they and their extends are that part of the most."""
        requests = 3 * calls_per_second_most * self.part
        return requests / (3 + EXTENDS_A_CALL)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of the last window beside the first one, where it says nothing else."""

    p99: float = 1.2
    memory: float = 1.1
    files: float = 1.1
    bytes_a_call: float = 1.2
    """By how much the database grows for each call."""
    hot: float = 1.3
    """What stays as large as it is, however many calls there were: accounts, lots, what is in progress, the log."""
    turned_away: float = 0.001
    """Of all requests: were told to come again, as there was no time for them."""
