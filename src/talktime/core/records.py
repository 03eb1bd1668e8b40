"""Calls that nobody authorized, reported when they are over: the rules are asked afterwards."""

from __future__ import annotations

from talktime.core.asking import ask, pool_of_call
from talktime.core.calls import Answer, Call, CallState, Conflicting, Granted, Record, Refusal, Refused, other_field
from talktime.core.checks import Question, verdict
from talktime.core.desk import Desk, changed
from talktime.core.endings import charge_ended, ended
from talktime.core.grants import block_if_broken
from talktime.core.months import day_of
from talktime.core.terms import terms_of
from talktime.core.usage import Payer


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
    decided = verdict(question)
    call = call or Call(command.org_id, command.call_id, CallState.OPEN, started_at)
    about = {"asked": command.asked, "switch": command.switch, "talked_seconds": seconds, "started_at": started_at}
    call = changed(call, state=CallState.OPEN, **about)
    if decided.refusal:
        return _refused(desk, command, call, question, decided.refusal)
    return _granted(desk, command, call, question, decided.payer)


def _refused(desk: Desk, command: Record, call: Call, question: Question, reason: Refusal) -> Call:
    limit = block_if_broken(desk, command, question, reason)
    refused = changed(call, answer=Refused(reason, question.rate, limit))
    return charge_ended(desk, command, refused, refused.talked_seconds or 0)


def _granted(desk: Desk, command: Record, call: Call, question: Question, payer: Payer | None) -> Call:
    seconds, case, account = call.talked_seconds or 0, question.case, question.account
    pool = pool_of_call(desk, command, question.at) if question.left else None
    terms = terms_of(question, payer, pool)
    kind = case.pool.kind.value if case.pool and pool else ""
    first_payer = Payer.POOL if pool else terms.payer
    about = (question.rate, account.currency, first_payer, terms.pool, kind, 0, terms.capability, case.emergency)
    answer = Granted(seconds, True, 0, question.at, 0, *about)
    if question.tally and terms.counted and terms.user_id:
        day = day_of(question.at, account.time_zone)
        desk.count(command, terms.user_id, question.tally.begun(0, terms.destination, day))
    return charge_ended(desk, command, changed(call, answer=answer, terms=terms, seconds=seconds), seconds)
