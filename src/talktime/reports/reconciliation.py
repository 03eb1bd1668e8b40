"""Open differences, for the operator."""

from __future__ import annotations

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.reconciliation_store import Item

c = t.reconciliation.c
_COLUMNS = [c[name] for name in Item.__struct_fields__]


def page(tx: ReadTx, limit: int, after: str | None) -> list[Item]:
    """Spans organizations."""
    query = select(*_COLUMNS).where(c.closed_at.is_(None)).order_by(c.item_id.desc()).limit(limit)
    if after is not None:
        query = query.where(c.item_id < after)
    return [Item(*row) for row in tx.execute(query)]
