"""Payments as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, or_, select

from talktime.storage import payment_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.payment_store import AWAITING, INVOICE, SUCCEEDED, Payment

p, r = t.payments.c, t.receipts.c
RECEIPT = "receipt"
_COLUMNS = [p[name] for name in Payment.__struct_fields__]


def page(tx: ReadTx, org_id: int, limit: int, after: str | None) -> list[Payment]:
    query = select(*_COLUMNS).where(p.org_id == org_id).order_by(p.payment_id.desc()).limit(limit)
    if after is not None:
        query = query.where(p.payment_id < after)
    return [Payment(**row._mapping) for row in tx.execute(query)]


def receipt_of(tx: ReadTx, org_id: int, payment_id: str) -> str | None:
    return receipts_of(tx, org_id, [payment_id]).get(payment_id)


def receipts_of(tx: ReadTx, org_id: int, payment_ids: Sequence[str]) -> dict[str, str]:
    """By the payment: the id of what it was first receipted with."""
    found = select(r.payment_id, r.receipt_id).where(r.org_id == org_id, r.payment_id.in_(payment_ids))
    rows = tx.execute(found.where(r.amount_micros > 0).order_by(r.number.desc()))
    return {row.payment_id: row.receipt_id for row in rows}


def organization_of(tx: ReadTx, payment_id: str) -> int | None:
    """Spans organizations: an operator knows a payment by its id alone."""
    return payment_store.organization_of(tx, payment_id)


def unpaid_invoices(tx: ReadTx, limit: int, after: str | None) -> list[Payment]:
    """Whose money has not come yet, credited or not, oldest first. Spans organizations."""
    credited = and_(p.state == SUCCEEDED, p.confirmed_at.is_(None))
    query = select(*_COLUMNS).where(p.provider == INVOICE, or_(p.state == AWAITING, credited))
    if after is not None:
        query = query.where(p.payment_id > after)
    return [Payment(**row._mapping) for row in tx.execute(query.order_by(p.payment_id).limit(limit))]
