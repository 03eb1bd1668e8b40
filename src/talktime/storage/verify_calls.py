"""The calls of one organization: what each holds and was charged, beside its story and its entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Select, and_, literal, or_, select

from talktime.core.calls import Call, CallState
from talktime.core.lots import total
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.store import decode_call
from talktime.storage.verify_books import Looked, Tell, streamed
from talktime.storage.verify_people import USAGE_COLUMNS, People, with_usage

c = t.calls.c
settled, stale = t.entries.alias("settled"), t.entries.alias("stale")


def check_calls(tx: ReadTx, org_id: int, charges: int, people: People, tell: Tell, looked: Looked) -> Mapping[str, int]:
    """What the open calls hold of each lot. `charges`: how many entries say that they are the charge of a call."""
    held: dict[str, int] = defaultdict(int)
    found = 0
    for row in streamed(tx, calls_with_charges(org_id), looked):
        found += (row.settled is not None) + (row.stale is not None)
        if call := _check_call(row, tell):
            people.add(row, call, tell)
            for part in call.drawn:
                held[part.lot_id] += part.amount
    if found != charges:
        for key in tx.scalars(_charges_without_call(org_id)):
            tell("relations", f"the entry {key} is the charge of a call that does not exist")
    return held


def calls_with_charges(org_id: int) -> Select[Any]:
    joined = t.calls
    for entry, key in ((settled, "settle:"), (stale, "stale:")):
        mine = and_(entry.c.org_id == org_id, entry.c.entry_key == literal(key).concat(c.call_id))
        joined = joined.outerjoin(entry, mine)  # type: ignore[assignment]
    columns = (c.org_id, c.call_id, c.version, c.state, c.held_micros, c.charge_micros, c.due_at, c.story)
    more = (c.caller, c.emergency, settled.c.amount_micros.label("settled"), stale.c.amount_micros.label("stale"))
    found = select(*columns, *more, *USAGE_COLUMNS).select_from(with_usage(joined, org_id))
    return found.where(c.org_id == org_id)


def _check_call(row: Any, tell: Tell) -> Call | None:
    """None: it cannot be read."""
    if type(row.held_micros) is not int or type(row.charge_micros) is not int:
        tell("I16", f"call {row.call_id}: an amount is no whole number")
        return None
    try:
        call = decode_call(row.story)
    except msgspec.DecodeError as error:
        tell("I2", f"call {row.call_id}: its story cannot be read: {error}")
        return None
    _check_row(row, call, tell)
    _check_caller(row, call, tell)
    _check_charge(row, call, tell)
    return call


def _check_row(row: Any, call: Call, tell: Tell) -> None:
    if (row.org_id, row.call_id) != (call.org_id, call.call_id):
        tell("I4", f"call {row.call_id}: its story is that of {call.call_id}")
    stored = (row.version, row.state, row.due_at)
    if stored != (call.version, call.state.value, call.due_at):
        told = (call.version, call.state.value, call.due_at)
        tell("I4", f"call {row.call_id}: stored is {stored}, its story says {told}")
    if row.held_micros != total(call.drawn):
        tell("I2", f"call {row.call_id}: it drew {total(call.drawn)} and holds {row.held_micros}")
    if row.held_micros < 0 or any(part.amount <= 0 for part in call.drawn):
        tell("I3", f"call {row.call_id}: it holds less than nothing")
    is_open = row.state == CallState.OPEN
    if row.held_micros and not is_open:
        tell("I2", f"call {row.call_id}: it is {row.state} and holds {row.held_micros}")
    if (row.due_at is not None) != is_open:
        tell("I19", f"call {row.call_id}: it is {row.state} and is due {row.due_at}")


def _check_caller(row: Any, call: Call, tell: Tell) -> None:
    stored, told = (row.caller, row.emergency), (call.caller, call.is_emergency)
    # Of a call whose end came before its beginning nobody was told whose it is; that is asked of calls in progress.
    if stored != told and (call.state is CallState.OPEN or stored != (None, False)):
        tell("I4", f"call {row.call_id}: caller and emergency are {stored}, its story says {told}")


def _check_charge(row: Any, call: Call, tell: Tell) -> None:
    charged = call.settled.charge if call.settled else 0
    rows = call.settled.rows if call.settled else ()
    if row.charge_micros != charged:
        tell("I2", f"call {row.call_id}: its story says {charged} was charged, stored is {row.charge_micros}")
    # What is paid later is on the bill, not in the books.
    booked = charged - sum([one.charge for one in rows if one.payer == "postpaid"])
    entries = -(row.settled or 0) - (row.stale or 0)
    if booked != entries:
        tell("I2", f"call {row.call_id}: {booked} was charged, its entries make {entries}")
    if booked != total(call.charged):
        tell("I2", f"call {row.call_id}: {booked} was charged, {total(call.charged)} came out of lots")
    if rows and sum([one.charge for one in rows]) != charged:
        tell("I2", f"call {row.call_id}: {charged} was charged, its usage rows make another sum")


def _charges_without_call(org_id: int) -> Select[Any]:
    e = t.entries.c
    of_a_call = or_(e.entry_key.startswith("settle:"), e.entry_key.startswith("stale:"))
    call = select(literal(1)).where(
        c.org_id == org_id,
        or_(e.entry_key == literal("settle:").concat(c.call_id), e.entry_key == literal("stale:").concat(c.call_id)),
    )
    return select(e.entry_key).where(e.org_id == org_id, of_a_call, ~call.correlate(t.entries).exists())
