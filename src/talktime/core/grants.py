"""How a call begins and goes on: time is granted slice by slice, and what it costs is held first."""

from __future__ import annotations

from talktime.core.call_types import NOBODY_PAYS
from talktime.core.calls import (
    Answer,
    Answered,
    Asked,
    Authorize,
    Call,
    CallState,
    Conflicting,
    Done,
    Extend,
    Extended,
    Granted,
    Refusal,
    Refused,
    other_field,
)
from talktime.core.checks import Question, refusal
from talktime.core.desk import Desk, changed
from talktime.core.endings import charge_ended
from talktime.core.lots import joined, total
from talktime.core.rates import FREE, Rate, affordable_seconds, price, whole_increments
from talktime.core.time import SECOND

EXTENDED_GRACE_SECONDS = 60


def authorize(desk: Desk, command: Authorize, call: Call | None) -> Answer:
    if call is None:
        return _open(desk, command)
    if call.asked is None:
        return _authorize_ended(desk, command, call)
    if field := other_field(call.asked, command.asked):
        return Conflicting(field)
    assert call.answer is not None
    return call.answer


def _open(desk: Desk, command: Authorize) -> Answer:
    question = ask(desk, command, desk.now(command))
    if reason := refusal(question):
        return _refuse(desk, command, reason, question.rate)
    return _grant(desk, command, question)


def ask(desk: Desk, command: Authorize, at: int) -> Question:
    """What the checks look at: the price of `at`, the money of now."""
    available = desk.purse(command).available(desk.now(command))
    return Question(command.asked, desk.account(command), desk.user(command), desk.rate(command, at), available)


def _grant(desk: Desk, command: Authorize, question: Question) -> Granted:
    account, now = desk.account(command), desk.now(command)
    rate = question.rate or FREE
    whole = whole_increments(rate, min(account.slice_seconds, account.max_call_seconds))
    wanted = min(whole, command.asked.requested_seconds or whole)
    seconds = _covered(command.asked, rate, question.available, wanted)
    final = seconds < whole or seconds >= whole_increments(rate, account.max_call_seconds)
    held = price(rate, seconds)
    expires_at = now + (seconds + account.grace_seconds) * SECOND
    answer = Granted(
        seconds, final, _ask_again_after(seconds, seconds), expires_at, held, question.rate, account.currency
    )
    drawn = desk.purse(command).hold(held, now) if held else ()
    desk.keep(
        Call(
            command.org_id,
            command.call_id,
            CallState.OPEN,
            now,
            asked=command.asked,
            answer=answer,
            switch=command.switch,
            seconds=seconds,
            grown_by=seconds,
            final=final,
            drawn=drawn,
            heard_at=now,
            due_at=expires_at,
        )
    )
    return answer


def _covered(asked: Asked, rate: Rate, funds: int, seconds_max: int) -> int:
    if asked.call_type in NOBODY_PAYS:
        return whole_increments(rate, seconds_max)
    return affordable_seconds(rate, funds, seconds_max)


def _refuse(desk: Desk, command: Authorize, reason: Refusal, rate: Rate | None) -> Refused:
    answer = Refused(reason, rate)
    now = desk.now(command)
    desk.keep(
        Call(command.org_id, command.call_id, CallState.REFUSED, now, asked=command.asked, answer=answer, heard_at=now)
    )
    return answer


def _authorize_ended(desk: Desk, command: Authorize, call: Call) -> Refused:
    """Its end overtook it: nothing is held, and what was talked is a shortfall."""
    answer = Refused(Refusal.ALREADY_ENDED, desk.rate(command, desk.now(command)))
    call = changed(call, asked=command.asked, answer=answer)
    if call.talked_seconds is not None:
        call = charge_ended(desk, command, call, call.talked_seconds)
    desk.keep(call)
    return answer


def extend(desk: Desk, command: Extend, call: Call | None) -> Answer:
    if call is None or call.state is not CallState.OPEN:
        return Extended(call.seconds if call else 0, final=True)
    if command.granted_seconds > call.seconds:
        return Conflicting("granted_seconds")
    now = desk.now(command)
    if command.granted_seconds == call.seconds:
        call = _grow(desk, command, call)
    call = desk.keep(_heard(call, now, call.answered_at or now))
    assert call.due_at is not None
    return Extended(call.seconds, call.final, _ask_again_after(call.seconds, call.grown_by), call.due_at)


def _grow(desk: Desk, command: Extend, call: Call) -> Call:
    """By one more slice, or by what of it is covered."""
    assert call.asked is not None
    account, now, purse, rate = desk.account(command), desk.now(command), desk.purse(command), call.rate
    held = total(call.drawn)
    # At least one increment more, as a first slice has at least one.
    slice_end = call.seconds + max(account.slice_seconds, rate.step_seconds)
    most = whole_increments(rate, min(slice_end, account.max_call_seconds))
    covered = _covered(call.asked, rate, held + purse.available(now), most)
    seconds = max(covered, call.seconds)
    final = seconds < most or seconds >= whole_increments(rate, account.max_call_seconds)
    more = purse.hold(price(rate, seconds) - held, now) if seconds > call.seconds else ()
    grown_by = seconds - call.seconds or call.grown_by
    return changed(call, seconds=seconds, grown_by=grown_by, final=final, drawn=joined(call.drawn, more))


def answered(desk: Desk, command: Answered, call: Call | None) -> Answer:
    """The first word about it counts; the grant runs from there."""
    if call is not None and call.state is CallState.OPEN:
        now = desk.now(command)
        said = now if command.answered_at is None else min(max(command.answered_at, call.opened_at), now)
        desk.keep(_heard(call, now, call.answered_at or said))
    return Done()


def _heard(call: Call, now: int, answered_at: int) -> Call:
    due_at = answered_at + (call.seconds + EXTENDED_GRACE_SECONDS) * SECOND
    return changed(call, heard_at=now, answered_at=answered_at, due_at=due_at)


def _ask_again_after(seconds: int, grown_by: int) -> int:
    return seconds - grown_by // 5
