"""The fraud guard: what an organization lets one user do, and what is counted of him. A broken number blocks him."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from talktime.core.limits import FraudLimits, Limits
from talktime.core.money import micros
from talktime.core.time import SECOND

HOUR_SECONDS, DAY_SECONDS = 3600, 86_400
SPENDS_MAX = 100
"""So many charges are remembered one by one; more are put together, each with the later one's instant."""


class Guard(Struct, frozen=True, gc=False):
    """None is no limit."""

    international: bool = True
    premium: bool = True
    high_risk: bool = True
    concurrent_calls: int | None = None
    call_seconds: int | None = None
    spend_per_hour: int | None = None
    spend_per_day: int | None = None
    new_destinations_per_day: int | None = None

    @property
    def counts(self) -> bool:
        """Whether something of each user must be counted for it."""
        numbers = (self.concurrent_calls, self.spend_per_hour, self.spend_per_day, self.new_destinations_per_day)
        return any(number is not None for number in numbers)

    @property
    def limits_spending(self) -> bool:
        return self.spend_per_hour is not None or self.spend_per_day is not None


OPEN = Guard()
SAFE = Guard(premium=False, high_risk=False, concurrent_calls=20, new_destinations_per_day=20)
"""What a live organization begins with."""
SAFE_SPENDING = {"spend_per_hour": micros("200"), "spend_per_day": micros("1000")}
# In these a thousand is much for one person and one day. In others nobody can say without a rate of exchange.
SPENDING_IS_LIMITED_IN = frozenset({"AUD", "CAD", "CHF", "EUR", "GBP", "NZD", "SGD", "USD"})

_limits_of = msgspec.json.Decoder(Limits).decode


@lru_cache(maxsize=4096)
def guard_of(limits: str, mode: str, currency: str) -> Guard:
    """From an organization's limits as they are stored. On a test organization all is open unless given."""
    fraud = _limits_of(limits).fraud
    base = OPEN if mode == "test" else safe_in(currency)
    return base if fraud is UNSET else replace(base, **_given(fraud))


def safe_in(currency: str) -> Guard:
    return replace(SAFE, **SAFE_SPENDING) if currency in SPENDING_IS_LIMITED_IN else SAFE


def _given(fraud: FraudLimits) -> dict[str, Any]:
    given = {name: getattr(fraud, name) for name in fraud.__struct_fields__}
    return {name: _value(name, value) for name, value in given.items() if value is not UNSET}


def _value(name: str, value: Any) -> Any:
    if name in ("international", "premium", "high_risk"):
        # Null is no limit for a kind, too.
        return value is not False
    return micros(value) if isinstance(value, str) else value


class Tally(Struct, frozen=True, array_like=True, gc=False):
    """What is counted of one user."""

    open_calls: int = 0
    held: int = 0
    spends: tuple[tuple[int, int], ...] = ()
    """Instant and amount of each charge, the oldest first."""
    seen: tuple[str, ...] = ()
    """Every destination that was ever called."""
    day: str = ""
    new_today: int = 0

    def begun(self, held: int, destination: str, day: str) -> Tally:
        new = 0 if destination in self.seen else 1
        new_today = (self.new_today if self.day == day else 0) + new
        seen = (*self.seen, destination) if new else self.seen
        return replace(
            self, open_calls=self.open_calls + 1, held=self.held + held, seen=seen, day=day, new_today=new_today
        )

    def grown(self, held: int) -> Tally:
        return replace(self, held=self.held + held)

    def ended(self, held: int) -> Tally:
        return replace(self, open_calls=self.open_calls - 1, held=self.held - held)

    def spent(self, amount: int, at: int) -> Tally:
        """Also less than nothing: a correction downwards."""
        if amount == 0:
            return self
        recent = [one for one in self.spends if one[0] > at - DAY_SECONDS * SECOND]
        return replace(self, spends=_joined([*recent, (at, amount)]))

    def spent_within(self, seconds: int, now: int) -> int:
        """What is exactly so old no longer counts."""
        return sum([amount for at, amount in self.spends if at > now - seconds * SECOND])

    def is_new(self, destination: str) -> bool:
        return destination not in self.seen

    def new_on(self, day: str) -> int:
        return self.new_today if self.day == day else 0


def _joined(spends: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """When there are too many, neighbours become one that counts a little longer: the limit is never passed by it."""
    if len(spends) <= SPENDS_MAX:
        return tuple(spends)
    pairs = [(later[0], earlier[1] + later[1]) for earlier, later in zip(spends[::2], spends[1::2], strict=False)]
    return tuple(pairs + spends[len(pairs) * 2 :])


class Attempt(Struct, frozen=True, gc=False):
    """An outgoing call as the guard sees it."""

    is_international: bool
    is_premium: bool
    is_high_risk: bool
    destination: str
    day: str
    now: int
    hold: int = 0
    """What would be held for it."""


KINDS = ("international", "premium", "high_risk")


def forbidden_kind(guard: Guard, attempt: Attempt) -> str | None:
    """A kind of calls that is switched off: it refuses and blocks nobody."""
    for kind in KINDS:
        if getattr(attempt, f"is_{kind}") and not getattr(guard, kind):
            return kind
    return None


def broken_limit(guard: Guard, tally: Tally, attempt: Attempt) -> str | None:
    """The first number that this call would pass."""
    now = attempt.now
    wanted = (
        ("concurrent_calls", tally.open_calls + 1),
        ("spend_per_hour", tally.spent_within(HOUR_SECONDS, now) + tally.held + attempt.hold),
        ("spend_per_day", tally.spent_within(DAY_SECONDS, now) + tally.held + attempt.hold),
        ("new_destinations_per_day", tally.new_on(attempt.day) + tally.is_new(attempt.destination)),
    )
    for name, value in wanted:
        most = getattr(guard, name)
        if most is not None and value > most and _matters(name, tally, attempt):
            return name
    return None


def _matters(name: str, tally: Tally, attempt: Attempt) -> bool:
    """Somebody who calls where he always calls breaks nothing, however many new places the day has seen."""
    return name != "new_destinations_per_day" or tally.is_new(attempt.destination)
