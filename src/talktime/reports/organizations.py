"""Organizations as the operator reads them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.org_store import Organization

o = t.organizations.c
_COLUMNS = [t.organizations.c[name] for name in Organization.__struct_fields__]


def page(tx: ReadTx, limit: int, after: int | None) -> Sequence[Organization]:
    """Of all of them, in the order in which they came."""
    query = select(*_COLUMNS).where(o.org_id > (after or 0)).order_by(o.org_id).limit(limit)
    return [Organization(*row) for row in tx.execute(query)]
