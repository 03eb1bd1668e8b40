"""Servers that want to hear of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import delete, insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

w = t.webhooks.c


class WebhookRow(Struct, frozen=True):
    org_id: int
    webhook_id: str
    url: str
    events: str
    """A list, as JSON."""
    secret: bytes
    """Sealed."""
    old_secret: bytes | None
    """Until `old_until` it signs beside the new one."""
    old_until: int | None
    created_at: int

    @property
    def wanted(self) -> tuple[str, ...]:
        return msgspec.json.decode(self.events, type=tuple[str, ...])


_COLUMNS = [t.webhooks.c[name] for name in WebhookRow.__struct_fields__]


def find(tx: ReadTx, org_id: int, webhook_id: str) -> WebhookRow | None:
    row = tx.execute(select(*_COLUMNS).where(w.org_id == org_id, w.webhook_id == webhook_id)).first()
    return WebhookRow(*row) if row else None


def of_organization(tx: ReadTx, org_id: int) -> Sequence[WebhookRow]:
    query = select(*_COLUMNS).where(w.org_id == org_id).order_by(w.webhook_id)
    return [WebhookRow(*row) for row in tx.execute(query)]


def add(tx: Tx, made: WebhookRow) -> None:
    tx.execute(insert(t.webhooks), {name: getattr(made, name) for name in made.__struct_fields__})


def change(tx: Tx, org_id: int, webhook_id: str, values: Mapping[str, Any]) -> None:
    if values:
        tx.execute(update(t.webhooks).where(w.org_id == org_id, w.webhook_id == webhook_id).values(dict(values)))


def remove(tx: Tx, org_id: int, webhook_id: str) -> bool:
    return tx.execute(delete(t.webhooks).where(w.org_id == org_id, w.webhook_id == webhook_id)).rowcount == 1
