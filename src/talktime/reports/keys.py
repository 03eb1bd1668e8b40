"""Keys as people read them, without what makes them keys."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.key_store import KeyRow

key = t.api_keys.c


def page(tx: ReadTx, org_id: int, limit: int, after: str | None) -> Sequence[KeyRow]:
    """In the order in which they were made."""
    mine = select(t.api_keys).where(key.org_id == org_id, key.key_id > (after or ""))
    return [KeyRow(*row) for row in tx.execute(mine.order_by(key.key_id).limit(limit))]
