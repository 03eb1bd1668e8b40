"""How long commands wait: one server process, played in its own time.

Commands arrive by chance. A thread takes them in (the door) and answers them; lanes carry batches, which form as those
of `charging.batcher` do. Threads of one process take turns at the interpreter, a millisecond each; waiting for the
database and its disk they need none. Whoever gives the service times decides what is simulated.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import NamedTuple

from talktime.charging.batcher import BATCH_MAX, COMPANY_SECONDS

TURN_SECONDS = 0.001
WARM_UP_PART = 0.1


class Waits(NamedTuple):
    """Of batches of one size, shortest first."""

    size: float
    seconds: Sequence[float]

    def at(self, chance: float) -> float:
        place = chance * (len(self.seconds) - 1)
        low = int(place)
        high = min(low + 1, len(self.seconds) - 1)
        return self.seconds[low] + (self.seconds[high] - self.seconds[low]) * (place - low)


@dataclass(frozen=True, slots=True)
class Service:
    """What things take, in seconds."""

    door: float
    """Taking a command in and answering it, without the engine."""
    batch: float
    """What a batch computes however small it is."""
    command: float
    """And for each command in it."""
    waits: Sequence[Waits]
    """How long batches wait for the database, by size, smallest first."""

    def computing(self, size: int) -> float:
        return self.batch + self.command * size

    def waiting(self, size: int, chance: float) -> float:
        """Between two sizes that were measured what lies between, beyond them as of the nearest."""
        place = bisect_left([one.size for one in self.waits], size)
        below, above = self.waits[max(place - 1, 0)], self.waits[min(place, len(self.waits) - 1)]
        if above.size == below.size or not below.size <= size <= above.size:
            return (above if size > below.size else below).at(chance)
        part = (size - below.size) / (above.size - below.size)
        return below.at(chance) * (1 - part) + above.at(chance) * part

    def longest(self, batch_max: int) -> float:
        """From the door to the door again, when everything takes as long as it ever did."""
        return self.door + self.computing(batch_max) + max(one.seconds[-1] for one in self.waits)


@dataclass(slots=True)
class Thread:
    """Its pieces of work, first come first served: how long each computes, and what follows."""

    work: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)


class Process:
    def __init__(self, service: Service, lanes: int, batch_max: int, chance: Random) -> None:
        self._service, self._batch_max, self._chance = service, batch_max, chance
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._door = Thread()
        self._idle = lanes
        self._runnable: deque[Thread] = deque()
        self._turn_left = TURN_SECONDS
        self._waiting: deque[tuple[float, float]] = deque()
        """When a command arrived, and when it was taken in."""
        self._carried = 0
        self._nudged = False
        self.waited: list[float] = []

    # ---------------------------------------------------------------- time and the interpreter

    def at(self, instant: float, then: Callable[[], None]) -> None:
        heapq.heappush(self._events, (instant, next(self._order), then))

    def run(self) -> None:
        while self._events or self._runnable:
            next_event = self._events[0][0] if self._events else float("inf")
            if not self._runnable or self.now >= next_event:
                self.now = max(self.now, next_event)
                heapq.heappop(self._events)[2]()
            else:
                self._compute(next_event - self.now)

    def _compute(self, seconds_max: float) -> None:
        thread = self._runnable[0]
        left, then = thread.work[0]
        spent = min(left, seconds_max, self._turn_left)
        self.now += spent
        self._turn_left -= spent
        if spent < left:
            thread.work[0] = (left - spent, then)
            if self._turn_left <= 0:
                self._runnable.rotate(-1)
                self._turn_left = TURN_SECONDS
            return
        thread.work.popleft()
        if not thread.work:
            self._runnable.popleft()
            self._turn_left = TURN_SECONDS
        then()

    def _do(self, thread: Thread, seconds: float, then: Callable[[], None]) -> None:
        if not thread.work:
            self._runnable.append(thread)
        thread.work.append((seconds, then))

    # ---------------------------------------------------------------- the door and the batcher

    def arrive(self) -> None:
        arrived = self.now
        self._do(self._door, self._service.door / 2, lambda: self._taken_in(arrived))

    def _taken_in(self, arrived: float) -> None:
        self._waiting.append((arrived, self.now))
        self._begin()

    def _begin(self) -> None:
        if not (self._idle and self._waiting):
            return
        if self._has_company():
            self._idle -= 1
            # What has come meanwhile is taken in first.
            self._do(self._door, 0.0, lambda: self._lane(Thread()))
        elif not self._nudged:
            self._nudged = True
            self.at(self.now + COMPANY_SECONDS, self._nudge)

    def _nudge(self) -> None:
        self._nudged = False
        self._begin()

    def _has_company(self) -> bool:
        if not self._waiting:
            return False
        is_next = not self._carried or len(self._waiting) >= self._batch_max
        return is_next or self.now - self._waiting[0][1] >= COMPANY_SECONDS

    def _lane(self, lane: Thread) -> None:
        if not self._has_company():
            self._idle += 1
            self._begin()
            return
        batch = [self._waiting.popleft()[0] for _ in range(min(len(self._waiting), self._batch_max))]
        self._carried += len(batch)
        half = self._service.computing(len(batch)) / 2
        wait = self._service.waiting(len(batch), self._chance.random())

        def decided() -> None:
            self.at(self.now + wait, lambda: self._do(lane, half, committed))

        def committed() -> None:
            self._carried -= len(batch)
            for arrived in batch:
                self._do(self._door, self._service.door / 2, partial(self._answered, arrived))
            self._do(self._door, 0.0, lambda: self._lane(lane))

        self._do(lane, half, decided)

    def _answered(self, arrived: float) -> None:
        self.waited.append(self.now - arrived)


class Answers(NamedTuple):
    """Seconds."""

    p50: float
    p99: float
    mean: float
    held: bool
    """Whether the last were answered as soon as the first: else there is no end to the waiting."""


def simulate(
    service: Service,
    commands_per_second: float,
    commands: int = 20_000,
    *,
    lanes: int = 1,
    batch_max: int = BATCH_MAX,
    seed: int = 1,
) -> Answers:
    chance = Random(seed)
    process, last = Process(service, lanes, batch_max, chance), 0.0
    for _ in range(commands):
        process.at(last, process.arrive)
        last += chance.expovariate(commands_per_second)
    process.run()
    # What is left when the last has come is worked off soon, or there was more of it all the time.
    held = process.now <= 1.05 * last + 2 * service.longest(batch_max)
    return _answers(process.waited, held)


def _answers(waited: list[float], held: bool) -> Answers:
    counted = sorted(waited[int(len(waited) * WARM_UP_PART) :])
    mean = sum(counted) / len(counted)
    return Answers(counted[len(counted) // 2], counted[int(len(counted) * 0.99)], mean, held)
