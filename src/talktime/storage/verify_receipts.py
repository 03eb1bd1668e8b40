"""The documents of one organization: numbered without gaps, and each says what its row says."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select

from talktime.core.receipts import Receipt, shown_number
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.verify_books import Tell, streamed

INVARIANT = "receipts"
r, b = t.receipts.c, t.billing_details.c


def check_receipts(tx: ReadTx, org_id: int, tell: Tell) -> None:
    before = 0
    rows = select(r.number, r.kind, r.amount_micros, r.currency, r.at, r.document).where(r.org_id == org_id)
    for row in streamed(tx, rows.order_by(r.number)):
        if row.number != before + 1:
            tell(INVARIANT, f"receipt {row.number} follows receipt {before}")
        _check_document(row, tell)
        before = row.number
    given = tx.scalar(select(b.last_receipt_no).where(b.org_id == org_id)) or 0
    if given != before:
        tell(INVARIANT, f"the receipts end with {before}, and the last number given out is {given}")


def _check_document(row: Any, tell: Tell) -> None:
    try:
        receipt = msgspec.json.decode(row.document, type=Receipt)
    except msgspec.MsgspecError as error:
        tell(INVARIANT, f"receipt {row.number}: it cannot be read: {error}")
        return
    said = (receipt.number, receipt.kind, receipt.total, receipt.currency, receipt.at)
    if said != (shown_number(row.number), row.kind, row.amount_micros, row.currency, row.at):
        tell(INVARIANT, f"receipt {row.number}: the document says {said}")
    if receipt.vat and receipt.vat.net + receipt.vat.tax != receipt.total:
        tell(INVARIANT, f"receipt {row.number}: net and VAT are not its total")
