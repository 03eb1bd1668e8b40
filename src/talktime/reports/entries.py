"""Entries as people read them: the statement of an organization, and what a call was booked as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import select

from talktime.core.ledger import Posting
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.store import decode_postings

e = t.entries.c


class EntryRow(Struct, frozen=True):
    entry_id: str
    entry_no: int
    key: str
    kind: str
    at: int
    amount: int
    balance_after: int
    postings: tuple[Posting, ...]
    by: str
    note: str


_COLUMNS = (
    e.entry_id,
    e.entry_no,
    e.entry_key,
    e.kind,
    e.at,
    e.amount_micros,
    e.balance_after,
    e.postings,
    e.by,
    e.note,
)


def _row(row: Any) -> EntryRow:
    *before, postings, by, note = row
    values = (*before, decode_postings(postings), by, note)
    return EntryRow(*values)


def statement(tx: ReadTx, org_id: int, limit: int, before: str | None) -> Sequence[EntryRow]:
    """Newest first; what moved nothing of the organization's is not in it."""
    query = select(*_COLUMNS).where(e.org_id == org_id, e.amount_micros != 0)
    if before is not None:
        query = query.where(e.entry_id < before)
    return [_row(row) for row in tx.execute(query.order_by(e.entry_id.desc()).limit(limit))]


def of_call(tx: ReadTx, org_id: int, call_id: str) -> Sequence[EntryRow]:
    """In the order in which they were booked."""
    r = t.reversals.c
    reversals = tx.scalars(select(r.reversal_id).where(r.org_id == org_id, r.call_id == call_id))
    keys = [f"settle:{call_id}", f"stale:{call_id}", *(f"reversal:{reversal}" for reversal in reversals)]
    query = select(*_COLUMNS).where(e.org_id == org_id, e.entry_key.in_(keys))
    return [_row(row) for row in tx.execute(query.order_by(e.entry_id))]
