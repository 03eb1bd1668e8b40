"""Users as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.user_store import UserRow

u = t.users.c
_COLUMNS = [t.users.c[name] for name in UserRow.__struct_fields__]


def page(tx: ReadTx, org_id: int, limit: int, after: str | None) -> Sequence[UserRow]:
    """In the order in which they came."""
    query = select(*_COLUMNS).where(u.org_id == org_id, u.user_id > (after or ""))
    return [UserRow(*row) for row in tx.execute(query.order_by(u.user_id).limit(limit))]
