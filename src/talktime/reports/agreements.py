"""Agreement numbers as people see them."""

from __future__ import annotations

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.agreement_store import Agreement
from talktime.storage.database import ReadTx

c = t.agreements.c
_COLUMNS = [c[name] for name in Agreement.__struct_fields__]


def page(tx: ReadTx, org_id: int, limit: int, after: str | None) -> list[Agreement]:
    query = select(*_COLUMNS).where(c.org_id == org_id).order_by(c.agreement_id).limit(limit)
    if after is not None:
        query = query.where(c.agreement_id > after)
    return [Agreement(*row) for row in tx.execute(query)]
