"""Those who ask: switches that repeat what they said until they are answered, and the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talktime.core.calls import Answer, Command, Failed
from talktime.core.time import SECOND
from tests.simulation.switches import Script, Send, Sleep

if TYPE_CHECKING:
    from tests.simulation.world import World


class Caller:
    """Goes through a script."""

    def __init__(self, world: World, script: Script) -> None:
        self._world = world
        self._script = script

    def go_on(self, answer: Answer | None = None) -> None:
        try:
            wish = self._script.send(answer)
            while isinstance(wish, Send):
                Request(self._world, wish.command).send()
                wish = self._script.send(None)
        except StopIteration:
            self._world.under_way -= 1
            return
        if isinstance(wish, Sleep):
            self._world.later(int(wish.seconds * SECOND), self.go_on)
        else:
            Request(self._world, wish.command, self, wish.times_max).send()


class Request:
    """A command on its way, sent again under the same id until it is answered."""

    def __init__(
        self, world: World, command: Command, caller: Caller | None = None, times_max: int | None = None
    ) -> None:
        self.command = command
        self._world = world
        self._caller = caller
        self._times_left = times_max
        self._is_done = False
        world.under_way += 1

    def send(self) -> None:
        if self._is_done:
            return
        if self._times_left == 0:
            self._finish(None)
            return
        if self._times_left is not None:
            self._times_left -= 1
        world = self._world
        world.carry(lambda: world.some_process().receive(self))
        world.later(world.chance.choice([1, 1, 3]) * SECOND, self.send)

    def answer(self, answer: Answer | None) -> None:
        if isinstance(answer, Failed):
            self._world.figures.failed += 1
        elif answer is not None:
            self._world.carry(lambda: self._hear(answer))

    def _hear(self, answer: Answer) -> None:
        if not self._is_done:
            self._world.acknowledged.append((self.command, answer))
            self._finish(answer)

    def _finish(self, answer: Answer | None) -> None:
        self._is_done = True
        self._world.under_way -= 1
        if self._caller:
            self._caller.go_on(answer)


class Errand:
    """A command of the clock. If it is lost, the next round finds that it is still to be done."""

    def __init__(self, command: Command) -> None:
        self.command = command

    def answer(self, answer: Answer | None) -> None:
        """Nobody waits for it."""
