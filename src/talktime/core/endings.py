"""How a call ends: what was used is charged, the rest goes back, what nobody covers is a shortfall of ours."""

from __future__ import annotations

from talktime.core.call_types import NOBODY_PAYS
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
    UsageRow,
)
from talktime.core.desk import Desk, changed
from talktime.core.ids import uuid7_of
from talktime.core.ledger import REVENUE, SHORTFALL, EntryKind, Posting, from_lots, to_lots
from talktime.core.lots import Parts, joined, split, split_last, total
from talktime.core.rates import billed_seconds, price


def settle(desk: Desk, command: Settle, call: Call | None) -> Answer:
    if call is None:
        now = desk.now(command)
        call = Call(command.org_id, command.call_id, CallState.SETTLED, now, settled=Settled(), heard_at=now)
        call = desk.keep(_reported(call, command))
    elif call.state is CallState.STALE and call.talked_seconds is None:
        call = desk.keep(_reported(_correct(desk, command, call), command))
    elif call.settled is None:
        call = desk.keep(_reported(charge_ended(desk, command, call, command.seconds), command))
    assert call.settled is not None
    return ended(desk, command, call, conflict=call.talked_seconds != command.seconds)


def _reported(call: Call, command: Settle) -> Call:
    return changed(call, talked_seconds=command.seconds, cause=command.cause)


def ended(desk: Desk, command: Concerning, call: Call, conflict: bool = False) -> Ended:
    reason = call.answer.reason if isinstance(call.answer, Refused) else None
    assert call.settled is not None
    return Ended(call.settled, desk.funds(command), conflict, reason)


def charge_ended(desk: Desk, command: Concerning, call: Call, seconds: int, key: str = "settle") -> Call:
    """From what is held, then from what is available now. A call that was never granted is a shortfall as a whole."""
    cost = price(call.rate, seconds)
    spent: Parts = ()
    if isinstance(call.answer, Granted):
        spent = _take(desk, command, call.drawn, cost)
    _book_charge(desk, command, f"{key}:{call.call_id}", spent, cost - total(spent))
    settled = _settled(call, seconds, cost, total(spent))
    return changed(call, state=CallState.SETTLED, drawn=(), due_at=None, charged=spent, settled=settled)


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


def _settled(call: Call, seconds: int, cost: int, charge: int) -> Settled:
    whole_shortfall = not isinstance(call.answer, Granted) or (cost > 0 and charge == 0)
    if whole_shortfall or seconds <= 0:
        return Settled(charge, cost - charge)
    billed = billed_seconds(call.rate, seconds)
    payer = "none" if call.asked and call.asked.call_type in NOBODY_PAYS else "credits"
    usage_id = uuid7_of(call.opened_at, f"usage:{call.org_id}:{call.call_id}")
    row = UsageRow(usage_id, "", payer, -(-billed // 60), charge)
    return Settled(charge, cost - charge, billed, call.rate.connection_fee, (row,))


def _correct(desk: Desk, command: Settle, call: Call) -> Call:
    """It was charged its grant when nobody reported its end. Now somebody does: the difference is booked."""
    cost, before = price(call.rate, command.seconds), total(call.charged)
    if cost < before:
        back, charged = split_last(call.charged, before - cost)
        # Booked first: what goes back to a lot that has ended is gone again at once.
        desk.book(command, f"settle:{call.call_id}", EntryKind.CHARGE, to_lots(back, REVENUE), total(back))
        desk.restore(command, back)
    else:
        more = _take(desk, command, (), cost - before)
        charged = joined(call.charged, more)
        _book_charge(desk, command, f"settle:{call.call_id}", more, cost - total(charged))
    settled = _settled(call, command.seconds, cost, total(charged))
    return changed(call, charged=charged, settled=settled)


def release(desk: Desk, command: Release, call: Call | None) -> Answer:
    if call is None:
        now = desk.now(command)
        desk.keep(Call(command.org_id, command.call_id, CallState.RELEASED, now, heard_at=now, cause=command.cause))
    elif call.state is CallState.OPEN:
        desk.keep(changed(_let_go(desk, command, call), cause=command.cause))
    return Done()


def _let_go(desk: Desk, command: Concerning, call: Call) -> Call:
    desk.give_back(command, call.drawn)
    return changed(call, state=CallState.RELEASED, drawn=(), due_at=None)


def lapse(desk: Desk, command: Lapse, call: Call | None) -> Answer:
    if call is None or call.state is not CallState.OPEN or call.due_at is None:
        return Done()
    if not command.lost and desk.now(command) < call.due_at:
        return Done()
    if call.answered_at is None:
        desk.keep(_let_go(desk, command, call))
    else:
        stale = charge_ended(desk, command, call, call.seconds, key="stale")
        desk.keep(changed(stale, state=CallState.STALE))
    return Done()
