"""Webhooks as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.webhook_store import WebhookRow

w = t.webhooks.c
_COLUMNS = [t.webhooks.c[name] for name in WebhookRow.__struct_fields__]


def page(tx: ReadTx, org_id: int, limit: int, after: str | None) -> Sequence[WebhookRow]:
    """In the order in which they were made."""
    mine = select(*_COLUMNS).where(w.org_id == org_id, w.webhook_id > (after or ""))
    return [WebhookRow(*row) for row in tx.execute(mine.order_by(w.webhook_id).limit(limit))]
