"""Receipts as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.receipt_store import COLUMNS, ReceiptRow

r = t.receipts.c


def page(tx: ReadTx, org_id: int, limit: int, before: int | None) -> Sequence[ReceiptRow]:
    """Newest first: by number."""
    query = select(*COLUMNS).where(r.org_id == org_id)
    if before is not None:
        query = query.where(r.number < before)
    return [ReceiptRow(*row) for row in tx.execute(query.order_by(r.number.desc()).limit(limit))]
