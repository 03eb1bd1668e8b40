"""How a call ends: what was used is charged, the rest goes back, what nobody covers is a shortfall of ours."""

from __future__ import annotations

from talktime.core.billing import Bill, bill_again, bill_of, cost_of, parts_of
from talktime.core.calls import (
    Answer,
    Call,
    CallState,
    Concerning,
    Done,
    Ended,
    Granted,
    Lapse,
    Refused,
    Release,
    Settle,
    Settled,
)
from talktime.core.desk import Desk, changed
from talktime.core.ledger import REVENUE, SHORTFALL, EntryKind, Posting, from_lots, to_lots
from talktime.core.lots import Parts, joined, split, split_last, total
from talktime.core.reporting import settled_of, usage_of
from talktime.core.time import SECOND


def settle(desk: Desk, command: Settle, call: Call | None) -> Answer:
    if call is None:
        now = desk.now(command)
        call = Call(command.org_id, command.call_id, CallState.SETTLED, now, settled=Settled(), heard_at=now)
        call = desk.keep(_reported(call, command))
    elif call.state is CallState.STALE and call.talked_seconds is None:
        call = desk.keep(_reported(_correct(desk, command, _begun(desk, command, call)), command))
    elif call.settled is None:
        charged = charge_ended(desk, command, _begun(desk, command, call), command.seconds)
        call = desk.keep(_reported(charged, command))
    assert call.settled is not None
    return ended(desk, command, call, conflict=call.talked_seconds != command.seconds)


def _reported(call: Call, command: Settle) -> Call:
    return changed(call, talked_seconds=command.seconds, cause=command.cause)


def _begun(desk: Desk, command: Settle, call: Call) -> Call:
    """When the talking began: as the switch says, or as follows from what it said."""
    now = desk.now(command)
    said = command.started_at or call.answered_at or now - command.seconds * SECOND
    return changed(call, started_at=min(max(said, call.opened_at), now))


def ended(desk: Desk, command: Concerning, call: Call, conflict: bool = False) -> Ended:
    reason = call.answer.reason if isinstance(call.answer, Refused) else None
    assert call.settled is not None
    return Ended(call.settled, desk.funds(command), conflict, reason)


def charge_ended(desk: Desk, command: Concerning, call: Call, seconds: int, key: str = "settle") -> Call:
    """From what is held, then from what is free now. A call that was never granted is a shortfall as a whole."""
    key = f"{key}:{call.call_id}"
    if not isinstance(call.answer, Granted):
        return _never_granted(desk, command, call, seconds, key)
    bill = bill_of(desk, command, call, seconds)
    spent = _take(desk, command, call.drawn, bill.from_balance)
    _book_charge(desk, command, key, spent, bill.shortfall(total(spent)))
    before = call
    call = changed(call, state=CallState.SETTLED, drawn=(), due_at=None, charged=spent, minutes=bill.minutes)
    call = _told(desk, command, call, seconds, bill, key)
    _count_end(desk, command, before, call)
    return call


def _never_granted(desk: Desk, command: Concerning, call: Call, seconds: int, key: str) -> Call:
    cost = cost_of(call, seconds) or 0
    _book_charge(desk, command, key, (), cost)
    return changed(call, state=CallState.SETTLED, due_at=None, settled=Settled(0, cost))


def _told(desk: Desk, command: Concerning, call: Call, seconds: int, bill: Bill, key: str) -> Call:
    charged = total(call.charged)
    parts = parts_of(call, seconds, bill, charged)
    settled = settled_of(call, parts, bill.shortfall(charged))
    desk.report(call, usage_of(call, parts, settled, desk.account(command).currency, key))
    return changed(call, settled=settled)


def _count_end(desk: Desk, command: Concerning, before: Call, call: Call) -> None:
    tally = desk.tally(command, call.caller)
    if tally and call.caller:
        tally = tally.ended(total(before.drawn)) if before.state is CallState.OPEN else tally
        spent = _charge(call) - _charge(before)
        desk.count(command, call.caller, tally.spent(spent, desk.now(command)))


def _charge(call: Call) -> int:
    return call.settled.charge if call.settled else 0


def _take(desk: Desk, command: Concerning, drawn: Parts, cost: int) -> Parts:
    spent, rest = split(drawn, cost)
    desk.give_back(command, rest)
    purse, missing = desk.purse(command), cost - total(spent)
    if missing:
        spent = joined(spent, purse.hold(missing, desk.now(command)))
    purse.charge(spent)
    return spent


def _book_charge(desk: Desk, command: Concerning, key: str, spent: Parts, shortfall: int) -> None:
    postings = from_lots(spent, REVENUE)
    if shortfall:
        postings.append(Posting(SHORTFALL, REVENUE, shortfall))
    desk.book(command, key, EntryKind.CHARGE, postings, -total(spent))


def _correct(desk: Desk, command: Settle, call: Call) -> Call:
    """It was charged its grant when nobody reported its end. Now somebody does: the difference is booked."""
    key = f"settle:{call.call_id}"
    bill, before = bill_again(desk, command, call, command.seconds), total(call.charged)
    if bill.from_balance < before:
        back, charged = split_last(call.charged, before - bill.from_balance)
        # Booked first: what goes back to a lot that has ended is gone again at once.
        desk.book(command, key, EntryKind.CHARGE, to_lots(back, REVENUE), total(back))
        desk.restore(command, back)
    else:
        more = _take(desk, command, (), bill.from_balance - before)
        charged = joined(call.charged, more)
        _book_charge(desk, command, key, more, bill.shortfall(total(charged)))
    corrected = changed(call, charged=charged, minutes=bill.minutes)
    corrected = _told(desk, command, corrected, command.seconds, bill, key)
    _count_end(desk, command, call, corrected)
    return corrected


def release(desk: Desk, command: Release, call: Call | None) -> Answer:
    if call is None:
        now = desk.now(command)
        desk.keep(Call(command.org_id, command.call_id, CallState.RELEASED, now, heard_at=now, cause=command.cause))
    elif call.state is CallState.OPEN:
        desk.keep(changed(_let_go(desk, command, call), cause=command.cause))
    return Done()


def _let_go(desk: Desk, command: Concerning, call: Call) -> Call:
    desk.give_back(command, call.drawn)
    terms = call.terms
    if terms and terms.pool:
        desk.pool((call.org_id, terms.pool, terms.month)).give_back(terms.second, call.minutes)
    tally = desk.tally(command, call.caller)
    if tally and call.caller:
        desk.count(command, call.caller, tally.ended(total(call.drawn)))
    return changed(call, state=CallState.RELEASED, drawn=(), due_at=None, minutes=0)


def lapse(desk: Desk, command: Lapse, call: Call | None) -> Answer:
    if call is None or call.state is not CallState.OPEN or call.due_at is None:
        return Done()
    if not command.lost and desk.now(command) < call.due_at:
        return Done()
    if call.answered_at is None:
        desk.keep(_let_go(desk, command, call))
    else:
        begun = changed(call, started_at=call.answered_at)
        stale = charge_ended(desk, command, begun, call.seconds, key="stale")
        desk.keep(changed(stale, state=CallState.STALE))
    return Done()
