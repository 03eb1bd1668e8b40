"""Receipts, invoices and credit notes: listed, and each as an object, a PDF and a page."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from talktime.actions import receipts
from talktime.core.money import decimal
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.documents.words import receipt_sheet
from talktime.reports import receipts as reports
from talktime.storage.database import ReadTx
from talktime.storage.receipt_store import ReceiptRow
from talktime.web.documents import as_page, as_pdf
from talktime.web.lists import Page, page_of
from talktime.web.routes import Raw, Request, Route


class ReceiptBody(Struct, kw_only=True):
    id: str
    number: str
    kind: Literal["receipt", "invoice", "credit_note"]
    top_up: str
    amount: str
    """Below zero on a credit note."""
    currency: str
    at: datetime
    agreement: str | None
    po_number: str | None
    refers_to: str | None
    """The number of the document that a credit note is about."""


def receipt_body(row: ReceiptRow) -> ReceiptBody:
    receipt, kind = row.receipt, row.kind
    shown: Any = kind
    return ReceiptBody(
        id=row.receipt_id,
        number=receipt.number,
        kind=shown,
        top_up=row.payment_id,
        amount=decimal(row.amount_micros),
        currency=row.currency,
        at=moment(row.at),
        agreement=receipt.agreement,
        po_number=receipt.po_number,
        refers_to=receipt.refers_to,
    )


def list_receipts(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Receipts, invoices and credit notes, newest first. Their numbers have no gaps."""
    page: Page = request.query
    rows = reports.page(tx, request.org_id, page.limit + 1, page.after(int))
    return page_of(rows, page.limit, lambda row: row.number, receipt_body)


def get_receipt(tx: ReadTx, request: Request[None]) -> ReceiptBody:
    """One receipt."""
    return receipt_body(receipts.found(tx, request.org_id, request.names["receipt_id"]))


def get_receipt_pdf(request: Request[None]) -> Raw:
    """A receipt as PDF, in the language that the organization had when it was made."""
    row = _found(request)
    return as_pdf(receipt_sheet(row.receipt), row.receipt.number)


def get_receipt_page(request: Request[None]) -> Raw:
    """A receipt as a page."""
    return as_page(receipt_sheet(_found(request).receipt))


def _found(request: Request[None]) -> ReceiptRow:
    """Set outside of the transaction: nobody waits for the layout."""
    org_id, receipt_id = request.org_id, request.names["receipt_id"]
    return request.app.database.read(org_id, receipts.found, org_id, receipt_id)


def _route(path: str, handler: Any, **options: Any) -> Route:
    return Route("GET", "/v1/receipts" + path, Scope.FUNDS, handler, tag="Money", **options)


ONE = "/{receipt_id}"
# What ends in a name of a form comes before what may end in anything.
ROUTES = [
    _route("", list_receipts, query=Page, answer=list[ReceiptBody]),
    _route(ONE + ".pdf", get_receipt_pdf, answer=Raw, tx=False),
    _route(ONE + ".html", get_receipt_page, answer=Raw, tx=False),
    _route(ONE, get_receipt, answer=ReceiptBody),
]
