"""Lots as people read them, and as actions make and move them."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import case, insert, select, update

from talktime.core.funds import MadeLot
from talktime.core.lots import OPEN, Move
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.lots.c
FROZEN = "frozen"


class LotRow(Struct, frozen=True):
    lot_id: str
    kind: str
    amount_micros: int
    posted_micros: int
    held_micros: int
    purchased_at: int
    expires_at: int
    priority: int
    state: str


_COLUMNS = [t.lots.c[name] for name in LotRow.__struct_fields__]


def find(tx: ReadTx, org_id: int, lot_id: str) -> LotRow | None:
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id, c.lot_id == lot_id)).first()
    return LotRow(*row) if row else None


def add(tx: Tx, org_id: int, made: MadeLot) -> None:
    lot = made.lot
    row = {
        "org_id": org_id,
        "lot_id": lot.lot_id,
        "kind": "promotional" if lot.promotional else "paid",
        "amount_micros": made.amount,
        "posted_micros": lot.posted,
        "held_micros": lot.held,
        "purchased_at": lot.purchased_at,
        "expires_at": lot.expires_at,
        "priority": lot.priority,
        "state": made.state,
    }
    tx.execute(insert(t.lots), row)


def move(tx: Tx, org_id: int, lot_id: str, by: Move) -> None:
    """What a dispute has frozen stays so."""
    posted = c.posted_micros + by.posted
    state = case((c.state == FROZEN, FROZEN), (posted > 0, OPEN), else_=by.when_empty)
    moved = update(t.lots).where(c.org_id == org_id, c.lot_id == lot_id)
    tx.execute(moved.values(posted_micros=posted, held_micros=c.held_micros + by.held, state=state))
