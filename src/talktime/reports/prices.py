"""Price lists as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.price_store import Head

h = t.price_lists.c
_HEAD = [t.price_lists.c[name] for name in Head.__struct_fields__]


def page(tx: ReadTx, limit: int, after: str | None) -> Sequence[Head]:
    query = select(*_HEAD).where(h.list_id > (after or "")).order_by(h.list_id).limit(limit)
    return [Head(*row) for row in tx.execute(query)]
