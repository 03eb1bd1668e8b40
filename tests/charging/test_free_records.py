"""What nobody pays is reported all the same."""

from __future__ import annotations

from sqlalchemy import select

from talktime.core.call_types import CallType
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, ReadTx
from tests.charging.books import Books


def test_a_recorded_call_that_nobody_pays_has_a_usage_row(books: Books) -> None:
    """Nothing else of its organization moves with it."""
    books.organization()
    books.record("c1", 61, call_type=CallType.USER_IN)
    assert books.database.read(EVERYBODY, _payers) == [("c1", "none")]


def _payers(tx: ReadTx) -> list[tuple[str, str]]:
    return [(call_id, payer) for call_id, payer in tx.execute(select(t.usage.c.call_id, t.usage.c.payer))]
