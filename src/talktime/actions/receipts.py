"""Documents about money that came or went back, and how an organization wants to stand on them."""

from __future__ import annotations

import msgspec

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound
from talktime.actions.organizations import locked
from talktime.core.emails import is_email
from talktime.core.ids import uuid7_of
from talktime.core.receipts import BillingDetails, Paid, Party, Receipt, ReceiptKind, buyer_of, shown_number, vat_of
from talktime.storage import receipt_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.org_store import Organization
from talktime.storage.receipt_store import ReceiptRow


def issue(tx: Tx, org: Organization, seller: Party, paid: Paid) -> ReceiptRow:
    """The next document of the organization, whose lock the caller has. Everything on it stays as it is now."""
    refers_to = _refers_to(tx, org.org_id, paid)
    details = receipt_store.details(tx, org.org_id)
    number = receipt_store.next_number(tx, org.org_id)

    receipt = _receipt(org, seller, details, number, paid, refers_to)

    document = msgspec.json.encode(receipt).decode()
    receipt_id = f"rcp_{uuid7_of(paid.at, f'receipt:{org.org_id}:{number}')}"
    values = (receipt_id, number, paid.kind.value, paid.payment_id, receipt.total, paid.currency, paid.at, document)
    receipt_store.add(tx, org.org_id, made := ReceiptRow(*values))
    return made


def _refers_to(tx: ReadTx, org_id: int, paid: Paid) -> str | None:
    if paid.refers_to or paid.kind is not ReceiptKind.CREDIT_NOTE:
        return paid.refers_to
    number = receipt_store.first_of(tx, org_id, paid.payment_id)
    return shown_number(number) if number else None


def _receipt(
    org: Organization, seller: Party, details: BillingDetails, number: int, paid: Paid, refers_to: str | None
) -> Receipt:
    total = -paid.amount if paid.kind is ReceiptKind.CREDIT_NOTE else paid.amount
    return Receipt(
        kind=paid.kind,
        number=shown_number(number),
        at=paid.at,
        time_zone=org.time_zone,
        language=org.language,
        seller=seller,
        buyer=buyer_of(details, org.name),
        currency=paid.currency,
        total=total,
        vat=vat_of(total, paid.currency, details.vat_rate),
        expires_at=paid.expires_at,
        card=paid.card,
        agreement=paid.agreement,
        po_number=paid.po_number,
        refers_to=refers_to,
        note=paid.note,
    )


def found(tx: ReadTx, org_id: int, receipt_id: str) -> ReceiptRow:
    row = receipt_store.find(tx, org_id, receipt_id)
    if row is None:
        raise NotFound
    return row


def details_of(tx: ReadTx, org_id: int) -> BillingDetails:
    return receipt_store.details(tx, org_id)


def set_details(tx: Tx, org_id: int, new: BillingDetails, actor: Actor) -> BillingDetails:
    """For documents from now on; those that were made stay as they are."""
    locked(tx, org_id)
    old = receipt_store.details(tx, org_id)
    for number, address in enumerate(new.receipts_to):
        if not is_email(address):
            raise Invalid("invalid_email", f"receipts_to[{number}]")

    receipt_store.keep_details(tx, org_id, new)
    audit.note(tx, org_id, actor, "billing_details.changed", "billing_details", *map(msgspec.to_builtins, (old, new)))
    return new
