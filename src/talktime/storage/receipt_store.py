"""Receipts, numbered without gaps, and how an organization wants to stand on them."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from sqlalchemy import insert, select, update

from talktime.core.receipts import BillingDetails, Receipt
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

r, b = t.receipts.c, t.billing_details.c


class ReceiptRow(Struct, frozen=True):
    receipt_id: str
    number: int
    kind: str
    payment_id: str
    amount_micros: int
    """Below zero where money went back."""
    currency: str
    at: int
    document: str

    @property
    def receipt(self) -> Receipt:
        return msgspec.json.decode(self.document, type=Receipt)


COLUMNS = [t.receipts.c[name] for name in ReceiptRow.__struct_fields__]


def next_number(tx: Tx, org_id: int) -> int:
    """Whoever asks has the organization's lock, and uses it in the same transaction."""
    raised = update(t.billing_details).where(b.org_id == org_id).values(last_receipt_no=b.last_receipt_no + 1)
    number = tx.execute(raised.returning(b.last_receipt_no)).scalar()
    if number is None:
        tx.execute(insert(t.billing_details), {"org_id": org_id, "last_receipt_no": 1})
    return int(number or 1)


def add(tx: Tx, org_id: int, made: ReceiptRow) -> None:
    row = {name: getattr(made, name) for name in made.__struct_fields__}
    tx.execute(insert(t.receipts), row | {"org_id": org_id})


def find(tx: ReadTx, org_id: int, receipt_id: str) -> ReceiptRow | None:
    row = tx.execute(select(*COLUMNS).where(r.org_id == org_id, r.receipt_id == receipt_id)).first()
    return ReceiptRow(*row) if row else None


def first_of(tx: ReadTx, org_id: int, payment_id: str) -> int | None:
    """The number of the document that a payment was given when it came."""
    mine = select(r.number).where(r.org_id == org_id, r.payment_id == payment_id)
    return tx.scalar(mine.order_by(r.number).limit(1))


def details(tx: ReadTx, org_id: int) -> BillingDetails:
    kept = tx.scalar(select(b.details).where(b.org_id == org_id))
    return msgspec.json.decode(kept or "{}", type=BillingDetails)


def keep_details(tx: Tx, org_id: int, changed: BillingDetails) -> None:
    row = {"details": msgspec.json.encode(changed).decode()}
    if tx.execute(update(t.billing_details).where(b.org_id == org_id).values(**row)).rowcount == 0:
        tx.execute(insert(t.billing_details), row | {"org_id": org_id})
