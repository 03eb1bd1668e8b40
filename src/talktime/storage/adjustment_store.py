"""Corrections by people: adjustments, which may wait for a second person, and reversals of calls."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import func, insert, select, update

from talktime.core.calls import Call
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.store import decode_call

c, r = t.adjustments.c, t.reversals.c
BOOKED, WAITING = "booked", "awaiting_second_person"


class Adjustment(Struct, frozen=True):
    adjustment_id: str
    amount_micros: int
    reason: str
    status: str
    asked_by: str
    confirmed_by: str | None
    created_at: int


class Reversal(Struct, frozen=True):
    call_id: str
    reversal_id: str
    amount_micros: int
    reason: str
    asked_by: str
    created_at: int


_COLUMNS = [t.adjustments.c[name] for name in Adjustment.__struct_fields__]


def add(tx: Tx, org_id: int, made: Adjustment) -> None:
    row = {name: getattr(made, name) for name in made.__struct_fields__}
    tx.execute(insert(t.adjustments), row | {"org_id": org_id})


def find(tx: ReadTx, org_id: int, adjustment_id: str) -> Adjustment | None:
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id, c.adjustment_id == adjustment_id)).first()
    return Adjustment(*row) if row else None


def confirm(tx: Tx, org_id: int, adjustment_id: str, by: str) -> bool:
    """False: it was confirmed before."""
    waiting = (c.org_id == org_id, c.adjustment_id == adjustment_id, c.status == WAITING)
    confirmed = tx.execute(update(t.adjustments).where(*waiting).values(status=BOOKED, confirmed_by=by))
    return confirmed.rowcount == 1


def charged_call(tx: ReadTx, org_id: int, call_id: str) -> Call | None:
    k = t.calls.c
    story = tx.scalar(select(k.story).where(k.org_id == org_id, k.call_id == call_id))
    return decode_call(story) if story else None


def add_reversal(tx: Tx, org_id: int, made: Reversal) -> None:
    row = {name: getattr(made, name) for name in made.__struct_fields__}
    tx.execute(insert(t.reversals), row | {"org_id": org_id})


def reversed_of(tx: ReadTx, org_id: int, call_id: str) -> int:
    """What was given back of a call."""
    mine = select(func.coalesce(func.sum(r.amount_micros), 0)).where(r.org_id == org_id, r.call_id == call_id)
    return int(tx.scalar(mine) or 0)
