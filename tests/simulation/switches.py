"""What switches say about a call. A script is one call: it says something and hears the answer, or lets time pass."""

from __future__ import annotations

from collections.abc import Callable, Generator
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from talktime.core.calls import (
    Answer,
    Answered,
    Asked,
    Authorize,
    Command,
    Extend,
    Extended,
    Granted,
    Lapse,
    Record,
    Release,
    Settle,
)
from talktime.core.time import SECOND


class Ask(NamedTuple):
    """Asked again and again until there is an answer, or so many times at most."""

    command: Command
    times_max: int | None = None


class Send(NamedTuple):
    """The same, but the call goes on without waiting for the answer."""

    command: Command


class Sleep(NamedTuple):
    seconds: float


Script = Generator[Ask | Send | Sleep, Answer | None, None]
Waiting = Generator[Ask | Send | Sleep, Answer | None, int]


class Line:
    """One call id, and what can be said of it."""

    def __init__(self, chance: Random, org_id: int, call_id: str, asked: Asked, now: Callable[[], int]) -> None:
        self.chance = chance
        self.asked = asked
        self.now = now
        self._about = (org_id, call_id, 0, f"switch:{org_id}")

    def likely(self, share: float) -> bool:
        return self.chance.random() < share

    def authorize(self, **other: object) -> Authorize:
        return Authorize(*self._about, replace(self.asked, **other))

    def record(self, seconds: int, ago: int = 0) -> Record:
        started_at = self.now() - (seconds + ago) * SECOND
        return Record(*self._about, replace(self.asked, started_at=started_at, duration_seconds=seconds))

    def extend(self, granted_seconds: int) -> Extend:
        return Extend(*self._about, granted_seconds)

    def answered(self) -> Answered:
        said = self.now() + self.chance.randrange(-20, 5) * SECOND if self.likely(0.4) else None
        return Answered(*self._about, said)

    def settle(self, seconds: int) -> Settle:
        return Settle(*self._about, seconds, self.chance.choice([None, "bye"]))

    def release(self) -> Release:
        return Release(*self._about, self.chance.choice([None, "busy"]))

    def lost(self) -> Lapse:
        return Lapse(*self._about, lost=True)

    def talk_time(self) -> int:
        return self.chance.choice([0, 1, 59, 60, 61, self.chance.randrange(1, 200), self.chance.randrange(1, 1500)])


def talking(line: Line, granted: Granted, wanted: int) -> Waiting:
    """Asks for more until nothing more comes or nobody wants to talk any longer."""
    spoken, total, ask_at = 0, granted.seconds, granted.extend_after_seconds
    while ask_at < wanted:
        yield Sleep(max(ask_at - spoken, 0.1))
        spoken = ask_at
        if line.likely(0.05):
            yield Send(line.extend(line.chance.choice([total + 60, total - 1, 0])))
        answer = yield Ask(line.extend(total))
        if not isinstance(answer, Extended) or answer.seconds <= total:
            break
        total, ask_at = answer.seconds, answer.extend_after_seconds
    talked = min(wanted, total)
    yield Sleep(max(talked - spoken, 0))
    return talked + (line.chance.randrange(400) if line.likely(0.1) else 0)


def ordinary(line: Line) -> Script:
    answer = yield Ask(line.authorize())
    if not isinstance(answer, Granted):
        return
    yield Sleep(line.chance.randrange(1, 30))
    if line.likely(0.6):
        yield Ask(line.answered())
    talked = yield from talking(line, answer, line.talk_time())
    yield Ask(line.settle(talked))
    if line.likely(0.2):
        more: list[Command] = [line.settle(talked), line.settle(talked + 1), line.release(), line.answered()]
        yield Send(line.chance.choice(more))


def unanswered(line: Line) -> Script:
    # A switch does not wait for ever; what it never heard of it releases all the same.
    yield Ask(line.authorize(), times_max=line.chance.choice([1, 3]))
    yield Sleep(line.chance.randrange(60))
    yield Ask(line.release())
    if line.likely(0.3):
        yield Sleep(line.chance.randrange(60))
        yield Ask(line.settle(line.talk_time()))


def forgotten(line: Line) -> Script:
    """The switch dies, or its reports are lost for a long time."""
    answer = yield Ask(line.authorize())
    if not isinstance(answer, Granted):
        return
    talked = line.talk_time()
    if line.likely(0.75):
        yield Ask(line.answered())
        talked = yield from talking(line, answer, talked)
    if line.likely(0.2):
        yield Ask(line.lost())
    if line.likely(0.8):
        yield Sleep(line.chance.choice([30, 400, 1500]))
        yield Ask(line.settle(line.chance.choice([talked, line.talk_time(), line.talk_time() // 3])))


def overtaken(line: Line) -> Script:
    """The end of a call arrives before its beginning."""
    yield Ask(line.release() if line.likely(0.4) else line.settle(line.talk_time()))
    if line.likely(0.3):
        yield Send(line.settle(line.talk_time()))
    yield Ask(line.authorize() if line.likely(0.7) else line.record(line.talk_time()))
    yield Ask(line.settle(line.talk_time()))


def recorded(line: Line) -> Script:
    record = line.record(line.talk_time(), ago=line.chance.randrange(600))
    yield Ask(record)
    if line.likely(0.3):
        more: list[Command] = [record, line.record(7), line.authorize(), line.release()]
        yield Ask(line.chance.choice(more))
    if line.likely(0.2):
        yield Ask(line.settle(line.talk_time()))


def quarrelsome(line: Line) -> Script:
    """Says something else under the same id."""
    answer = yield Ask(line.authorize())
    other = {"to": "+12025550199"} if line.likely(0.5) else {"from_": "+4412345678", "switch": "s2"}
    yield Ask(line.authorize(**other))
    yield Sleep(line.chance.randrange(200))
    yield Ask(line.authorize())
    if isinstance(answer, Granted):
        yield Ask(line.extend(answer.seconds))
        yield Ask(line.extend(answer.seconds))
    yield Ask(line.settle(line.talk_time()))
    yield Ask(line.settle(line.talk_time()))


def all_at_once(line: Line) -> Script:
    """Whatever order the network makes of it."""
    first = line.asked.requested_seconds or 60
    said: list[Command] = [line.authorize(), line.authorize(), line.answered(), line.extend(first), line.extend(300)]
    said += [line.settle(line.talk_time()), line.release(), line.settle(line.talk_time()), line.lost()]
    for command in line.chance.sample(said, line.chance.randrange(2, len(said))):
        yield Send(command)
    yield Sleep(5)
    yield Ask(line.settle(line.talk_time()))


SCRIPTS = (ordinary, unanswered, forgotten, overtaken, recorded, quarrelsome, all_at_once)
HOW_OFTEN = (50, 12, 20, 6, 8, 6, 6)


def some_script(chance: Random) -> Callable[[Line], Script]:
    return chance.choices(SCRIPTS, HOW_OFTEN)[0]
