"""The only place with rules: what was read and what is asked go in, the answers and what is to be written come out."""

from __future__ import annotations

from collections.abc import Sequence

from talktime.core.calls import (
    Answer,
    Answered,
    Authorize,
    Command,
    Done,
    Extend,
    Lapse,
    Record,
    Release,
    Settle,
    Unknown,
)
from talktime.core.desk import Changes, Desk, State
from talktime.core.endings import lapse, release, settle
from talktime.core.grants import answered, authorize, extend
from talktime.core.records import record


def decide(state: State, commands: Sequence[Command]) -> tuple[list[Answer], Changes]:
    desk = Desk(state)
    answers = [_answer(desk, command) for command in commands]
    return answers, desk.changes()


def _answer(desk: Desk, command: Command) -> Answer:
    if not desk.has(command.org_id):
        return Unknown()
    call = desk.call(command)
    match command:
        case Record():
            return record(desk, command, call)
        case Authorize():
            return authorize(desk, command, call)
        case Settle():
            return settle(desk, command, call)
        case Extend():
            return extend(desk, command, call)
        case Release():
            return release(desk, command, call)
        case Answered():
            return answered(desk, command, call)
        case Lapse():
            return lapse(desk, command, call)
    # What is left is a touch.
    desk.expire(command)
    return Done()
