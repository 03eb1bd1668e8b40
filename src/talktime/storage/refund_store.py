"""Money that goes back to a card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import func, insert, or_, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.refunds.c
PENDING, SUCCEEDED, FAILED = "pending", "succeeded", "failed"


class Refund(Struct, frozen=True, kw_only=True):
    org_id: int
    refund_id: str
    payment_id: str
    state: str
    amount_micros: int
    reference: str | None = None
    failure_code: str | None = None
    asked_by: str
    created_at: int
    ended_at: int | None = None
    due_at: int | None = None
    claimed_until: int | None = None
    tries: int = 0


_COLUMNS = [t.refunds.c[name] for name in Refund.__struct_fields__]


def find(tx: ReadTx, org_id: int, refund_id: str) -> Refund | None:
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id, c.refund_id == refund_id)).first()
    return Refund(**row._mapping) if row else None


def of_payment(tx: ReadTx, org_id: int, payment_id: str) -> list[Refund]:
    found = select(*_COLUMNS).where(c.org_id == org_id, c.payment_id == payment_id)
    return [Refund(**row._mapping) for row in tx.execute(found.order_by(c.refund_id))]


def by_reference(tx: ReadTx, org_id: int, reference: str) -> Refund | None:
    """By the provider's name of it."""
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id, c.reference == reference)).first()
    return Refund(**row._mapping) if row else None


def succeeded_since(tx: ReadTx, provider: str, since: int, limit: int) -> Sequence[Refund]:
    """Of those that we have asked a provider for. Spans organizations."""
    p = t.payments.c
    found = select(*_COLUMNS).join(t.payments, (p.org_id == c.org_id) & (p.payment_id == c.payment_id))
    ours = (p.provider == provider, c.state == SUCCEEDED, c.created_at >= since, c.asked_by.not_like("provider:%"))
    return [Refund(**row._mapping) for row in tx.execute(found.where(*ours).order_by(c.refund_id).limit(limit))]


def add(tx: Tx, refund: Refund) -> None:
    tx.execute(insert(t.refunds), {name: getattr(refund, name) for name in refund.__struct_fields__})


def change(tx: Tx, refund: Refund, **values: Any) -> Refund:
    tx.execute(update(t.refunds).where(c.org_id == refund.org_id, c.refund_id == refund.refund_id).values(values))
    changed = find(tx, refund.org_id, refund.refund_id)
    assert changed is not None
    return changed


def claim(tx: Tx, org_id: int, refund_id: str, now: int, until: int) -> bool:
    free = or_(c.claimed_until.is_(None), c.claimed_until <= now)
    mine = update(t.refunds).where(c.org_id == org_id, c.refund_id == refund_id, free)
    return tx.execute(mine.values(claimed_until=until)).rowcount == 1


def due(tx: ReadTx, now: int, limit: int) -> Sequence[tuple[int, str]]:
    """Spans organizations."""
    o = t.organizations.c
    found = select(c.org_id, c.refund_id).join(t.organizations, o.org_id == c.org_id)
    found = found.where(c.due_at <= func.coalesce(o.clock_at, now))
    found = found.where(or_(c.claimed_until.is_(None), c.claimed_until <= now))
    return [(row.org_id, row.refund_id) for row in tx.execute(found.order_by(c.due_at).limit(limit))]


def next_due(tx: ReadTx, org_id: int, until: int) -> tuple[int, str] | None:
    found = select(c.due_at, c.refund_id).where(c.org_id == org_id, c.due_at <= until)
    row = tx.execute(found.order_by(c.due_at, c.refund_id).limit(1)).first()
    return (row.due_at, row.refund_id) if row else None
