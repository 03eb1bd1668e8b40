"""Commands that arrive while a batch is running form the next one; a lone command waits for nobody.

A batch costs nearly the same with few commands as with many, so what can go together does: it is formed a few turns of
the event loop after it could be (microseconds when it is quiet, half as many batches when it is busy), and beside a
running one only when it is full, or when somebody has waited so long that the running one may be stuck behind a lock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from time import monotonic
from typing import NamedTuple

from talktime.core.calls import Answer, Command

BATCH_MAX = 256
PATIENCE_SECONDS = 0.9
"""A switch is answered within a second: who has waited longer is told so and asks again."""
WATCH_SECONDS = 0.02
"""No more often is it looked who that is."""
GATHERING_TURNS = 4
COMPANY_SECONDS = 0.05
"""So long a command waits for a running batch while there is another lane for it."""

Run = Callable[[Sequence[Command]], list[Answer]]


class Overloaded(Exception):
    """There was no time for it. It was not begun, so nothing was granted."""


class TooSlow(Exception):
    """The store has not answered in time. What was begun may still happen: asking again with the same id tells."""


class Waiting(NamedTuple):
    commands: Sequence[Command]
    answers: asyncio.Future[list[Answer]]
    since: float


class Lanes:
    """The batches of one shard: as many in flight as there are lanes."""

    def __init__(self, run: Run, threads: ThreadPoolExecutor, lanes: int, batch_max: int) -> None:
        self._run = run
        self._batch_max = batch_max
        self._threads = threads
        self._idle = lanes
        self._waiting: deque[Waiting] = deque()
        self._begun: dict[int, list[Waiting]] = {}
        """The batches in flight."""
        self._batch_seconds = 0.0
        """How long the last batch took."""
        self._watch: asyncio.TimerHandle | None = None
        self._nudge: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()

    @property
    def is_busy(self) -> bool:
        return bool(self._begun or self._waiting)

    def submit(self, commands: Sequence[Command]) -> asyncio.Future[list[Answer]]:
        loop = asyncio.get_running_loop()
        answers = loop.create_future()
        self._waiting.append(Waiting(commands, answers, monotonic()))
        self._begin()
        if self._watch is None:
            self._watch = loop.call_later(PATIENCE_SECONDS, self._end_patience)
        return answers

    def _begin(self) -> None:
        if not (self._idle and self._waiting):
            return
        if self._has_company():
            self._idle -= 1
            task = asyncio.create_task(self._lane())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        elif self._nudge is None:
            self._nudge = asyncio.get_running_loop().call_later(COMPANY_SECONDS, self._nudged)

    def _nudged(self) -> None:
        self._nudge = None
        self._begin()

    def _has_company(self) -> bool:
        if not self._waiting:
            return False
        is_next = not self._begun or len(self._waiting) >= self._batch_max
        return is_next or monotonic() - self._waiting[0].since >= COMPANY_SECONDS

    async def _lane(self) -> None:
        loop = asyncio.get_running_loop()
        await _gathering()
        while self._has_company() and (batch := self._next()):
            begun = monotonic()
            commands = [command for one in batch for command in one.commands]
            self._begun[id(batch)] = batch
            try:
                answers = await loop.run_in_executor(self._threads, self._run, commands)
            except Exception as error:
                _fail(batch, error)
            else:
                _answer(batch, answers)
            del self._begun[id(batch)]
            self._batch_seconds = monotonic() - begun
            await _gathering()
        self._idle += 1
        self._begin()

    def _end_patience(self) -> None:
        """One look now and then instead of a timer for each: whoever has waited too long is told so."""
        self._watch = None
        now = monotonic()
        latest = now - PATIENCE_SECONDS
        while self._waiting and self._waiting[0].since <= latest:
            _fail([self._waiting.popleft()], Overloaded())
        begun = [one for batch in self._begun.values() for one in batch if not one.answers.done()]
        _fail([one for one in begun if one.since <= latest], TooSlow())
        unanswered = [one.since for one in [*begun, *islice(self._waiting, 1)] if one.since > latest]
        if unanswered:
            rest = max(min(unanswered) - latest, WATCH_SECONDS)
            self._watch = asyncio.get_running_loop().call_later(rest, self._end_patience)

    def _next(self) -> list[Waiting]:
        batch: list[Waiting] = []
        # What would come too late anyhow is not begun, so that the others come in time.
        patience = PATIENCE_SECONDS - min(self._batch_seconds, PATIENCE_SECONDS / 2)
        room, latest = self._batch_max, monotonic() - patience
        # A group that is larger than a batch goes alone.
        while self._waiting and (len(self._waiting[0].commands) <= room or not batch):
            one = self._waiting.popleft()
            if one.since < latest:
                _fail([one], Overloaded())
            else:
                batch.append(one)
                room -= len(one.commands)
        return batch


class Batcher:
    def __init__(
        self, run: Run, lanes: int, shard_of: Callable[[int], int] = lambda org_id: 0, batch_max: int = BATCH_MAX
    ) -> None:
        self._batch_max = batch_max
        self._run = run
        self._lanes = lanes
        self._shard_of = shard_of
        self._threads = ThreadPoolExecutor(lanes, "charging")
        self._shards: dict[int, Lanes] = {}

    async def submit(self, commands: Sequence[Command]) -> list[Answer]:
        """At most BATCH_MAX commands. Those of one shard stay together and in order; answered after the commit."""
        assert 0 < len(commands) <= BATCH_MAX
        shards = [self._shard_of(command.org_id) for command in commands]
        if len(set(shards)) == 1:
            return await self._lane_of(shards[0]).submit(commands)
        return await self._spread(commands, shards)

    async def _spread(self, commands: Sequence[Command], shards: Sequence[int]) -> list[Answer]:
        places: dict[int, list[int]] = {}
        for place, shard in enumerate(shards):
            places.setdefault(shard, []).append(place)
        waiting = {shard: self._lane_of(shard).submit([commands[n] for n in mine]) for shard, mine in places.items()}
        answers: dict[int, Answer] = {}
        for shard, future in waiting.items():
            answers.update(zip(places[shard], await future, strict=True))
        return [answers[place] for place in range(len(commands))]

    def is_busy(self) -> bool:
        """Whether anybody waits for an answer, for who asks from another thread."""
        return any(lanes.is_busy for lanes in list(self._shards.values()))

    def _lane_of(self, shard: int) -> Lanes:
        if shard not in self._shards:
            self._shards[shard] = Lanes(self._run, self._threads, self._lanes, self._batch_max)
        return self._shards[shard]

    def close(self) -> None:
        """What is running comes to its end."""
        self._threads.shutdown()


async def _gathering() -> None:
    for _ in range(GATHERING_TURNS):
        await asyncio.sleep(0)


def _answer(batch: Sequence[Waiting], answers: Sequence[Answer]) -> None:
    start = 0
    for one in batch:
        end = start + len(one.commands)
        if not one.answers.done():
            one.answers.set_result(list(answers[start:end]))
        start = end


def _fail(batch: Sequence[Waiting], error: Exception) -> None:
    for one in batch:
        if not one.answers.done():
            one.answers.set_exception(error)
