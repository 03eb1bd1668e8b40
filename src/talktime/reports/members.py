"""People who sign in, as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.member_store import COLUMNS, MemberRow, member_row

m = t.members.c


def page(tx: ReadTx, org_id: int, limit: int, after: str | None, state: str | None = None) -> Sequence[MemberRow]:
    """In the order in which they were invited; None: in any state."""
    query = select(*COLUMNS).where(m.org_id == org_id, m.member_id > (after or ""))
    if state is not None:
        query = query.where(m.state == state)
    return [member_row(row) for row in tx.execute(query.order_by(m.member_id).limit(limit))]
