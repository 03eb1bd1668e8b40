"""What providers have told: kept as it came, once for each event, and worked off from here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import func, insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c, w = t.inbox.c, t.inbox_work.c
WAITING, DONE, PARKED = "waiting", "done", "parked"


class Letter(Struct, frozen=True):
    """An event as the provider's adapter read it, as JSON, and what became of it."""

    org_id: int
    event_id: str
    provider: str
    body: str
    received_at: int
    state: str = WAITING
    error: str | None = None
    tries: int = 0


_COLUMNS = [c.org_id, c.event_id, c.provider, c.body, c.received_at, w.state, w.error, w.tries]
_BOTH = (w.org_id == c.org_id) & (w.event_id == c.event_id)


def find(tx: ReadTx, org_id: int, event_id: str) -> Letter | None:
    both = (w.org_id == org_id, c.org_id == org_id, c.event_id == event_id, w.event_id == event_id)
    row = tx.execute(select(*_COLUMNS).join_from(t.inbox, t.inbox_work, _BOTH).where(*both)).first()
    return Letter(*row) if row else None


def add(tx: Tx, letter: Letter, due_at: int) -> bool:
    """False: it is there already."""
    there = select(c.event_id).where(c.org_id == letter.org_id, c.event_id == letter.event_id)
    if tx.scalar(there) is not None:
        return False
    key = {"org_id": letter.org_id, "event_id": letter.event_id}
    kept = {"provider": letter.provider, "body": letter.body, "received_at": letter.received_at}
    tx.execute(insert(t.inbox), key | kept)
    tx.execute(insert(t.inbox_work), key | {"state": WAITING, "due_at": due_at})
    return True


def change(tx: Tx, org_id: int, event_id: str, **values: Any) -> None:
    tx.execute(update(t.inbox_work).where(w.org_id == org_id, w.event_id == event_id).values(values))


def due(tx: ReadTx, now: int, limit: int) -> Sequence[tuple[int, str]]:
    """Spans organizations. What no organization is known of yet stands under the operator's number."""
    o = t.organizations.c
    found = select(w.org_id, w.event_id).join(t.organizations, o.org_id == w.org_id, isouter=True)
    found = found.where(w.due_at <= func.coalesce(o.clock_at, now))
    return [(row.org_id, row.event_id) for row in tx.execute(found.order_by(w.due_at).limit(limit))]


def next_due(tx: ReadTx, org_id: int, until: int) -> tuple[int, str] | None:
    found = select(w.due_at, w.event_id).where(w.org_id == org_id, w.due_at <= until)
    row = tx.execute(found.order_by(w.due_at, w.event_id).limit(1)).first()
    return (row.due_at, row.event_id) if row else None


def hurry(tx: Tx, org_id: int, now: int) -> None:
    """Something has changed that the others may have waited for. A try between two others is none of theirs."""
    waiting = update(t.inbox_work).where(w.org_id == org_id, w.due_at > now, w.tries > 0)
    tx.execute(waiting.values(due_at=now, tries=w.tries - 1))
