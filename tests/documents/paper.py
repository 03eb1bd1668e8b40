"""Documents to look at: of an example seller for an example customer."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

from pypdf import PdfReader

from talktime.core.ledger import EntryKind
from talktime.core.receipts import Party, Receipt, ReceiptKind, card_text, vat_of
from talktime.core.statements import Statement, StatementRow
from talktime.core.time import DAY, instant
from talktime.documents.pdf import pdf
from talktime.documents.sheet import Sheet

AT = instant(datetime.fromisoformat("2031-03-05T08:00:00Z"))
SELLER = Party("Example Telephony", ("1 Example Street", "1010 Example Town"), "LV40000000000")
BUYER = Party("Example Ltd", ("2 Example Road",), "GB000000000")


def receipt(language: str = "en", **fields: Any) -> Receipt:
    plain: dict[str, Any] = {
        "kind": ReceiptKind.RECEIPT,
        "number": "R-000017",
        "at": AT,
        "time_zone": "Europe/Riga",
        "language": language,
        "seller": SELLER,
        "buyer": BUYER,
        "currency": "EUR",
        "total": 1_250_000_000,
        "vat": vat_of(1_250_000_000, "EUR", 2100),
        "expires_at": AT + 365 * DAY,
        "card": card_text("visa", "4242"),
        "agreement": None,
        "po_number": None,
        "refers_to": None,
        "note": "",
    }
    return Receipt(**(plain | fields))


def statement(language: str = "en", *rows: StatementRow) -> Statement:
    return Statement(
        month="2031-03",
        begin=AT - 4 * DAY,
        last=AT + 26 * DAY,
        time_zone="UTC",
        language=language,
        seller=SELLER,
        buyer=BUYER,
        currency="EUR",
        opening=12_000_000,
        rows=rows or every_kind(),
    )


def every_kind() -> tuple[StatementRow, ...]:
    kinds = list(EntryKind)
    return tuple(
        StatementRow(AT, kind, "Bad line", 1_500_000, 12_000_000 + 1_500_000 * n, 5) for n, kind in enumerate(kinds, 1)
    )


def text_of(made: bytes) -> str:
    """In one line, as far as a reader of it goes: where a line ends is the layout's business."""
    pages = PdfReader(BytesIO(made)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def text_in(sheet: Sheet) -> str:
    return text_of(pdf(sheet))


def values_of(sheet: Sheet) -> list[str]:
    """Everything that the sheet says."""
    blocks = [text for block in sheet.blocks for text in (block.heading, block.name, *block.lines)]
    facts = [text for fact in (*sheet.facts, *sheet.sums) for text in (fact.name, fact.value)]
    cells = [cell for row in (sheet.table.headings, *sheet.table.rows) for cell in row]
    said = [sheet.title, sheet.subtitle, sheet.sender, *blocks, *facts, *cells, sheet.note]
    return [" ".join(text.split()) for text in said if text]
