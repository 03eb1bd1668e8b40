"""Cards as people see them."""

from __future__ import annotations

from sqlalchemy import select

from talktime.storage import method_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.method_store import ACTIVE, Method

c = t.payment_methods.c
_COLUMNS = [c[name] for name in Method.__struct_fields__]


def find(tx: ReadTx, org_id: int, method_id: str) -> Method | None:
    return method_store.find(tx, org_id, method_id)


def page(tx: ReadTx, org_id: int, limit: int, after: str | None) -> list[Method]:
    query = select(*_COLUMNS).where(c.org_id == org_id, c.state == ACTIVE).order_by(c.method_id).limit(limit)
    if after is not None:
        query = query.where(c.method_id > after)
    return [Method(**{**row._mapping, "is_default": bool(row.is_default)}) for row in tx.execute(query)]
