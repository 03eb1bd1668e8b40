"""Entries as actions append them, with the money that they move."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, insert, update

from talktime.core.funds import Movement
from talktime.storage import lot_store
from talktime.storage import tables as t
from talktime.storage.database import Tx
from talktime.storage.store import entry_rows

a = t.accounts.c


_ENTRY = ("org_id", "entry_id", "entry_no", "entry_key", "kind", "at", "amount_micros", "balance_after", "postings")
_WRITTEN = (*_ENTRY, "by", "note")


def record(tx: Tx, org_id: int, movement: Movement, sets_up_credits: bool = False) -> None:
    """Account and lots move, and the entries that say why take the next numbers."""
    entries = movement.entries
    moved = update(t.accounts).where(a.org_id == org_id)
    moved = moved.values(
        posted_micros=a.posted_micros + movement.posted,
        held_micros=a.held_micros + movement.held,
        debt_micros=a.debt_micros + movement.debt,
        last_entry_no=a.last_entry_no + len(entries),
        last_at=_later(max([entry.at for entry in entries], default=0)),
        **({"credits_set_up": True} if sets_up_credits else {}),
    )
    after = tx.execute(moved.returning(a.posted_micros, a.last_entry_no, a.last_at)).one()
    for lot_id, by in movement.lots:
        lot_store.move(tx, org_id, lot_id, by)
    if movement.made is not None:
        lot_store.add(tx, org_id, movement.made)
    if entries:
        rows = entry_rows(entries, {org_id: tuple(after)})
        tx.execute(insert(t.entries), [dict(zip(_WRITTEN, _readable(row), strict=True)) for row in rows])


def _later(at: int) -> Any:
    """Instants of entries never go back."""
    return case((a.last_at < at, at), else_=a.last_at)


def _readable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.decode() if isinstance(value, bytes) else value for value in row)
