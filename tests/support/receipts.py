"""Receipts without a payment before them, for tests of what is done with one."""

from __future__ import annotations

from typing import Any

from talktime.actions import receipts
from talktime.actions.organizations import locked
from talktime.core.ids import org_number
from talktime.core.receipts import Paid, Party, ReceiptKind
from talktime.core.time import SECOND
from talktime.storage.database import Database, Tx
from talktime.storage.receipt_store import ReceiptRow

SELLER = Party("Example Telephony")
AT = 1_900_000_000 * SECOND


def paid(**fields: Any) -> Paid:
    plain: dict[str, Any] = {
        "payment_id": "pay_1",
        "kind": ReceiptKind.RECEIPT,
        "amount": 50_000_000,
        "currency": "USD",
        "at": AT,
    }
    return Paid(**(plain | fields))


def issued(database: Database, org: str, **fields: Any) -> ReceiptRow:
    org_id = org_number(org)
    assert org_id

    def step(tx: Tx) -> ReceiptRow:
        return receipts.issue(tx, locked(tx, org_id), SELLER, paid(**fields))

    return database.write(org_id, step)
