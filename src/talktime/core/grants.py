"""How a call begins and goes on: time is granted slice by slice, and what it costs is held first."""

from __future__ import annotations

from talktime.core.asking import ask, payer_after_pool, pool_of_call
from talktime.core.calls import (
    Answer,
    Answered,
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
    Terms,
    other_field,
)
from talktime.core.checks import Question, broken_rule, first_slice, longest, means_of, verdict
from talktime.core.desk import Desk, changed
from talktime.core.endings import charge_ended
from talktime.core.fraud import KINDS
from talktime.core.lots import joined, total
from talktime.core.months import day_of
from talktime.core.reach import MINUTE_SECONDS, Means, Stretch, stretch, wanted
from talktime.core.terms import terms_after, terms_of
from talktime.core.time import SECOND
from talktime.core.usage import Payer

EXTENDED_GRACE_SECONDS = 60
FOREVER_SECONDS = 1 << 40


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
    decided = verdict(question)
    if decided.refusal:
        return _refuse(desk, command, question, decided.refusal)
    return _grant(desk, command, question, decided.payer)


def _grant(desk: Desk, command: Authorize, question: Question, payer: Payer | None) -> Granted:
    now = desk.now(command)
    got = first_slice(question, payer)
    pool = pool_of_call(desk, command, now) if got.minutes else None
    terms = terms_of(question, payer, pool)
    answer = _granted(question, payer, got, terms)
    if pool:
        desk.pool(pool).hold(terms.second, got.minutes)
    _count(desk, command, question, got, terms)
    desk.keep(
        Call(
            command.org_id,
            command.call_id,
            CallState.OPEN,
            now,
            asked=command.asked,
            answer=answer,
            switch=command.switch,
            seconds=got.seconds,
            grown_by=got.seconds,
            final=answer.final,
            drawn=desk.purse(command).hold(got.cost, now) if got.cost else (),
            heard_at=now,
            due_at=answer.expires_at,
            terms=terms,
            minutes=got.minutes,
            over=_is_over(got),
        )
    )
    return answer


def _granted(question: Question, payer: Payer | None, got: Stretch, terms: Terms) -> Granted:
    account, case = question.account, question.case
    final = not case.emergency and _is_final(question, payer, got)
    only_pool = got.minutes > 0 and not _is_over(got)
    return Granted(
        got.seconds,
        final,
        _ask_again_after(got.seconds, got.seconds),
        question.at + (got.seconds + account.grace_seconds) * SECOND,
        got.cost,
        question.rate,
        account.currency,
        Payer.POOL if only_pool else terms.payer,
        terms.pool,
        case.pool.kind.value if case.pool and got.minutes else "",
        got.minutes,
        terms.capability if got.minutes else terms.paid_as,
        case.emergency,
    )


def _is_final(question: Question, payer: Payer | None, got: Stretch) -> bool:
    means, most = means_of(question, payer), longest(question.account)
    end = min(question.account.slice_seconds, most)
    return got.seconds < wanted(means, end) or got.seconds >= wanted(means, most)


def _is_over(got: Stretch) -> bool:
    return 0 < got.minutes * MINUTE_SECONDS < got.seconds


def _count(desk: Desk, command: Authorize, question: Question, got: Stretch, terms: Terms) -> None:
    if question.tally and terms.counted and terms.user_id:
        day = day_of(question.at, question.account.time_zone)
        desk.count(command, terms.user_id, question.tally.begun(got.cost, terms.destination, day))


def _refuse(desk: Desk, command: Authorize, question: Question, reason: Refusal) -> Refused:
    limit = block_if_broken(desk, command, question, reason)
    answer = Refused(reason, question.rate, limit)
    now = desk.now(command)
    desk.keep(
        Call(command.org_id, command.call_id, CallState.REFUSED, now, asked=command.asked, answer=answer, heard_at=now)
    )
    return answer


def block_if_broken(desk: Desk, command: Authorize, question: Question, reason: Refusal) -> str:
    """A kind that is switched off only refuses; whoever passes a number is blocked. What it was."""
    if reason is not Refusal.FRAUD_LIMIT:
        return ""
    limit = broken_rule(question) or ""
    if limit not in KINDS and question.user:
        desk.block(command, question.user.user_id, limit)
    return limit


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
    account = desk.account(command)
    most = FOREVER_SECONDS if call.is_emergency else longest(account)
    # At least one increment more, as a first slice has at least one.
    step = MINUTE_SECONDS if call.minutes and not call.over else call.rate.step_seconds
    end = min(call.seconds + max(account.slice_seconds, step), most)
    payer, means = _means_to_go_on(desk, command, call)
    got = stretch(means, end, call.seconds)
    final = not call.is_emergency and (
        got.seconds < wanted(means, end, call.seconds)
        or max(got.seconds, call.seconds) >= wanted(means, most, call.seconds)
    )
    if got.seconds <= call.seconds or call.seconds >= most:
        return changed(call, final=final)
    return changed(_grown(desk, command, call, got, payer), final=final)


def _means_to_go_on(desk: Desk, command: Extend, call: Call) -> tuple[Payer | None, Means]:
    terms = call.terms
    assert terms is not None
    available = desk.purse(command).available(desk.now(command)) + total(call.drawn)
    minutes: int | None = call.minutes if terms.pool else None
    payer: Payer | None = terms.payer
    if terms.pool and not call.over:
        minutes = call.minutes + desk.pool((call.org_id, terms.pool, terms.month)).left(terms.second)
        payer = payer_after_pool(desk, command, call)
    return payer, Means(call.rate, minutes, payer is not None, available if payer is Payer.CREDITS else None)


def _grown(desk: Desk, command: Extend, call: Call, got: Stretch, payer: Payer | None) -> Call:
    terms = call.terms
    assert terms is not None
    if more_minutes := got.minutes - call.minutes:
        desk.pool((call.org_id, terms.pool, terms.month)).hold(terms.second, more_minutes)
    more = got.cost - total(call.drawn) if payer is Payer.CREDITS else 0
    drawn = desk.purse(command).hold(more, desk.now(command)) if more > 0 else ()
    if more > 0 and (tally := desk.tally(command, call.caller)) and call.caller:
        desk.count(command, call.caller, tally.grown(more))
    over = call.over or _is_over(got)
    return changed(
        call,
        seconds=got.seconds,
        grown_by=got.seconds - call.seconds,
        drawn=joined(call.drawn, drawn),
        minutes=got.minutes,
        over=over,
        terms=terms_after(terms, payer) if over and not call.over else terms,
    )


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
