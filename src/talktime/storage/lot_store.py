"""Lots as people read them, and as actions make and move them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Update, case, func, insert, select, update

from talktime.core.funds import MadeLot
from talktime.core.lots import OPEN, SPENT, Move
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
    """What a dispute has frozen stays so, also when nothing is left of it: something may come back."""
    posted = c.posted_micros + by.posted
    state = case((c.state == FROZEN, FROZEN), (posted == 0, by.when_empty), else_=OPEN)
    moved = update(t.lots).where(c.org_id == org_id, c.lot_id == lot_id)
    tx.execute(moved.values(posted_micros=posted, held_micros=c.held_micros + by.held, state=state))


def freeze(tx: Tx, org_id: int, lot_id: str) -> None:
    """Nobody spends what is left of it; what calls hold of it they may still be charged."""
    tx.execute(_of_state(org_id, lot_id, (OPEN, SPENT)).values(state=FROZEN))
    _tell_account(tx, org_id)


def thaw(tx: Tx, org_id: int, lot_id: str) -> None:
    state = case((c.posted_micros == 0, SPENT), else_=OPEN)
    tx.execute(_of_state(org_id, lot_id, (FROZEN,)).values(state=state))
    _tell_account(tx, org_id)


def _tell_account(tx: Tx, org_id: int) -> None:
    frozen = select(c.lot_id).where(c.org_id == org_id, c.state == FROZEN).exists()
    tx.execute(update(t.accounts).where(t.accounts.c.org_id == org_id).values(has_frozen=frozen))


def frozen_total(tx: ReadTx, org_id: int) -> int:
    """What of the balance a dispute keeps from being spent, besides what calls hold of it."""
    free = select(func.coalesce(func.sum(c.posted_micros - c.held_micros), 0))
    return int(tx.scalar(free.where(c.org_id == org_id, c.state == FROZEN)) or 0)


def _of_state(org_id: int, lot_id: str, states: Sequence[str]) -> Update:
    return update(t.lots).where(c.org_id == org_id, c.lot_id == lot_id, c.state.in_(states))
