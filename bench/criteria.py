"""What is promised: one figure, or one beside another of the same round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.legs import LEGS, Outcome


def figure(outcome: Outcome) -> float:
    return outcome.figure


def median_ms(outcome: Outcome) -> float:
    return outcome.p50_ms or 0.0


def p99_ms(outcome: Outcome) -> float:
    return outcome.p99_ms or 0.0


def cpu_us(outcome: Outcome) -> float:
    return (outcome.server_us or 0.0) + (outcome.database_us or 0.0)


def beside_copy(outcome: Outcome) -> float:
    return outcome.figure / outcome.notes["copied_per_second"]


@dataclass(frozen=True)
class Criterion:
    name: str
    says: str
    database: str
    leg: str
    over: str | None = None
    least: float | None = None
    most: float | None = None
    aim: float | None = None
    of: Callable[[Outcome], float] = figure
    unit: str = ""
    on_demand: bool = False

    @property
    def legs(self) -> set[str]:
        needed = {self.leg} | ({self.over} if self.over else set())
        return needed | ({"http"} if "open loop" in needed else set())

    @property
    def target(self) -> str:
        bound = f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"
        aim = f" (aim {self.aim:g})" if self.aim is not None else ""
        return f"{bound}{' ' if self.unit else ''}{self.unit}{aim}"

    def value(self, outcomes: Mapping[str, Outcome]) -> float | None:
        """None when a leg is void."""
        here, there = outcomes[self.leg], outcomes[self.over or self.leg]
        if here.void or there.void:
            return None
        below = self.of(there) if self.over else 1.0
        return self.of(here) / below if below else None

    def is_reached(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


PG, LITE = "postgresql", "sqlite"
CRITERIA = (
    Criterion("S1", "HTTP, 64 connections / floor, 32 clients", PG, "http", "floor 1", least=0.55, aim=0.9),
    Criterion("S2", "the same / one transaction a request", PG, "http", "http, one a transaction", least=2.0),
    Criterion("S3", "batch endpoint, 50 a request / floor of 64", PG, "batch", "floor 64", least=0.5, aim=0.8),
    Criterion("S3", "batch endpoint, 50 a request / floor of 64", LITE, "batch", "floor 64", least=0.5, aim=0.8),
    Criterion("S3b", "engine alone, 256 callers / floor of 256", PG, "engine", "floor 256", least=0.55, aim=0.8),
    Criterion("S3b", "engine alone, 256 callers / floor of 256", LITE, "engine", "floor 256", least=0.55, aim=0.8),
    Criterion("S4", "one organization / 10,000", PG, "one organization", "10,000 organizations", least=0.8),
    Criterion("S4", "one organization / 10,000", LITE, "one organization", "10,000 organizations", least=0.8),
    Criterion("S5", "HTTP / one transaction a request", LITE, "http", "http, one a transaction", least=3.0),
    Criterion("S6", "median cycle, 10^6 old calls / 10^4", PG, "10^6 calls", "10^4 calls", most=1.3, of=median_ms),
    Criterion("S6", "median cycle, 10^6 old calls / 10^4", LITE, "10^6 calls", "10^4 calls", most=1.3, of=median_ms),
    Criterion(
        "S6", "median cycle, 10^7 old calls / 10^4", PG, "10^7 calls", "10^4 calls", most=1.5, of=median_ms,
        on_demand=True,
    ),
    Criterion(
        "S6", "median cycle, 10^7 old calls / 10^4", LITE, "10^7 calls", "10^4 calls", most=1.5, of=median_ms,
        on_demand=True,
    ),
    Criterion("S12", "engine with all rules / without", PG, "engine, all rules", "engine", least=0.7),
    Criterion("S12", "engine with all rules / without", LITE, "engine, all rules", "engine", least=0.7),
    Criterion("S18", "HTTP, one call in a hundred traced / none", PG, "http, 1 % traced", "http", least=0.9),
    Criterion("S18b", "HTTP, every call traced / none", PG, "http, traced", "http", least=0.4),
    Criterion("S14", "2 server processes / 1", PG, "http, 2 processes", "http", least=0.9),
    Criterion("S14", "CPU per cycle, 1 server process / 2", PG, "http", "http, 2 processes", least=0.9, of=cpu_us),
    Criterion("S15", "PgBouncer / directly, none prepared", PG, "http, PgBouncer", "http, not prepared", least=0.85),
    Criterion("S7", "memory, 100,000 rates, 10,000 calls", PG, "memory", most=200, unit="MiB"),
    Criterion("S7", "memory, 100,000 rates, 10,000 calls", LITE, "memory", most=200, unit="MiB"),
    Criterion("S8", "start to first durable answer", PG, "start", most=2.5, unit="s"),
    Criterion("S8", "start to first durable answer", LITE, "start", most=2.5, unit="s"),
    Criterion("S8b", "p99 of authorize, open loop at half", PG, "open loop", most=10, of=p99_ms, unit="ms"),
    Criterion("S8b", "p99 of authorize, open loop at half", LITE, "open loop", most=10, of=p99_ms, unit="ms"),
    Criterion("S11", "calls of a file booked / COPY of their usage rows", PG, "posting", least=0.4, of=beside_copy),
)  # fmt: skip

# Nothing is promised of these; they stand beside.
BESIDE = {
    "S1": {PG: {"http, 2 processes"}},
    "S14": {PG: {"http, 2 processes, as many callers each"}},
    "S15": {PG: {"http"}},
    "S5": {LITE: {"floor 1"}},
}


def chosen(names: set[str], databases: set[str], big: bool) -> list[Criterion]:
    """No names: all."""
    return [
        one
        for one in CRITERIA
        if (not names or one.name in names) and one.database in databases and (big or not one.on_demand)
    ]


def legs_of(criteria: Iterable[Criterion], database: str) -> list[str]:
    """In the order in which they run."""
    mine = [one for one in criteria if one.database == database]
    needed = set[str]().union(*(one.legs | BESIDE.get(one.name, {}).get(database, set()) for one in mine))
    return [name for name in LEGS if name in needed]
