"""Mails and webhooks on their way: who sends one holds it for a while, and may be followed by another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import func, insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

d = t.deliveries.c
EMAIL, WEBHOOK = "email", "webhook"
WAITING, SENT, PARKED = "waiting", "sent", "parked"
CANCELLED = "cancelled"
"""Where it was to go is gone."""
NOBODY = "nobody"
"""There was nobody to tell."""


class DeliveryRow(Struct, frozen=True, kw_only=True):
    org_id: int
    delivery_id: str
    notice_id: str
    channel: str
    target: str
    """The webhook; nothing for a mail."""
    event: str
    recipients: str
    """A list, as JSON: addresses, or the address of a server."""
    language: str
    body: str
    state: str
    status: int | None = None
    error: str | None = None
    created_at: int
    ended_at: int | None = None
    due_at: int | None = None
    tries: int = 0

    @property
    def told(self) -> list[str]:
        return msgspec.json.decode(self.recipients, type=list[str])


COLUMNS = [t.deliveries.c[name] for name in DeliveryRow.__struct_fields__]


def delivery_row(row: Any) -> DeliveryRow:
    return DeliveryRow(**row._mapping)


def add(tx: Tx, rows: Sequence[DeliveryRow]) -> None:
    if rows:
        tx.execute(insert(t.deliveries), [msgspec.structs.asdict(row) for row in rows])


def find(tx: ReadTx, org_id: int, delivery_id: str) -> DeliveryRow | None:
    row = tx.execute(select(*COLUMNS).where(d.org_id == org_id, d.delivery_id == delivery_id)).first()
    return delivery_row(row) if row else None


def due(tx: ReadTx, channel: str, now: int, limit: int) -> Sequence[DeliveryRow]:
    """What is to be sent: of each receiver one, then of each another. Spans organizations."""
    turn = func.row_number().over(partition_by=(d.org_id, d.target), order_by=d.due_at).label("turn")
    waiting = select(*COLUMNS, turn).where(d.due_at <= now, d.channel == channel).subquery()
    columns = [waiting.c[column.name] for column in COLUMNS]
    query = select(*columns).order_by(waiting.c.turn, waiting.c.due_at)
    return [delivery_row(row) for row in tx.execute(query.limit(limit))]


def waiting(tx: ReadTx) -> dict[str, int]:
    """How many are still to be sent, by channel. Spans organizations."""
    query = select(d.channel, func.count().label("waiting")).where(d.due_at.is_not(None)).group_by(d.channel)
    return dict.fromkeys((EMAIL, WEBHOOK), 0) | {row.channel: int(row.waiting) for row in tx.execute(query)}


def claim(tx: Tx, row: DeliveryRow, until: int) -> bool:
    """Nobody else sends it until then. False: somebody else was quicker."""
    mine = (d.org_id == row.org_id, d.delivery_id == row.delivery_id, d.due_at == row.due_at, d.tries == row.tries)
    return tx.execute(update(t.deliveries).where(*mine).values(due_at=until, tries=row.tries + 1)).rowcount == 1


def note(tx: Tx, org_id: int, delivery_id: str, tries: int, values: Mapping[str, Any]) -> bool:
    """What became of this try. False: another try has begun meanwhile."""
    mine = (d.org_id == org_id, d.delivery_id == delivery_id, d.tries == tries, d.due_at.is_not(None))
    return tx.execute(update(t.deliveries).where(*mine).values(dict(values))).rowcount == 1


def again(tx: Tx, org_id: int, delivery_id: str, now: int) -> None:
    """From the beginning, whatever became of it."""
    begun = {"state": WAITING, "status": None, "error": None, "ended_at": None, "due_at": now, "tries": 0}
    tx.execute(update(t.deliveries).where(d.org_id == org_id, d.delivery_id == delivery_id).values(begun))


def cancel(tx: Tx, org_id: int, target: str, now: int) -> None:
    """What still waits for a webhook that is gone."""
    waiting = (d.org_id == org_id, d.channel == WEBHOOK, d.target == target, d.due_at.is_not(None))
    tx.execute(update(t.deliveries).where(*waiting).values(state=CANCELLED, due_at=None, ended_at=now))
