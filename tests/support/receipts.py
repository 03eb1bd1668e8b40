"""Receipts without a payment before them, for tests of what is done with one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from talktime.actions import receipts
from talktime.actions.organizations import locked
from talktime.core.ids import org_number
from talktime.core.receipts import Paid, Party, ReceiptKind
from talktime.core.time import SECOND
from talktime.settings import DATABASE_FILE
from talktime.storage.database import Database, PostgresDatabase, SqliteDatabase, Tx
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


def issued_beside_a_server(where: Path | str, org: str) -> str:
    """`where`: a data folder or the address of a database."""
    opened = PostgresDatabase(where) if isinstance(where, str) else SqliteDatabase(where / DATABASE_FILE)
    with closing(opened) as database:
        return issued(database, org).receipt_id
