"""The walls as the program meets them: through its own doors to the database, with all that it keeps in every table.

What PostgreSQL refuses to statements written by hand is told in `tests/charging/test_walls.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from talktime.storage import org_store
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Database, ReadTx, Scope, Tx, scope_text
from talktime.storage.errors import StoreError
from talktime.storage.postgres_store import PostgresStore
from talktime.storage.walls import opened
from tests.storage.company import found_company
from tests.storage.conftest import DIALECTS, Maker
from tests.storage.shop import Shop, organization

OURS = [table.name for table in t.of_kind("organization")]
OPERATOR, FIRST, SECOND = 0, 1, 2
APPEND_ONLY = ("entries", "audit", "seals", "user_blocks")


@pytest.fixture(scope="module")
def company(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """On PostgreSQL: an organization with a row in every table, and a second one with some."""
    with maker.shop_on("postgresql", tmp_path_factory.mktemp("company")) as shop:
        found_company(shop.database, shop.store)
        shop.open(SECOND)
        yield shop


@pytest.fixture(scope="module", params=DIALECTS)
def companies(
    request: pytest.FixtureRequest, company: Shop, maker: Maker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    if request.param == "postgresql":
        yield company
        return
    with maker.shop_on("sqlite", tmp_path_factory.mktemp("company")) as shop:
        found_company(shop.database, shop.store)
        yield shop


def seen(database: Database, scope: Scope) -> dict[str, set[int]]:
    """Whose rows are there, table by table."""

    def look(tx: ReadTx) -> dict[str, set[int]]:
        return {name: set(tx.scalars(text(f"SELECT DISTINCT org_id FROM {name}"))) for name in OURS}

    return database.read(scope, look)


# ---------------------------------------------------------------- who sees what


def test_every_table_of_organizations_is_walled_in_even_for_its_owner_and_no_other(company: Shop) -> None:
    query = text("""SELECT relname, relrowsecurity AND relforcerowsecurity, pg_get_userbyid(relowner),
(SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) FROM pg_class c
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace""")
    rows = company.database.read((), lambda tx: tx.execute(query).all())
    assert {owner for _, _, owner, _ in rows} == {"talktime"}
    assert {name for name, walled, _, _ in rows if walled} == set(OURS)
    assert {name for name, _, _, policies in rows if policies} == set(OURS)


def test_who_names_nobody_sees_nothing(company: Shop) -> None:
    assert seen(company.database, ()) == {name: set() for name in OURS}


@pytest.mark.parametrize("scope", [FIRST, SECOND, [FIRST, SECOND], [SECOND, 9]], ids=str)
def test_a_transaction_sees_those_it_names(company: Shop, scope: Scope) -> None:
    everything = seen(company.database, EVERYBODY)
    named = {scope} if isinstance(scope, int) else set(scope)
    assert seen(company.database, scope) == {name: whose & named for name, whose in everything.items()}
    assert all(FIRST in whose for whose in everything.values())


def test_a_batch_reads_no_call_user_or_lot_of_an_organization_it_does_not_name(company: Shop) -> None:
    company.phone(SECOND).authorize("c-second")
    keys, names = [(FIRST, "c1"), (SECOND, "c-second")], [(FIRST, "ann"), (SECOND, "ann")]
    for org_ids in ([SECOND], [FIRST, SECOND]):
        with company.store.transaction(org_ids, locked=False) as tx:
            read = tx.load(keys, names)
            assert {org_id for org_id, _ in read.calls} == set(org_ids)
            assert {org_id for org_id, _ in read.users} == set(org_ids)
            assert set(read.accounts) == set(org_ids)
    # Not even when it asks for the account itself.
    with company.store.transaction([SECOND], locked=True) as tx:
        tx._orgs = postgres_array([FIRST, SECOND])  # type: ignore[attr-defined]
        assert set(tx.load([], []).accounts) == {SECOND}


def postgres_array(org_ids: list[int]) -> bytes:
    from talktime.storage.wire import longs

    return longs(org_ids)


def test_no_row_is_made_or_changed_for_an_organization_that_is_not_named(company: Shop) -> None:
    with pytest.raises(SQLAlchemyError, match="row-level security"):
        company.database.write(SECOND, lambda tx: org_store.add(tx, organization(7)))
    before = company.database.read(EVERYBODY, org_store.find, FIRST)
    company.database.write(SECOND, org_store.change, organization(FIRST))
    assert company.database.read(EVERYBODY, org_store.find, FIRST) == before
    assert company.database.write(SECOND, org_store.lock, FIRST) is None


@pytest.mark.parametrize("scope", ["1'; SET ROLE postgres; --", ["1", "x"], "1,*", [None]])
def test_a_scope_is_numbers_or_a_star_and_nothing_else(scope: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        scope_text(scope)


# ---------------------------------------------------------------- who writes what


REWRITING = {
    "changed": "UPDATE {table} SET org_id = org_id WHERE org_id = 1",
    "deleted": "DELETE FROM {table} WHERE org_id = 1",
    "changed in passing": "INSERT INTO {table} SELECT * FROM {table} WHERE org_id = 1 ON CONFLICT ({key}) DO UPDATE "
    "SET org_id = excluded.org_id",
    "written over": "INSERT OR REPLACE INTO {table} SELECT * FROM {table} WHERE org_id = 1",
}


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("how", REWRITING)
def test_what_was_written_down_stays_as_it_is(companies: Shop, table: str, how: str) -> None:
    """On SQLite a row that is replaced is deleted without a word, unless it is told to say one."""
    key = ", ".join(column.name for column in t.metadata.tables[table].primary_key.columns)
    statement = REWRITING[how].format(table=table, key=key)
    before = rows_in(companies.database, table)
    assert before
    with pytest.raises((StoreError, SQLAlchemyError), match=r"only added to|permission denied|syntax error"):
        companies.database.write(EVERYBODY, lambda tx: tx.execute(text(statement)))
    assert rows_in(companies.database, table) == before


def rows_in(database: Database, table: str) -> list[Any]:
    return database.read(EVERYBODY, lambda tx: sorted(tuple(row) for row in tx.execute(text(f"SELECT * FROM {table}"))))


def test_who_only_reads_cannot_write(companies: Shop) -> None:
    with pytest.raises((StoreError, SQLAlchemyError), match=r"read-?only"):
        companies.database.read(EVERYBODY, lambda tx: tx.execute(text("UPDATE control SET value = 9")))


# ---------------------------------------------------------------- nothing stays behind


def on_a_pooled_connection(database: Database, question: Callable[[Connection], Any]) -> Any:
    with database.writer.connect() as connection:
        return question(connection)


def test_a_connection_forgets_whose_rows_it_saw(company: Shop) -> None:
    company.database.write(EVERYBODY, lambda tx: None)
    company.database.read(FIRST, lambda tx: None)
    with suppress(ZeroDivisionError):
        company.database.write(FIRST, lambda tx: 1 // 0)
    query = text("SELECT coalesce(current_setting('app.orgs', true), '')")
    assert on_a_pooled_connection(company.database, lambda connection: connection.scalar(query)) == ""
    assert on_a_pooled_connection(company.database, lambda connection: connection.scalar(text(COUNT))) == 0


COUNT = "SELECT count(*) FROM organizations"


def prepared(connection: Any) -> int:
    count = connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar()
    return int(count or 0)


def test_what_people_ask_for_leaves_no_prepared_statement_behind(company: Shop) -> None:
    """Rule 15: behind a pooler the next transaction may be another's, and plans of the first day would live on."""

    def ask(tx: Tx) -> int:
        for _ in range(20):
            org_store.find(tx, FIRST)
        return prepared(tx)

    assert company.database.write(FIRST, ask) == 0
    assert company.database.read(FIRST, lambda tx: ask(Tx(tx))) == 0


@pytest.mark.parametrize("prepare", [True, False])
def test_the_engine_prepares_statements_only_where_it_may(company: Shop, prepare: bool) -> None:
    store = PostgresStore(company.database.url, lanes=1, prepare=prepare)
    shop = Shop(company.database, store)
    shop.phone(SECOND).authorize(f"prepared-{prepare}")
    wire = store._idle.get()
    assert wire is not None
    assert not wire.in_transaction
    wire._pg.exit_pipeline_mode()
    with psycopg.Connection(wire._pg) as connection:
        row = connection.execute("SELECT count(*) FROM pg_prepared_statements", prepare=False).fetchone()
    assert row is not None
    assert (row[0] > 5) is prepare
    assert wire._pg.transaction_status == TransactionStatus.UNKNOWN


def test_two_who_forget_somebody_at_the_same_moment_take_turns(postgres_shop: Shop) -> None:
    """Each opens what may only be added to, which PostgreSQL lets only one do at a time."""
    database = postgres_shop.database
    with ThreadPoolExecutor(1) as another:
        with database.writing(FIRST) as tx, opened(tx, "audit"):
            later = another.submit(database.write, SECOND, _open_and_close)
            while not database.read((), _somebody_waits):
                assert not later.done()
        later.result()


def _open_and_close(tx: Tx) -> None:
    with opened(tx, "audit"):
        pass


def _somebody_waits(tx: ReadTx) -> bool:
    return bool(tx.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
