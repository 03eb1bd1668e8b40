"""A minute of measuring: the engine alone, then a real server with callers, on a scratch database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from talktime.capacity import machine
from talktime.capacity.batches import Batch, CannotMeasure, Fit, Talk, alone, hold, service_of, talked
from talktime.capacity.callers import REQUESTS_A_CALL, Heard, World, closed, opened
from talktime.capacity.found import Measured, Point
from talktime.capacity.loaded import Batches, loaded
from talktime.capacity.scratch import Served, serving
from talktime.charging.engine import Engine
from talktime.storage import measures
from talktime.storage.database import Database
from talktime.storage.store import Store

CONNECTIONS = 64
CONNECTIONS_OPEN = 200
HELD_CALLS = 1_000
LOADS = (0.25, 0.5, 0.75)
"""Of the most that it can do."""
ALONE_PART, CLOSED_PART = 0.25, 0.25
"""Of the time; the loads share the rest."""
WARM_UP_PART = 0.2
DOOR_LEAST = 1e-5
Watch = Callable[[str], None]
"""Hears what is measured next."""
STEPS = 2 + 1 + len(LOADS)


class Inside(NamedTuple):
    """The product in this process, before there is a server."""

    engine: Engine
    database: Database
    store: Store
    now: Callable[[], int]


@dataclass(slots=True)
class Before:
    """What was found without a server, for comparison with what is there afterwards."""

    batches: list[Batch]
    talk: Talk | None
    open_bytes: float
    stored: int
    logged: int | None
    database_process: int | None
    """The one that has started all others of the database, if it is on this machine."""
    lanes: int
    dialect: str


def before(inside: Inside, world: World, seconds: float, watch: Watch) -> Before:
    watch("batches of the engine alone")
    batches = alone(inside.engine.run, world, inside.now, seconds * ALONE_PART)
    talk = talked(inside.engine.run, inside.store, world, inside.now())
    database = inside.database
    empty = measures.stored_bytes(database)
    hold(inside.engine.run, world, inside.now(), HELD_CALLS)
    stored = measures.stored_bytes(database)
    process = _first_of(measures.serving_process(database))
    logged = measures.logged_bytes(database)
    open_bytes = (stored - empty) / HELD_CALLS
    return Before(batches, talk, open_bytes, stored, logged, process, inside.store.lanes, database.dialect)


def _first_of(process: int | None) -> int | None:
    found = machine.stat(process) if process else None
    return found.parent if found and found.name.startswith("postgres") else None


@dataclass(slots=True)
class Load:
    """What a server did under load, and what it took."""

    most: Heard
    points: list[Point]
    batches: list[Batches]
    """Then, and at each of the points."""
    calls: int
    server_cpu: float
    database_cpu: float | None
    process_bytes: int
    others: float = field(default=0.0)

    @property
    def commands_a_batch(self) -> float:
        return self.batches[0].size


def under_load(folder: Path, url: str | None, world: World, found: Before, seconds: float, watch: Watch) -> Load:
    with serving(folder, url) as server:
        watch("as much as it can do")
        _run(closed(server.url, world, CONNECTIONS, seconds * CLOSED_PART * WARM_UP_PART))
        used, earlier = _Used(server, found.database_process), server.batches()
        most = _run(closed(server.url, world, CONNECTIONS, seconds * CLOSED_PART * (1 - WARM_UP_PART)))
        server_cpu, database_cpu, others = used.since()
        if not most.calls:
            raise CannotMeasure("no call came to its end: this machine is too busy with something else")
        points, batches = [], [server.batches().since(earlier)]
        for part in LOADS:
            watch(f"at {part:.0%} of it")
            earlier = server.batches()
            points.append(_at(server, world, part * most.calls_per_second, seconds))
            batches.append(server.batches().since(earlier))
        calls = int(server.figures()["talktime_decisions_total"])
        memory = machine.memory_bytes(server.process)
    each = (server_cpu / most.calls, database_cpu and database_cpu / most.calls)
    return Load(most, points, batches, calls, *each, memory, others)


def _at(server: Served, world: World, rate: float, seconds: float) -> Point:
    share = seconds * (1 - ALONE_PART - CLOSED_PART) / len(LOADS)
    heard = _run(opened(server.url, world, CONNECTIONS_OPEN, rate, share))
    waited = sorted(heard.waited)
    if not waited:
        raise CannotMeasure("no call was answered: this machine is too busy with something else")
    return Point(rate, waited[len(waited) // 2], waited[int(len(waited) * 0.99)])


def _run(calls: Any) -> Heard:
    heard: Heard = uvloop.run(calls)
    if heard.failed:
        example = heard.failed[0][-300:]
        raise CannotMeasure(f"{len(heard.failed)} requests of the measurement failed, such as {example!r}")
    return heard


class _Used:
    """CPU of the server, of the database where it can be seen, and by which part others used the machine."""

    def __init__(self, server: Served, database: int | None) -> None:
        self._server, self._database = server.process, database
        self._began = time.perf_counter()
        self._before = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        database = machine.cpu_seconds(self._database) if self._database else 0.0
        return machine.cpu_seconds(self._server), database, time.process_time(), machine.busy_seconds()

    def since(self) -> tuple[float, float | None, float]:
        server, database, own, busy = (now - then for now, then in zip(self._now(), self._before, strict=True))
        passed = (time.perf_counter() - self._began) * machine.cores()
        others = max(busy - server - database - own, 0.0) / passed
        return server, database if self._database else None, others


def measured(found: Before, load: Load, after: Database, flush: float, seconds: float) -> Measured:
    """`after`: the same database, when the server has ended."""
    logged = measures.logged_bytes(after)
    most, calls, door = load.most, max(load.calls, 1), _door(found.batches, load)
    return Measured(
        machine=machine.facts(),
        date=datetime.now(UTC).date().isoformat(),
        database=found.dialect,
        lanes=found.lanes,
        seconds=seconds,
        others=load.others,
        flush=flush,
        calls_per_second=most.calls_per_second,
        commands_a_batch=load.commands_a_batch,
        server_cpu=load.server_cpu,
        database_cpu=load.database_cpu,
        stored_bytes=(measures.stored_bytes(after) - found.stored) / calls,
        logged_bytes=None if logged is None or found.logged is None else (logged - found.logged) / calls,
        sent_bytes=most.sent_bytes / most.calls,
        received_bytes=most.received_bytes / most.calls,
        asked_bytes=found.talk and _of_a_call(found.talk.asked, load),
        told_bytes=found.talk and _of_a_call(found.talk.answered, load),
        open_bytes=found.open_bytes,
        process_bytes=load.process_bytes,
        service=service_of(found.batches, door),
        loaded=loaded(door, load.batches),
        points=tuple(load.points),
    )


def _of_a_call(said: Fit, load: Load) -> float:
    """In batches as large as they were then."""
    return REQUESTS_A_CALL * (said.batch / load.commands_a_batch + said.command)


def _door(batches: list[Batch], load: Load) -> float:
    """What a request costs the server beyond what the engine computes for it."""
    engine, size = service_of(batches, 0.0), load.commands_a_batch
    return max(load.server_cpu / REQUESTS_A_CALL - engine.batch / size - engine.command, DOOR_LEAST)
