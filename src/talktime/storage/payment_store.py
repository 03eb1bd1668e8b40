"""Payments: written before anybody is asked for money, ended once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, Select, cast, func, insert, or_, select, update

from talktime.core.recharges import Past
from talktime.core.time import DAY
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.payments.c
TOP_UP, RECHARGE = "top_up", "recharge"
PENDING, REQUIRES_ACTION, AWAITING = "pending", "requires_action", "awaiting_confirmation"
SUCCEEDED, FAILED = "succeeded", "failed"
UNDECIDED = (PENDING, REQUIRES_ACTION, AWAITING)
INVOICE = "invoice"


class Payment(Struct, frozen=True, kw_only=True):
    org_id: int
    payment_id: str
    kind: str
    state: str
    amount_micros: int
    currency: str
    provider: str
    method_id: str | None = None
    backup_method_id: str | None = None
    leg: int = 1
    """1 asks the method, 2 the backup."""
    agreement: str | None = None
    po_number: str | None = None
    reference: str | None = None
    """The provider's name of it."""
    failure_code: str | None = None
    first_failure: str | None = None
    """Of the method, when the backup was asked after it."""
    redirect_url: str | None = None
    link_digest: str | None = None
    refunded_micros: int = 0
    dispute: str | None = None
    asked_by: str
    created_at: int
    settled_at: int | None = None
    """When the money was taken, by the provider's clock."""
    ended_at: int | None = None
    confirmed_at: int | None = None
    due_at: int | None = None
    """When somebody has to turn to the provider, by the organization's clock."""
    claimed_until: int | None = None
    """Somebody does, by the machine's clock."""
    tries: int = 0

    @property
    def lot_id(self) -> str:
        return f"lot_{self.payment_id.partition('_')[2]}"

    @property
    def key(self) -> str:
        """Under which the provider takes the money once."""
        return f"{self.payment_id}-{self.leg}"

    def leg_of(self, key: str | None) -> int:
        """Whose key it is."""
        return next((leg for leg in (1, 2) if key == f"{self.payment_id}-{leg}"), self.leg)

    @property
    def asked_method(self) -> str | None:
        return self.method_id if self.leg == 1 else self.backup_method_id


_COLUMNS = [t.payments.c[name] for name in Payment.__struct_fields__]


def find(tx: ReadTx, org_id: int, payment_id: str) -> Payment | None:
    return _one(tx, select(*_COLUMNS).where(c.org_id == org_id, c.payment_id == payment_id))


def in_flight(tx: ReadTx, org_id: int) -> Payment | None:
    """The recharge that is on its way."""
    flying = (c.kind == RECHARGE, c.state.in_((PENDING, REQUIRES_ACTION)))
    return _one(tx, select(*_COLUMNS).where(c.org_id == org_id, *flying))


def count(tx: ReadTx, org_id: int) -> int:
    return int(tx.scalar(select(func.count()).where(c.org_id == org_id)) or 0)


def _one(tx: ReadTx, query: Select[Any]) -> Payment | None:
    row = tx.execute(query).first()
    return Payment(**row._mapping) if row else None


def add(tx: Tx, payment: Payment) -> None:
    tx.execute(insert(t.payments), {name: getattr(payment, name) for name in payment.__struct_fields__})


def change(tx: Tx, payment: Payment, **values: Any) -> Payment:
    tx.execute(update(t.payments).where(c.org_id == payment.org_id, c.payment_id == payment.payment_id).values(values))
    changed = find(tx, payment.org_id, payment.payment_id)
    assert changed is not None
    return changed


def claim(tx: Tx, org_id: int, payment_id: str, now: int, until: int) -> bool:
    """False: somebody else turns to the provider just now."""
    free = or_(c.claimed_until.is_(None), c.claimed_until <= now)
    mine = update(t.payments).where(c.org_id == org_id, c.payment_id == payment_id, free)
    return tx.execute(mine.values(claimed_until=until)).rowcount == 1


def with_claims(tx: ReadTx) -> Sequence[int]:
    """Where somebody turns, or turned, to a provider. Spans organizations."""
    r = t.refunds.c
    paying = select(c.org_id).where(c.due_at.is_not(None), c.claimed_until.is_not(None))
    refunding = select(r.org_id).where(r.due_at.is_not(None), r.claimed_until.is_not(None))
    return sorted({*tx.scalars(paying), *tx.scalars(refunding)})


def unclaim(tx: Tx, org_id: int) -> None:
    """Whoever had claimed something is gone: this process alone has the database."""
    for table in (t.payments, t.refunds):
        mine = (table.c.org_id == org_id, table.c.due_at.is_not(None))
        tx.execute(update(table).where(*mine).values(claimed_until=None))


def has_pending(tx: ReadTx, org_id: int) -> bool:
    pending = select(c.payment_id).where(c.org_id == org_id, c.due_at.is_not(None), c.state == PENDING)
    return tx.scalar(pending.limit(1)) is not None


def undecided_total(tx: ReadTx, org_id: int) -> int:
    """Top-ups that are not paid yet."""
    total = select(func.coalesce(func.sum(c.amount_micros), 0))
    return int(tx.scalar(total.where(c.org_id == org_id, c.state.in_(UNDECIDED))) or 0)


def unpaid_invoices(tx: ReadTx, org_id: int) -> int:
    """Credited before their money came."""
    unpaid = (c.provider == INVOICE, c.state == SUCCEEDED, c.confirmed_at.is_(None))
    left = func.coalesce(func.sum(c.amount_micros - c.refunded_micros), 0)
    return int(tx.scalar(select(left).where(c.org_id == org_id, *unpaid)) or 0)


def past_recharges(tx: ReadTx, org_id: int, now: int, month_begin: int) -> Past:
    done = (c.org_id == org_id, c.kind == RECHARGE, c.state == SUCCEEDED)
    recent = select(c.settled_at).where(*done, c.settled_at > now - DAY).order_by(c.settled_at.desc())
    # Of micros a sum would be a numeric on PostgreSQL.
    month = select(cast(func.coalesce(func.sum(c.amount_micros), 0), BigInteger))
    # Not only up to now: the provider's clock may be ahead of ours.
    month = month.where(*done, c.settled_at >= month_begin)
    return Past(tuple(tx.scalars(recent).all()), int(tx.scalar(month) or 0))


def due(tx: ReadTx, now: int, limit: int) -> Sequence[tuple[int, str]]:
    """What somebody has to turn to a provider for. Spans organizations."""
    o = t.organizations.c
    found = select(c.org_id, c.payment_id).join(t.organizations, o.org_id == c.org_id)
    found = found.where(c.due_at <= func.coalesce(o.clock_at, now))
    found = found.where(or_(c.claimed_until.is_(None), c.claimed_until <= now))
    return [(row.org_id, row.payment_id) for row in tx.execute(found.order_by(c.due_at).limit(limit))]


def asking(tx: ReadTx, limit: int) -> Sequence[tuple[int, str]]:
    """Whose card holder is asked who he is. Spans organizations."""
    found = select(c.org_id, c.payment_id).where(c.due_at.is_not(None), c.state == REQUIRES_ACTION)
    return [(row.org_id, row.payment_id) for row in tx.execute(found.order_by(c.due_at).limit(limit))]


def next_due(tx: ReadTx, org_id: int, until: int) -> tuple[int, str] | None:
    found = select(c.due_at, c.payment_id).where(c.org_id == org_id, c.due_at <= until)
    row = tx.execute(found.order_by(c.due_at, c.payment_id).limit(1)).first()
    return (row.due_at, row.payment_id) if row else None


def organization_of(tx: ReadTx, payment_id: str) -> int | None:
    """Of whatever organization: the operator confirms invoices by their number alone. Spans organizations."""
    awaited = select(c.org_id).where(c.payment_id == payment_id, c.state == AWAITING)
    found: int | None = tx.scalar(awaited)
    return found if found is not None else tx.scalar(select(c.org_id).where(c.payment_id == payment_id))


def succeeded_since(tx: ReadTx, provider: str, since: int, limit: int) -> Sequence[Payment]:
    """What we believe to have from a provider. Spans organizations."""
    found = select(*_COLUMNS).where(c.provider == provider, c.state == SUCCEEDED, c.settled_at >= since)
    return [Payment(**row._mapping) for row in tx.execute(found.order_by(c.payment_id).limit(limit))]
