"""Those who answer: processes with lanes, each of which takes the engine through one batch after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from talktime.charging.engine import Engine, Shelf
from talktime.core.calls import Answer, Command, Key
from talktime.storage.errors import Conflict, StoreUnavailable
from tests.simulation import mirror
from tests.simulation.fibers import Fiber
from tests.simulation.mirror import Seen, Wrong, expect
from tests.simulation.reference import Said
from tests.simulation.store import MemoryStore, MemoryTx, Rows

if TYPE_CHECKING:
    from tests.simulation.world import World

MILLISECOND = 1000


class Killed(BaseException):
    """The process is no more."""


class Asking(Protocol):
    command: Command

    def answer(self, answer: Answer | None) -> None:
        """None: 503."""
        ...


class WatchedEngine(Engine):
    """Tells which commands a transaction is about, and has the answers compared."""

    def __init__(self, world: World) -> None:
        super().__init__(MemoryStore(world.memory, lambda: world.lane), Shelf(world.read_prices))
        self._world = world

    def _run(self, commands: Sequence[Command], locked: bool) -> list[Answer]:
        lane = self._world.lane
        lane.begin(commands)
        try:
            answers = super()._run(commands, locked)
        except Conflict:
            self._world.figures.conflicts += 1
            raise
        lane.compare(answers)
        return answers


class Process:
    """What arrives while its lanes are busy forms the next batch."""

    def __init__(self, world: World, name: int) -> None:
        self._world = world
        self._name = name
        self._skew = world.chance.choice([0, 0, -900, 1400]) * MILLISECOND
        self._inbox: deque[tuple[Asking, Command]] = deque()
        self.engine = WatchedEngine(world)
        self.lanes = [Lane(world, self) for _ in range(MemoryStore.lanes)]
        self.life = 0
        self._is_up = True

    def receive(self, request: Asking) -> None:
        if not self._is_up:
            return
        self._inbox.append((request, replace(request.command, at=self._world.now + self._skew)))
        idle = next((lane for lane in self.lanes if not lane.is_wanted), None)
        if idle:
            idle.is_wanted = True
            self._world.later(self._world.chance.choice([0, 5, 30]) * MILLISECOND, idle.start)

    def batch(self) -> list[tuple[Asking, Command]]:
        size = self._world.chance.choice([1, 3, 8, 30])
        return [self._inbox.popleft() for _ in range(min(size, len(self._inbox)))]

    def die(self) -> None:
        self._world.note("dies", self._name)
        self._world.figures.crashes += 1
        self.life += 1
        self._is_up = False
        self._inbox.clear()
        self._world.later(self._world.chance.choice([100, 1000, 5000]) * MILLISECOND, self._start_again)

    def _start_again(self) -> None:
        self._is_up = True


class Lane:
    """It watches its own transactions: here they are held up, broken off and compared."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self.fiber = Fiber()
        self.is_wanted = False
        self._life = 0
        self._commands: Sequence[Command] = ()
        self._seen = Seen()
        self._expected: list[Said] | None = None

    def start(self) -> None:
        self._life = self._process.life
        self._world.lane = self
        self.fiber.run(self._work)

    def _resume(self) -> None:
        self._world.lane = self
        self.fiber.resume()

    def _work(self) -> None:
        with suppress(Killed):
            while batch := self._process.batch():
                answers = self._answers([command for _, command in batch])
                for (request, _), answer in zip(batch, answers, strict=True):
                    request.answer(answer)
        self.is_wanted = False

    def _answers(self, commands: Sequence[Command]) -> Sequence[Answer | None]:
        try:
            return self._process.engine.run(commands)
        except StoreUnavailable:
            return [None] * len(commands)

    # ---------------------------------------------------------------- around a transaction

    def begin(self, commands: Sequence[Command]) -> None:
        self._commands, self._seen, self._expected = commands, Seen(), None

    def compare(self, answers: Sequence[Answer]) -> None:
        if self._expected is None:
            raise Wrong(f"answered and not committed: {self._commands}")
        for command, answer, wanted in zip(self._commands, answers, self._expected, strict=True):
            expect(f"the answer to {command}", mirror.said(answer), wanted)

    # ---------------------------------------------------------------- as the watch of a transaction

    def pause(self, point: str) -> None:
        world, chance = self._world, self._world.chance
        if world.strikes(world.size.crashes):
            world.note("at", point)
            self._process.die()
            raise Killed
        if point == "before it reads" and world.strikes(world.size.down):
            raise StoreUnavailable("the database is not there")
        if point != "it waits for a lock" and chance.random() < 0.3:
            return
        world.later(chance.choice([1, 3, 10, 30, 200]) * MILLISECOND, self._resume)
        self.fiber.pause()
        if self._life != self._process.life:
            raise Killed

    def read_accounts(self, tx: MemoryTx) -> None:
        self._world.mirror.see_accounts(self._seen, tx.org_ids)

    def read_calls(self, tx: MemoryTx) -> None:
        self._world.mirror.see_calls(self._seen, tx.org_ids, tx.keys)

    def read_lots(self, tx: MemoryTx) -> None:
        self._world.mirror.see_lots(self._seen)

    def read_pools(self, tx: MemoryTx) -> None:
        self._world.mirror.see_pools(self._seen)

    def read_tallies(self, tx: MemoryTx) -> None:
        self._world.mirror.see_tallies(self._seen)

    def read_people(self, tx: MemoryTx, users: Sequence[Key]) -> None:
        self._world.mirror.see_people(self._seen, users)

    def committing(self, tx: MemoryTx) -> None:
        self._lose_connection("not committed")

    def committed(self, tx: MemoryTx, before: Rows) -> None:
        self._expected = self._world.committed(self._commands, self._seen, before)
        self._lose_connection("committed")

    def _lose_connection(self, outcome: str) -> None:
        if self._world.strikes(self._world.size.unknown_outcomes):
            self._world.note("nobody knows that it was", outcome)
            self._world.figures.crashes += 1
            raise StoreUnavailable("the connection is lost in COMMIT")
