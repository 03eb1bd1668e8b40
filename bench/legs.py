"""What is measured: each leg in a world of its own, with its books looked at afterwards."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench import books, floors, load
from bench import posting as files
from bench.machine import Watch, cpu_seconds, flush_ms
from bench.places import Ground, Place, Pooled, Postgres
from bench.server import CannotStart, Server, serving
from bench.world import World, number_of
from tests.support.loopback import Answer, Loopback, Request
from tests.support.pgbouncer import pooled

CONNECTIONS = 64
BATCH_CONNECTIONS = 16
OPERATIONS = 50
FIRST_ANSWER_SECONDS = 30.0
OPEN_CALLS = 10_000
OVERLOADED_PART = 0.01
"""More 503s beside the cycles void a leg."""
MANY, FEW, BIG = 1_000_000, 10_000, 10_000_000
USUAL, HOT, WIDE = World(), World(organizations=1), World(organizations=10_000)


@dataclass
class Outcome:
    """One run of one leg. A figure that is `void` counts for nothing."""

    figure: float = 0.0
    unit: str = "cycles/s"
    p50_ms: float | None = None
    p99_ms: float | None = None
    server_us: float | None = None
    """CPU of Talktime a cycle."""
    database_us: float | None = None
    """CPU of PostgreSQL a cycle; SQLite is part of Talktime."""
    flush_ms: float = 0.0
    others: float = 0.0
    void: str = ""
    notes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    seconds: float = 4.0
    warm_up_seconds: float = 1.0
    world: World = USUAL
    hot: World = HOT
    wide: World = WIDE
    records: int = files.RECORDS
    """Calls of the file that is booked."""


Earlier = Mapping[str, Outcome]
"""What the legs before found, in the same round."""
Leg = Callable[[Place, Plan, Earlier], Outcome]


# ---------------------------------------------------------------- the pieces


@contextmanager
def measuring(place: Place, outcome: Outcome, others: Sequence[Any] = ()) -> Iterator[None]:
    outcome.flush_ms = flush_ms(place.folder)
    with Watch([*place.processes, *others]) as watch:
        yield
    outcome.others = watch.others


def floor(group: int) -> Leg:
    def leg(place: Place, plan: Plan, earlier: Earlier) -> Outcome:
        outcome = Outcome()
        with measuring(place, outcome):
            found = floors.run(place, group, plan.seconds)
        outcome.figure, outcome.p50_ms, outcome.p99_ms, outcome.void = found
        return outcome

    return leg


def over_http(
    world: Callable[[Plan], World] = lambda plan: plan.world,
    connections: int = CONNECTIONS,
    size: int = 1,
    **settings: Any,
) -> Leg:
    """A closed loop: `connections` switches, `size` operations in a request."""

    def leg(place: Place, plan: Plan, earlier: Earlier) -> Outcome:
        outcome = Outcome()
        with place.ground(world(plan)) as ground:
            before = books.settled(ground)
            with serving(ground, **settings) as server:
                told, unheard = _closed(server, ground, outcome, connections, size, plan, place)
            outcome.void = outcome.void or books.findings(ground, before, told, unheard)
        return outcome

    return leg


def traced(percent: int) -> Leg:
    """So many requests in a hundred are told to a collector, on the same machine."""

    def leg(place: Place, plan: Plan, earlier: Earlier) -> Outcome:
        with Collector() as collector:
            return over_http(tracing_url=collector.url, tracing_percent=percent)(place, plan, earlier)

    return leg


class Collector(Loopback):
    """It takes everything and looks at nothing."""

    def answer(self, request: Request) -> Answer:
        return Answer(200, {}, b"")


def _closed(
    server: Server, ground: Ground, outcome: Outcome, connections: int, size: int, plan: Plan, place: Place
) -> tuple[int, int]:
    """Fills in the outcome; how many cycles the clients were told of, and how many more there may be."""
    try:
        warm, unheard = _warmed_up(server, ground, connections, size, plan)
        with measuring(place, outcome, [server.process]):
            used, of_database = server.cpu_seconds(), cpu_seconds(place.processes)
            found = load.closed_loop(server, ground, connections, size, plan.seconds)
            used, of_database = server.cpu_seconds() - used, cpu_seconds(place.processes) - of_database
    except load.LoadFailed as failure:
        outcome.void = str(failure)
        return 0, 0
    outcome.figure = found.cycles / found.seconds
    outcome.p50_ms, outcome.p99_ms = found.p50_ms, found.p99_ms
    outcome.server_us = used / max(found.cycles, 1) * 1e6
    if place.processes:
        outcome.database_us = of_database / max(found.cycles, 1) * 1e6
    _count_overloaded(outcome, found.overloaded * size, found.cycles)
    return warm + found.cycles, unheard + (connections + found.overloaded) * size


def _count_overloaded(outcome: Outcome, overloaded: int, cycles: int) -> None:
    outcome.notes["overloaded"] = overloaded
    if overloaded > OVERLOADED_PART * cycles:
        outcome.void = outcome.void or f"{overloaded} operations were answered 503 beside {cycles} cycles"


def _warmed_up(server: Server, ground: Ground, connections: int, size: int, plan: Plan) -> tuple[int, int]:
    """How many cycles that were, and how many more there may be."""
    _first_answer(server, ground)
    if not plan.warm_up_seconds:
        return 0, 0
    found = load.closed_loop(server, ground, connections, size, plan.warm_up_seconds)
    return found.cycles, (connections + found.overloaded) * size


def _first_answer(server: Server, ground: Ground) -> None:
    """Asks until there is one: who waits too long for it is told to ask again."""
    body = json.dumps(_authorize(ground, "first")).encode()
    until = time.perf_counter() + FIRST_ANSWER_SECONDS
    while (answer := server.ask(ground.key, "/v1/calls/authorize", body))[0] == 503 and time.perf_counter() < until:
        pass
    if answer[0] != 200 or b'"granted"' not in answer[1]:
        raise load.LoadFailed(f"the first answer was {answer[0]} {answer[1][:200]!r}")


def engine(size: int, world: Callable[[Plan], World] = lambda plan: plan.world) -> Leg:
    def leg(place: Place, plan: Plan, earlier: Earlier) -> Outcome:
        outcome = Outcome()
        with place.ground(world(plan)) as ground:
            before = books.settled(ground)
            with measuring(place, outcome):
                of_database = cpu_seconds(place.processes)
                found = load.engine_alone(ground, size, plan.warm_up_seconds, plan.seconds)
                of_database = cpu_seconds(place.processes) - of_database
            outcome.figure = found.cycles / found.seconds
            outcome.p50_ms, outcome.p99_ms = found.p50_ms, found.p99_ms
            outcome.server_us = found.cpu_seconds / found.cycles * 1e6
            if place.processes:
                outcome.database_us = of_database / (found.cycles + found.warm_up_cycles) * 1e6
            outcome.void = books.findings(ground, before, found.cycles + found.warm_up_cycles)
        return outcome

    return leg


def open_loop(place: Place, plan: Plan, earlier: Earlier) -> Outcome:
    """At half of what the closed loop reached in this round."""
    rate = earlier["http"].figure / 2
    outcome = Outcome(unit="cycles/s")
    if earlier["http"].void or not rate:
        outcome.void = "the closed loop before it is void"
        return outcome
    with place.ground(plan.world) as ground:
        before = books.settled(ground)
        with serving(ground) as server:
            _first_answer(server, ground)
            warm = load.open_loop(server, ground, rate, plan.warm_up_seconds)
            with measuring(place, outcome, [server.process]):
                used = server.cpu_seconds()
                found = load.open_loop(server, ground, rate, plan.seconds)
                used = server.cpu_seconds() - used
        outcome.figure = found.cycles / plan.seconds
        outcome.p50_ms, outcome.p99_ms = found.p50_ms, found.p99_ms
        outcome.server_us = used / max(found.cycles, 1) * 1e6
        outcome.notes = {"asked_per_second": rate, "generator_late_p99_ms": found.late_p99_ms}
        outcome.void = f"{found.unanswered} calls without an answer" if found.unanswered else ""
        _count_overloaded(outcome, found.overloaded, found.cycles)
        unheard = warm.overloaded + found.overloaded
        outcome.void = outcome.void or books.findings(ground, before, warm.cycles + found.cycles, unheard)
    return outcome


def memory(place: Place, plan: Plan, earlier: Earlier) -> Outcome:
    """After a burst, with many calls in progress."""
    outcome = Outcome(unit="MiB")
    with place.ground(plan.world) as ground, serving(ground) as server:
        outcome.notes["at_start_mib"] = server.memory_mib()
        before = books.settled(ground)
        with measuring(place, outcome, [server.process]):
            told, unheard = _warmed_up(server, ground, CONNECTIONS, 1, plan)
            _open_calls(server, ground, OPEN_CALLS)
        outcome.figure = server.memory_mib()
        outcome.void = books.findings(ground, before, told, unheard)
    return outcome


def _open_calls(server: Server, ground: Ground, count: int) -> None:
    for first in range(0, count, OPERATIONS):
        operations = [{"op": "authorize"} | _authorize(ground, f"open-{first + n}") for n in range(OPERATIONS)]
        status, answer = server.ask(ground.key, "/v1/calls/batch", json.dumps({"operations": operations}).encode())
        granted = answer.count(b'"decision":"granted"')
        if status != 200 or granted != OPERATIONS:
            raise load.LoadFailed(f"{granted} of {OPERATIONS} calls were granted: {status} {answer[:200]!r}")


def _authorize(ground: Ground, call_id: str) -> dict[str, str]:
    org_id = random.randint(1, ground.world.organizations)
    who = {"organization": f"org_{org_id:x}", "user": number_of(org_id), "from": "+12025550101"}
    return {"call_id": call_id, "call_type": "user_out", "to": "+442079460123", "switch": "sbc-1", **who}


def start(place: Place, plan: Plan, earlier: Earlier) -> Outcome:
    """From the start of the process to the first answer that is on the disk."""
    outcome = Outcome(unit="s")
    with place.ground(plan.world) as ground, measuring(place, outcome):
        began = time.perf_counter()
        with serving(ground) as server:
            _first_answer(server, ground)
            outcome.figure = time.perf_counter() - began
            outcome.notes["cpu_seconds"] = server.cpu_seconds()
        if ground.rows("SELECT state FROM calls WHERE call_id = 'first'") != [("open",)]:
            outcome.void = "the first answer is not in the books"
    return outcome


def through_pgbouncer(place: Place, plan: Plan, earlier: Earlier) -> Outcome:
    """As it is shipped; without prepared statements, which it does not carry over."""
    assert isinstance(place, Postgres)
    with pooled(place.cluster) as pooler:
        return over_http(prepared_statements=False)(Pooled(place, pooler), plan, earlier)


def posting(place: Place, plan: Plan, earlier: Earlier) -> Outcome:
    """Calls of a file, and in the same database COPY of what they have become."""
    assert isinstance(place, Postgres)
    outcome = Outcome(unit="calls/s")
    with place.ground(files.POSTED) as ground, measuring(place, outcome):
        url = ground.environment["TALKTIME_DATABASE"]
        as_superuser = place.socket_url(url.partition("?")[0].rpartition("/")[2])
        found = files.measured(url, as_superuser, plan.records)
    outcome.figure, outcome.void = found.booked_per_second, found.wrong
    outcome.notes["copied_per_second"] = found.copied_per_second
    return outcome


# ---------------------------------------------------------------- the list


def run(name: str, place: Place, plan: Plan, earlier: Earlier) -> Outcome:
    """What goes wrong in one leg voids it and spoils no other."""
    try:
        return LEGS[name](place, plan, earlier)
    except (load.LoadFailed, CannotStart, subprocess.CalledProcessError) as error:
        return Outcome(void=str(error))


def _with_old_calls(count: int) -> Callable[[Plan], World]:
    return lambda plan: plan.world._replace(old_calls=count)


# Beside each other what is compared with each other.
LEGS: dict[str, Leg] = {
    "floor 1": floor(1),
    "http": over_http(),
    "http, 2 processes": over_http(workers=2),
    "http, 2 processes, as many callers each": over_http(connections=2 * CONNECTIONS, workers=2),
    "http, 1 % traced": traced(1),
    "http, traced": traced(100),
    "http, not prepared": over_http(prepared_statements=False),
    "http, PgBouncer": through_pgbouncer,
    "http, one a transaction": over_http(batch_max=1),
    "open loop": open_loop,
    "floor 64": floor(64),
    "batch": over_http(connections=BATCH_CONNECTIONS, size=OPERATIONS),
    "engine": engine(256),
    "engine, all rules": engine(256, lambda plan: plan.world._replace(rules=True)),
    "floor 256": floor(256),
    "one organization": over_http(lambda plan: plan.hot),
    "10,000 organizations": over_http(lambda plan: plan.wide),
    "10^4 calls": over_http(_with_old_calls(FEW)),
    "10^6 calls": over_http(_with_old_calls(MANY)),
    "10^7 calls": over_http(_with_old_calls(BIG)),
    "memory": memory,
    "start": start,
    "posting": posting,
}
