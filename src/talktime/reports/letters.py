"""Messages of providers, for the operator."""

from __future__ import annotations

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.inbox_store import Letter

c, w = t.inbox.c, t.inbox_work.c
_COLUMNS = [c.org_id, c.event_id, c.provider, c.body, c.received_at, w.state, w.error, w.tries]


def page(tx: ReadTx, state: str, limit: int, after: str | None) -> list[Letter]:
    """Spans organizations."""
    both = (w.org_id == c.org_id) & (w.event_id == c.event_id)
    query = select(*_COLUMNS).join_from(t.inbox, t.inbox_work, both).where(w.state == state)
    if after is not None:
        query = query.where(c.event_id > after)
    return [Letter(*row) for row in tx.execute(query.order_by(c.event_id).limit(limit))]
