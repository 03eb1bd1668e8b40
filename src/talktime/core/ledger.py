"""The books of an organization. Money moves from one book to another; what was written stays as it is."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from talktime.core.lots import Parts

REVENUE = "revenue"
DEBT = "debt"
EXPIRED = "expired"
PROMOTION = "promotion"
ADJUSTMENTS = "adjustments"
SHORTFALL = "shortfall"
REFUNDS = "refunds"
DISPUTES = "disputes"
LOT = "lot:"


def clearing_book(provider: str) -> str:
    return f"clearing:{provider}"


def lot_book(lot_id: str) -> str:
    return f"{LOT}{lot_id}"


class EntryKind(StrEnum):
    TOP_UP = "top_up"
    RECHARGE = "recharge"
    GRANT = "grant"
    CHARGE = "charge"
    EXPIRY = "expiry"
    REFUND = "refund"
    DISPUTE = "dispute"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"


class Posting(Struct, frozen=True, array_like=True, gc=False):
    """Names where money leaves and where it arrives, so no entry can be out of balance."""

    source: str
    destination: str
    amount: int

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError("a posting moves more than nothing")
        if self.source == self.destination:
            raise ValueError("a posting needs two books")


class Entry(Struct, frozen=True, gc=False):
    """Postings that stand or fall together, under a key made from their cause."""

    org_id: int
    key: str
    kind: EntryKind
    at: int
    postings: tuple[Posting, ...]
    amount: int
    """By how much the organization's balance changes: a shortfall is no money of the organization."""
    by: str
    """Who or what caused it."""
    note: str = ""


def lot_of(book: str) -> str | None:
    """None: it is no lot's."""
    return book.removeprefix(LOT) if book.startswith(LOT) else None


def from_lots(parts: Parts, book: str) -> list[Posting]:
    return [Posting(lot_book(part.lot_id), book, part.amount) for part in parts]


def to_lots(parts: Parts, book: str) -> list[Posting]:
    return [Posting(book, lot_book(part.lot_id), part.amount) for part in parts]
