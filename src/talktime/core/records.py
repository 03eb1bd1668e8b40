"""Calls that nobody authorized, reported when they are over: the rules are asked afterwards."""

from __future__ import annotations

from talktime.core.calls import Answer, Call, CallState, Conflicting, Granted, Record, Refused, other_field
from talktime.core.checks import refusal
from talktime.core.desk import Desk, changed
from talktime.core.endings import charge_ended, ended
from talktime.core.grants import ask


def record(desk: Desk, command: Record, call: Call | None) -> Answer:
    """Never refused: what the rules would have refused is a shortfall as a whole."""
    if call is not None and call.asked is not None:
        if field := other_field(call.asked, command.asked):
            return Conflicting(field)
        return ended(desk, command, call)
    return ended(desk, command, desk.keep(_book(desk, command, call)))


def _book(desk: Desk, command: Record, call: Call | None) -> Call:
    started_at, seconds = command.asked.started_at, command.asked.duration_seconds
    assert started_at is not None and seconds is not None
    question = ask(desk, command, started_at)
    reason = refusal(question)
    answer = Refused(reason, question.rate) if reason else Granted(seconds, True, 0, started_at, 0, question.rate)
    if call is None:
        call = Call(command.org_id, command.call_id, CallState.OPEN, started_at)
    granted = 0 if reason else seconds
    call = changed(
        call, asked=command.asked, answer=answer, switch=command.switch, seconds=granted, talked_seconds=seconds
    )
    return charge_ended(desk, command, call, seconds)
