"""What stands on a receipt, an invoice or a credit note. It is made once and kept; what changes later changes none."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from talktime.core.money import MICROS_PER_UNIT, decimals_of, round_half_up

WHOLE = 10_000
"""A rate is counted in hundredths of a percent."""
MICROS_OF_RATE = MICROS_PER_UNIT // 100
"""A hundredth, where a rate is written like an amount."""
_BRANDS = {"amex": "American Express", "jcb": "JCB", "unionpay": "UnionPay", "cartes_bancaires": "Cartes Bancaires"}


class ReceiptKind(StrEnum):
    RECEIPT = "receipt"
    """Paid by card."""
    INVOICE = "invoice"
    """Paid under an agreement."""
    CREDIT_NOTE = "credit_note"
    """Money went back: its amounts are below zero."""


class Party(Struct, frozen=True):
    name: str
    address: tuple[str, ...] = ()
    vat_id: str | None = None


class Vat(Struct, frozen=True):
    """Prices include it. Net and tax are the total, to the last micro."""

    rate: int
    net: int
    tax: int


class BillingDetails(Struct, frozen=True):
    """How an organization wants to stand on its documents."""

    legal_name: str | None = None
    address: tuple[str, ...] = ()
    vat_id: str | None = None
    vat_rate: int | None = None
    """None: no VAT is shown."""
    receipts_to: tuple[str, ...] = ()


class Paid(Struct, frozen=True, kw_only=True):
    """What a document is to be made of. `amount` is above zero, also of what went back."""

    payment_id: str
    kind: ReceiptKind
    amount: int
    currency: str
    at: int
    """When the money was taken or given back."""
    expires_at: int | None = None
    card: str | None = None
    """As `card_text` says it."""
    agreement: str | None = None
    po_number: str | None = None
    refers_to: str | None = None
    """The number that a credit note is about, as shown. None: that of the payment's own receipt."""
    note: str = ""


class Receipt(Struct, frozen=True, kw_only=True):
    kind: ReceiptKind
    number: str
    at: int
    time_zone: str
    language: str
    seller: Party
    buyer: Party
    currency: str
    total: int
    vat: Vat | None
    expires_at: int | None
    card: str | None
    agreement: str | None
    po_number: str | None
    refers_to: str | None
    note: str


def shown_number(number: int) -> str:
    return f"R-{number:06d}"


def card_text(brand: str, last4: str) -> str:
    return f"{_BRANDS.get(brand, brand.title())} •••• {last4}"


def vat_of(total: int, currency: str, rate: int | None) -> Vat | None:
    """The net is rounded to what the currency can be paid in. What went back is the mirror of what came."""
    if rate is None:
        return None
    paid, unit = abs(total), MICROS_PER_UNIT // 10 ** decimals_of(currency)
    if paid % unit:
        unit = 1
    net = round_half_up(paid * WHOLE, (WHOLE + rate) * unit) * unit
    net = net if total >= 0 else -net
    return Vat(rate, net, total - net)


def buyer_of(details: BillingDetails, name: str) -> Party:
    """Without details: by the name that the organization has here."""
    return Party(details.legal_name or name, details.address, details.vat_id)


def seller_of(name: str, address: str, vat_id: str) -> Party:
    """As it stands in the settings: lines of the address with a bar between them."""
    lines = tuple(line.strip() for line in address.split("|") if line.strip())
    return Party(name, lines, vat_id or None)
