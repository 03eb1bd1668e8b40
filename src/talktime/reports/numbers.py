"""Service numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.number_store import ServiceNumber

s = t.service_numbers.c
_COLUMNS = [t.service_numbers.c[name] for name in ServiceNumber.__struct_fields__]


def page(tx: ReadTx, org_id: int, limit: int, after: str | None) -> Sequence[ServiceNumber]:
    """In the order in which they came."""
    query = select(*_COLUMNS).where(s.org_id == org_id, s.number_id > (after or ""))
    return [ServiceNumber(*row) for row in tx.execute(query.order_by(s.number_id).limit(limit))]
