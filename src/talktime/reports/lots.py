"""Lots as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.lot_store import FROZEN, LotRow

c = t.lots.c
_COLUMNS = [t.lots.c[name] for name in LotRow.__struct_fields__]


def page(tx: ReadTx, org_id: int, limit: int, before: str | None) -> Sequence[LotRow]:
    """All of them, newest first."""
    query = select(*_COLUMNS).where(c.org_id == org_id)
    if before is not None:
        query = query.where(c.lot_id < before)
    return [LotRow(*row) for row in tx.execute(query.order_by(c.lot_id.desc()).limit(limit))]


def ending(tx: ReadTx, org_id: int, now: int, limit: int) -> tuple[Sequence[LotRow], int]:
    """Those with money in them that end, the next first; and how many lots there are with money in them."""
    there = (c.org_id == org_id, c.state.in_(("open", FROZEN)), c.expires_at > now, c.posted_micros > 0)
    count = int(tx.scalar(select(func.count()).where(*there)) or 0)
    query = select(*_COLUMNS).where(*there).order_by(c.expires_at, c.lot_id).limit(limit)
    return [LotRow(*row) for row in tx.execute(query)], count
