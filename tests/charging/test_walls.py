"""The second wall: what the database itself refuses, whatever a statement says. Always as the role of the product."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, insert, text
from sqlalchemy.exc import ProgrammingError

from talktime.storage.database import EVERYBODY, Tx
from talktime.storage.errors import Conflict
from talktime.storage.tables import of_kind
from tests.charging.books import Books

TABLES = of_kind("organization")
APPEND_ONLY = ("entries", "audit", "seals", "user_blocks")


def something(column: Column[Any]) -> object:
    """Any value that the column takes."""
    match column.type:
        case BigInteger():
            return 1
        case Boolean():
            return False
        case LargeBinary():
            return b"x"
    return "x"


def fill(tx: Tx) -> None:
    """A row for each of two organizations in every table of theirs."""
    for table in TABLES:
        row = {column.name: something(column) for column in table.columns if not column.server_default}
        for org_id in (1, 2):
            tx.execute(insert(table), row | {"org_id": org_id})


@pytest.fixture
def filled(postgres_books: Books) -> Books:
    postgres_books.database.write(EVERYBODY, fill)
    return postgres_books


@contextmanager
def connected(books: Books, scope: str | None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(books.database.url) as connection:
        if scope is not None:
            connection.execute(sql.SQL("SET LOCAL app.orgs = {}").format(sql.Literal(scope)))
        yield connection
        connection.rollback()


def seen(connection: psycopg.Connection) -> dict[str, list[int]]:
    """Whose rows are there, table by table."""
    found = {}
    for table in TABLES:
        query = sql.SQL("SELECT org_id FROM {} WHERE org_id > 0 ORDER BY org_id").format(sql.Identifier(table.name))
        found[table.name] = [row[0] for row in connection.execute(query)]
    return found


def everywhere(org_ids: list[int]) -> dict[str, list[int]]:
    return {table.name: org_ids for table in TABLES}


def test_the_tests_are_not_above_the_walls(filled: Books) -> None:
    with connected(filled, None) as connection:
        query = "SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(query).fetchone() == ("talktime", False)


@pytest.mark.parametrize(
    ("scope", "org_ids"),
    [(None, []), ("", []), ("1", [1]), ("2", [2]), ("3", []), ("1,2", [1, 2]), ("2,1,9", [1, 2]), ("*", [1, 2])],
)
def test_a_transaction_sees_the_organizations_it_names_and_nothing_of_others(
    filled: Books, scope: str | None, org_ids: list[int]
) -> None:
    with connected(filled, scope) as connection:
        assert seen(connection) == everywhere(org_ids)


def test_what_one_transaction_named_is_forgotten_by_the_next(filled: Books) -> None:
    with connected(filled, "1") as connection:
        assert seen(connection) == everywhere([1])
        connection.commit()
        assert seen(connection) == everywhere([])


@pytest.mark.parametrize("scope", ["x", "1;2", "1,*"])
def test_a_scope_that_is_none_shows_nothing(filled: Books, scope: str) -> None:
    with connected(filled, scope) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT * FROM accounts")


def test_what_is_not_seen_cannot_be_changed(filled: Books) -> None:
    with connected(filled, "1") as connection:
        changed = connection.execute("UPDATE accounts SET posted_micros = 5")
        deleted = connection.execute("DELETE FROM lots")
        assert (changed.rowcount, deleted.rowcount) == (1, 1)


@pytest.mark.parametrize("scope", [None, "", "1"])
def test_no_row_can_be_written_for_an_organization_that_was_not_named(filled: Books, scope: str | None) -> None:
    with connected(filled, scope) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("INSERT INTO accounts (org_id) VALUES (7)")


def test_no_row_can_be_moved_to_another_organization(filled: Books) -> None:
    with connected(filled, "1") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE licences SET org_id = 2, code = 'y'")


# --------------------------------------------------------------------------------------------------- for ever

ATTACKS = {
    "update": "UPDATE {table} SET org_id = org_id",
    "delete": "DELETE FROM {table}",
    "delete one": "DELETE FROM {table} WHERE org_id = 1",
}


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("attack", list(ATTACKS))
def test_what_was_written_down_stays_as_it_is(books: Books, table: str, attack: str) -> None:
    books.database.write(EVERYBODY, fill)
    with pytest.raises((Conflict, ProgrammingError), match=r"only added to|permission denied"):
        books.database.write(EVERYBODY, lambda tx: tx.execute(text(ATTACKS[attack].format(table=table))))
    count = text(f"SELECT count(*) FROM {table} WHERE org_id > 0")
    assert books.database.read(EVERYBODY, lambda tx: tx.scalar(count)) == 2


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_was_written_down_cannot_be_swept_away(filled: Books, table: str) -> None:
    with connected(filled, "*") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(table)))
