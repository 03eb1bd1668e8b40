"""Adjustments as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.adjustment_store import Adjustment
from talktime.storage.database import ReadTx

c = t.adjustments.c
_COLUMNS = [t.adjustments.c[name] for name in Adjustment.__struct_fields__]


class Asked(Struct, frozen=True):
    """Of whichever organization."""

    org_id: int
    adjustment: Adjustment


def page(tx: ReadTx, org_id: int, limit: int, before: str | None) -> Sequence[Adjustment]:
    """Newest first."""
    query = select(*_COLUMNS).where(c.org_id == org_id)
    if before is not None:
        query = query.where(c.adjustment_id < before)
    return [Adjustment(*row) for row in tx.execute(query.order_by(c.adjustment_id.desc()).limit(limit))]


def everywhere(tx: ReadTx, wanted: str, limit: int, before: str | None) -> Sequence[Asked]:
    """Of all organizations in one state, newest first. Spans organizations."""
    query = select(c.org_id, *_COLUMNS).where(c.status == wanted)
    if before is not None:
        query = query.where(c.adjustment_id < before)
    rows = tx.execute(query.order_by(c.adjustment_id.desc()).limit(limit))
    return [Asked(row[0], Adjustment(*row[1:])) for row in rows]
