"""The engine alone: what a batch of so many commands computes, and how long it waits for its database."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from talktime.capacity.callers import TALKED_SECONDS, World
from talktime.capacity.queueing import Service, Waits
from talktime.core.call_types import CallType
from talktime.core.calls import Answer, Answered, Asked, Authorize, Command, Failed, Granted, Settle
from talktime.core.ids import org_number
from talktime.storage.overheard import overheard
from talktime.storage.store import Store

SIZES = (1, 4, 16, 64, 256)
LEAST = 3
"""Groups of each size, however short the time."""
BY = "capacity"
KEPT = 1000
"""Waits of one size: as many as describe how they are spread."""
Run = Callable[[Sequence[Command]], list[Answer]]
Key = tuple[int, str]


class CannotMeasure(Exception):
    """Not every command had the answer that it must have."""


class Batch(NamedTuple):
    size: int
    computed: float
    waited: float


class Fit(NamedTuple):
    """What a batch computes, or what is said for it: so much, and so much more for each command."""

    batch: float
    command: float


def alone(run: Run, world: World, now: Callable[[], int], seconds: float) -> list[Batch]:
    """Every size as long as every other."""
    found: list[Batch] = []
    for size in SIZES:
        end, groups = time.perf_counter() + seconds / len(SIZES), 0
        while groups < LEAST or time.perf_counter() < end:
            found += [_timed(run, commands) for commands in _group(world, now(), size)]
            groups += 1
    return found


class Talk(NamedTuple):
    """Bytes between the engine and its database, for batches of any size."""

    asked: Fit
    answered: Fit


def talked(run: Run, store: Store, world: World, now: int) -> Talk | None:
    """Once each size. None: the database is part of the server."""
    asked: dict[float, float] = {}
    answered: dict[float, float] = {}
    for size in SIZES:
        group = list(_group(world, now, size))
        said = overheard(store, partial(_all_of, run, group))
        if said is None:
            return None
        asked[size], answered[size] = said.asked / len(group), said.answered / len(group)
    return Talk(fitted(asked), fitted(answered))


def hold(run: Run, world: World, now: int, calls: int, size: int = 200) -> None:
    """Calls that begin and are still in progress when it is looked how much room they take."""
    for _ in range(calls // size):
        _timed(run, next(_group(world, now, size)))


def _group(world: World, now: int, size: int) -> Iterator[list[Command]]:
    """Calls that begin together, are answered together and end together."""
    who = [random.choice(world.accounts) for _ in range(size)]
    keys = [(org_number(organization) or 0, f"{random.getrandbits(96):024x}") for organization, _ in who]
    yield [Authorize(*key, now, BY, _asked(user), "operator:edge") for key, (_, user) in zip(keys, who, strict=True)]
    yield [Answered(*key, now, BY) for key in keys]
    yield [Settle(*key, now, BY, TALKED_SECONDS) for key in keys]


def _all_of(run: Run, group: Sequence[Sequence[Command]]) -> None:
    for commands in group:
        _timed(run, commands)


def _asked(user: str) -> Asked:
    to = f"+4420{random.randrange(10**7, 10**8)}"
    return Asked(CallType.USER_OUT, to, user, "+442079460101", switch="edge")


def _timed(run: Run, commands: Sequence[Command]) -> Batch:
    began, computing = time.perf_counter(), time.thread_time()
    answers = run(commands)
    computed, passed = time.thread_time() - computing, time.perf_counter() - began
    for command, answer in zip(commands, answers, strict=True):
        if isinstance(answer, Failed) or (isinstance(command, Authorize) and not isinstance(answer, Granted)):
            raise CannotMeasure(f"a call of the measurement was answered {answer}")
    return Batch(len(commands), computed, max(passed - computed, 0.0))


# ---------------------------------------------------------------- what was found


def service_of(batches: Sequence[Batch], door: float) -> Service:
    by_size: dict[int, list[Batch]] = {}
    for one in batches:
        by_size.setdefault(one.size, []).append(one)
    fit = fitted({size: statistics.median([one.computed for one in mine]) for size, mine in by_size.items()})
    waits = [Waits(size, thinned(sorted(one.waited for one in mine))) for size, mine in sorted(by_size.items())]
    return Service(door, fit.batch, fit.command, waits)


def fitted(computed: Mapping[float, float]) -> Fit:
    """The line that fits best, each size counting by how far it is off in proportion; neither part below nothing."""
    weights = {size: 1 / seconds**2 for size, seconds in computed.items()}
    total = sum(weights.values())
    size_mean = sum(weights[size] * size for size in computed) / total
    mean = sum(weights[size] * seconds for size, seconds in computed.items()) / total
    spread = sum(weights[size] * (size - size_mean) ** 2 for size in computed)
    # Of one size alone nobody knows.
    slope = spread and sum(weights[size] * (size - size_mean) * (computed[size] - mean) for size in computed) / spread
    command = min(max(slope, 0.0), mean / size_mean)
    return Fit(mean - command * size_mean, command)


def thinned(values: Sequence[float], most: int = KEPT) -> tuple[float, ...]:
    """As many of them at even distances, the first and the last among them."""
    if len(values) <= most:
        return tuple(values)
    return tuple(values[round(place * (len(values) - 1) / (most - 1))] for place in range(most))
