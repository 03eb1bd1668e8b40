"""What people were told, as they read it again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.notice_rows import Notice

c = t.notices.c
_COLUMNS = [t.notices.c[name] for name in Notice._fields]


def page(tx: ReadTx, org_id: int, limit: int, through: str | None) -> Sequence[Notice]:
    """Newest first, from one on."""
    query = select(*_COLUMNS).where(c.org_id == org_id)
    if through is not None:
        query = query.where(c.notice_id <= through)
    return [Notice(*row) for row in tx.execute(query.order_by(c.notice_id.desc()).limit(limit))]
