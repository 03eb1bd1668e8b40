"""`verify` finds what is planted among the receipts of a company that has a receipt and a credit note."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from talktime.storage.errors import StoreError
from talktime.storage.verify import verify
from tests.charging.books import Books, Empty
from tests.storage.company import found_company
from tests.support.postgres import Cluster
from tests.test_verify import Damage, found_after, told


@pytest.fixture(scope="module")
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Empty]:
    folder = tmp_path_factory.mktemp("empty")
    with closing(Empty(folder, lambda: cast(Cluster, request.getfixturevalue("postgres")))) as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def company(request: pytest.FixtureRequest, empty: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """What a test plants is undone by it."""
    with empty.books_on(request.param, tmp_path_factory.mktemp("company")) as made:
        found_company(made.database, made.store)
        yield made


def first(change: str) -> list[str]:
    return [f"UPDATE receipts SET {change} WHERE org_id = 1 AND number = 1"]


def document(part: str, other: str) -> list[str]:
    return first(f"document = replace(document, '{part}', '{other}')")


DAMAGE = {
    "a receipt lost": Damage("receipts", "receipt 2 follows receipt 0", ["DELETE FROM receipts WHERE number = 1"]),
    "the last one lost": Damage("receipts", "end with 4, and the last", ["DELETE FROM receipts WHERE number = 5"]),
    "a number left out": Damage("receipts", "receipt 7 follows", ["UPDATE receipts SET number = 7 WHERE number = 2"]),
    "another number": Damage("receipts", "the document says", document("R-000001", "R-000004")),
    "another amount": Damage("receipts", "receipt 1: the document says", first("amount_micros = 1")),
    "another currency": Damage("receipts", "receipt 1: the document says", first("currency = 'EUR'")),
    "another instant": Damage("receipts", "receipt 1: the document says", first("at = at + 1")),
    "another kind": Damage("receipts", "receipt 1: the document says", first("kind = 'invoice'")),
    "another VAT": Damage("receipts", "net and VAT", document('"tax":8330000', '"tax":8330001')),
    "no document": Damage("receipts", "cannot be read", first("document = '{}'")),
    "numbers given out": Damage("receipts", "given out is 9", ["UPDATE billing_details SET last_receipt_no = 9"]),
    "a number nobody got": Damage(
        "receipts", "end with 0", ["INSERT INTO billing_details (org_id, last_receipt_no) VALUES (0, 1)"]
    ),
}
UNGUARDED = [f"DROP TRIGGER receipts_no_{what}" for what in ("update", "delete")]


def test_what_is_sound_is_found_sound(company: Books) -> None:
    assert verify(company.database).findings == []


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(company: Books, request: pytest.FixtureRequest, name: str) -> None:
    planted = DAMAGE[name]
    unguarded = UNGUARDED if company.database.dialect == "sqlite" else []
    statements = [*unguarded, *planted.statements]
    report = found_after(company, lambda: cast(Cluster, request.getfixturevalue("postgres")), statements)
    assert told(report, planted), report.findings


def test_nobody_changes_a_receipt_that_was_made(company: Books) -> None:
    for statement in ("UPDATE receipts SET amount_micros = 1", "DELETE FROM receipts"):
        with pytest.raises((DBAPIError, StoreError), match=r"only added to|permission denied"):
            company.database.write(1, lambda tx, sent: tx.execute(text(sent)), statement)
