"""The tables are what the code says, however they came to be: at a first start, by migrations, after a crash in the
middle of one, with several processes at the same time, from a database that an older version has left."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger, Connection, text

from talktime.actions import knowledge, pool_sizes
from talktime.core.pool_sizes import Minutes
from talktime.storage import control_store, knowledge_store, org_store, pool_store, schema
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.diagnosis import of_database
from talktime.storage.errors import SchemaTooNew
from talktime.storage.verify import verify
from tests.core.switch import NOW
from tests.storage.catalog import Catalog, catalog, keys_and_indexes
from tests.storage.conftest import Maker
from tests.storage.frozen import Rows, columns_of, frozen, load, revisions, rows_of
from tests.storage.migrating import BEFORE_COMMIT, DONE, KILLED, Nursery, Orders, opened, prepare
from tests.storage.shop import Shop
from tests.upgrade.big_table import as_the_next
from tests.upgrade.programs import next_program

VERSIONS = Path(schema.__file__).parent / "migrations" / "versions"
KINDS = ("organization", "reference", "local")


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as found:
        yield found


@contextmanager
def database_at(url: str) -> Iterator[Database]:
    database = opened(url)
    try:
        yield database
    finally:
        database.close()


def asked(url: str, question: Callable[[ReadTx], Any]) -> Any:
    with database_at(url) as database:
        return database.read(EVERYBODY, question)


# ---------------------------------------------------------------- what is there


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_migrated_database_is_what_the_tables_say(dialect: str, maker: Maker, tmp_path: Path) -> None:
    """Columns with types, defaults and sorting; keys, CHECKs, partial indexes; how pages are filled."""
    with maker.nothing_on(dialect, tmp_path) as url, database_at(url) as database:
        database.write((), lambda tx: t.metadata.create_all(tx))
        wanted: Catalog = database.read((), catalog)
    with maker.shop_on(dialect, tmp_path) as shop:
        found: Catalog = shop.database.read((), catalog)
    assert wanted["columns"]
    for kind in wanted:
        assert found[kind] == wanted[kind]


def test_postgresql_vacuums_calls_long_before_a_fifth_of_them_has_changed(postgres_shop: Shop) -> None:
    """Else the index of those in progress grows with the number of all that ever were."""
    options = dict(postgres_shop.database.read((), catalog)["options"])
    (early,) = (one for one in options["calls"].split(",") if one.startswith("autovacuum_vacuum_scale_factor"))
    assert float(early.partition("=")[2]) <= 0.02


def test_alembic_finds_nothing_to_do(shop: Shop) -> None:
    def differences(tx: ReadTx) -> Sequence[Any]:
        # SQLite spells what is false as 0; the test above compares the values.
        options = {"compare_type": True, "compare_server_default": tx.dialect.name == "postgresql"}
        found: Sequence[Any] = compare_metadata(MigrationContext.configure(tx, opts=options), t.metadata)
        return found

    assert shop.database.read((), differences) == []


EVERYWHERE = (
    "ALTER TABLE users ADD COLUMN motto text",
    "CREATE INDEX users_by_name ON users (org_id, name)",
    "DROP INDEX calls_by_time",
    "ALTER TABLE users RENAME COLUMN language TO tongue",
)
ON_POSTGRES = (
    "ALTER TABLE lots DROP CONSTRAINT lots_held",
    "ALTER TABLE lots DROP CONSTRAINT lots_held, ADD CONSTRAINT lots_held CHECK (held_micros >= 0)",
    "DROP INDEX lots_open; CREATE INDEX lots_open ON lots (org_id, expires_at)",
    'ALTER TABLE users ALTER COLUMN name TYPE text COLLATE "default"',
    "ALTER TABLE accounts ALTER COLUMN held_micros DROP DEFAULT",
    "ALTER TABLE accounts RESET (fillfactor)",
    "ALTER TABLE calls ALTER COLUMN due_at SET NOT NULL",
)


class Undo(Exception):
    """The next change begins with the same tables."""


def test_a_table_that_differs_is_noticed(shop: Shop) -> None:
    """The comparison itself can fail."""
    before = shop.database.read((), catalog)
    changes = EVERYWHERE + (ON_POSTGRES if shop.database.dialect == "postgresql" else ())
    assert [change for change in changes if _changed(shop.database, change) == before] == []


def _changed(database: Database, change: str) -> Catalog | None:
    found: list[Catalog] = []

    def step(tx: Tx) -> None:
        tx.execute(text(change))
        found.append(catalog(tx))
        raise Undo

    with suppress(Undo):
        database.write((), step)
    return found[0]


# ---------------------------------------------------------------- the rules for tables


def test_every_table_is_of_one_of_three_kinds() -> None:
    assert {table.info.get("kind") for table in t.metadata.tables.values()} == set(KINDS)


def test_the_organization_comes_first_in_every_key_and_index_of_its_tables(shop: Shop) -> None:
    mine = {table.name for table in t.of_kind("organization")}
    found = shop.database.read((), keys_and_indexes)
    assert {table for table, _, _ in found} >= mine
    assert [one for one in found if one[0] in mine and one[2] != "org_id"] == []


def test_an_organization_has_one_type_everywhere_and_is_never_missing() -> None:
    columns = [table.c.org_id for table in t.of_kind("organization")]
    assert {type(column.type) for column in columns} == {BigInteger}
    assert [column for column in columns if column.nullable or column.autoincrement or column.server_default] == []
    others = [table.name for kind in ("reference", "local") for table in t.of_kind(kind) if "org_id" in table.c]
    assert others == []


def test_no_table_of_ours_leans_on_another(shop: Shop) -> None:
    """Rules 2 and 7: ledger, calls and usage have no foreign key, reference and local tables none to organizations."""
    assert [table.name for table in t.metadata.tables.values() if table.foreign_keys] == []
    if shop.database.dialect == "sqlite":
        leaning = shop.database.read(
            (), lambda tx: [name for name in t.metadata.tables if _all(tx, f"PRAGMA foreign_key_list({name})")]
        )
        assert leaning == []


def test_nothing_is_numbered_by_a_sequence_or_judged_late(postgres_shop: Shop) -> None:
    """Rules 4 and 8."""
    queries = {
        "sequences": "SELECT relname FROM pg_class WHERE relkind = 'S'",
        "late or exclusive": "SELECT conname FROM pg_constraint WHERE condeferrable OR contype IN ('x', 'f')",
        "with an identity": "SELECT attname FROM pg_attribute WHERE attidentity <> ''",
    }
    found = {what: postgres_shop.database.read((), _all, query) for what, query in queries.items()}
    assert found == {what: [] for what in queries}


def _all(tx: Connection, query: str) -> list[Any]:
    return [tuple(row) for row in tx.exec_driver_sql(query)]


# ---------------------------------------------------------------- the first start and the next


def test_the_first_start_makes_everything_and_the_next_changes_nothing(nothing: str) -> None:
    with database_at(nothing) as database:
        assert schema.version(database) is None
        schema.prepare(database)
        assert schema.version(database) == schema.NEWEST
        assert {name for (name, *_) in database.read((), catalog)["columns"]} == set(t.metadata.tables)
    before = asked(nothing, catalog), asked(nothing, _counters)
    prepare(nothing)
    assert (asked(nothing, catalog), asked(nothing, _counters)) == before


def _counters(tx: ReadTx) -> list[Any]:
    return _all(tx, "SELECT name, value FROM control ORDER BY name")


def test_the_newest_revision_is_the_one_the_program_names() -> None:
    assert max(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py")) == schema.NEWEST


def test_a_database_of_a_newer_program_is_refused_in_a_sentence_and_stays_as_it_is(shop: Shop) -> None:
    def without_a_word(tx: Tx) -> None:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        tx.execute(text(f"DELETE FROM control WHERE name = '{schema.OLDEST}'"))

    shop.database.write((), without_a_word)
    with pytest.raises(SchemaTooNew, match=r"the database has schema 9999, this program knows \d{4}: use the newer"):
        schema.prepare(shop.database)
    assert schema.version(shop.database) == "9999"


def test_a_newer_database_that_says_so_is_served_and_stays_as_it_is(shop: Shop) -> None:
    def widen(tx: Tx, oldest: str) -> None:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        control_store.put(tx, schema.OLDEST, int(oldest))

    shop.database.write((), widen, schema.NEWEST)
    schema.prepare(shop.database)
    assert (schema.version(shop.database), schema.oldest_program(shop.database)) == ("9999", schema.NEWEST)
    (told,) = [one for one in of_database(shop.database) if one.what == "schema"]
    assert (told.right, "may serve it" in told.detail) == (None, True)
    shop.database.write((), widen, "9000")
    with pytest.raises(SchemaTooNew):
        schema.prepare(shop.database)


def test_a_step_that_expands_takes_nothing_away_and_asks_nothing_of_older_programs(
    nothing: str, tmp_path: Path
) -> None:
    kinds = []
    with as_the_next(next_program(tmp_path)), database_at(nothing) as database:
        for step in schema.steps(database):
            before: Catalog = database.read((), catalog)
            schema.migrate(database, step.revision)
            after: Catalog = database.read((), catalog)
            kinds.append(step.kind)
            assert step.kind == schema.CONTRACT or disturbing(before, after) == [], step
    assert kinds[-1] == schema.EXPAND


def disturbing(before: Catalog, after: Catalog) -> list[Any]:
    """Columns that are gone or changed, and new ones without which a row cannot be written."""
    new = [row for row in after["columns"] if row not in before["columns"]]
    tables = {row[0] for row in before["columns"]}
    wanted = [row for row in new if row[0] in tables and row[3] and _has_no_default(row)]
    return [row for row in before["columns"] if row not in after["columns"]] + wanted


def _has_no_default(column: Sequence[Any]) -> bool:
    """SQLite's is told as the row that it makes."""
    return (column[4] == [(None,)]) if isinstance(column[4], list) else column[5] is None


def test_a_step_that_disturbs_is_noticed(shop: Shop) -> None:
    before: Catalog = shop.database.read((), catalog)
    changes = ["ALTER TABLE users RENAME COLUMN language TO tongue", "ALTER TABLE users DROP COLUMN language"]
    if shop.database.dialect == "postgresql":
        # The other refuses it by itself.
        changes.append("ALTER TABLE users ADD COLUMN motto text NOT NULL")
    for change in changes:
        assert disturbing(before, _changed(shop.database, change) or {})
    harmless = _changed(shop.database, "ALTER TABLE users ADD COLUMN motto text NOT NULL DEFAULT ''")
    assert disturbing(before, harmless or {}) == []


# ---------------------------------------------------------------- killed in the middle


def test_a_first_start_that_is_killed_leaves_nothing_and_the_next_one_succeeds(nothing: str, nursery: Nursery) -> None:
    """Before the first table, somewhere in between, before the last word."""
    ended = nursery.ended(Orders(nothing, [1, 9, 30, BEFORE_COMMIT]))
    assert ended == [KILLED] * len(ended)
    with database_at(nothing) as database:
        assert schema.version(database) is None
        assert database.read((), catalog)["columns"] == []
        schema.prepare(database)
        assert database.read((), catalog)["columns"] != []
    assert nursery.ended(Orders(nothing, [1])) == [DONE]


# A revision that changes tables and rows, of a Talktime to come.
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{newest}"


def upgrade() -> None:
    op.add_column("organizations", sa.Column("motto", sa.Text(), server_default="", nullable=False))
    op.create_table("mottos", sa.Column("org_id", sa.BigInteger(), primary_key=True, autoincrement=False))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL app.orgs = '*'")
    op.execute("UPDATE organizations SET motto = name, name = 'x'")
    op.execute("INSERT INTO mottos (org_id) SELECT org_id FROM organizations")
    op.execute("UPDATE lots SET priority = priority + 1")
    op.create_index("mottos_by_org", "mottos", ["org_id"])
"""


@pytest.fixture
def to_come(tmp_path: Path) -> Orders:
    """The orders of a newer program; the URL is still missing."""
    folder = Path(shutil.copytree(VERSIONS.parent, tmp_path / "migrations"))
    (folder / "versions" / "9000_next.py").write_text(NEXT.format(newest=schema.NEWEST))
    return Orders("", migrations=str(folder), newest="9000")


def url_of(shop: Shop) -> str:
    return shop.database.url


def test_an_upgrade_that_is_killed_leaves_the_old_state_and_the_next_one_succeeds(
    shop: Shop, to_come: Orders, nursery: Nursery
) -> None:
    shop.open(1, 2)
    shop.phone(1).authorize("c1")
    before = rows_of(shop.database), shop.database.read((), catalog)
    url = url_of(shop)
    shop.close()

    to_come.url = url
    to_come.deaths = [1, 2, 4, BEFORE_COMMIT]
    assert nursery.ended(to_come) == [KILLED] * 4
    with database_at(url) as database:
        assert schema.version(database) == schema.NEWEST
        assert (rows_of(database), database.read((), catalog)) == before
        assert verify(database).findings == []

    to_come.deaths = [1000]
    assert nursery.ended(to_come) == [DONE]
    with database_at(url) as database:
        assert schema.version(database) == "9000"
        assert [row["org_id"] for row in rows_of(database)["mottos"]] == [1, 2]
        # And the program of before says so.
        with pytest.raises(SchemaTooNew):
            schema.prepare(database)


# ---------------------------------------------------------------- at the same time


def test_processes_that_make_the_same_database_at_the_same_time_all_start(
    maker: Maker, tmp_path: Path, nursery: Nursery
) -> None:
    for _ in range(3):
        with maker.nothing_on("postgresql", tmp_path) as url:
            assert nursery.ended(Orders(url, together=4)) == [DONE] * 4
            with database_at(url) as database:
                assert schema.version(database) == schema.NEWEST
                assert len(database.read((), _counters)) == len(set(database.read((), _counters))) > 0


def test_processes_that_upgrade_the_same_database_at_the_same_time_do_it_once(
    postgres_shop: Shop, to_come: Orders, nursery: Nursery
) -> None:
    postgres_shop.open(1)
    to_come.url, to_come.together = url_of(postgres_shop), 3
    assert nursery.ended(to_come) == [DONE] * 3
    rows = rows_of(postgres_shop.database)
    assert [row["priority"] for row in rows["lots"]] == [101]
    assert len(rows["mottos"]) == 1


# ---------------------------------------------------------------- what older versions have left


def test_every_revision_has_left_a_database_behind() -> None:
    assert revisions() == sorted(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))


SERVED_BY_OLDER = {"name": schema.OLDEST, "value": 4}
# What later migrations put beside what an older version has left.
ADDED: Mapping[str, Rows] = {
    "0001": {
        "control": [
            {"name": "knowledge", "value": 0},
            {"name": "pools_behind_since", "value": 1},
            {"name": "restored", "value": 0},
            SERVED_BY_OLDER,
        ]
    },
    "0002": {"control": [{"name": "restored", "value": 0}, SERVED_BY_OLDER]},
    "0003": {"control": [SERVED_BY_OLDER]},
    "0004": {"control": [SERVED_BY_OLDER]},
    "0005": {},
}


@pytest.mark.parametrize("revision", revisions())
def test_a_database_of_an_older_version_opens_with_equal_rows_and_adds_up(nothing: str, revision: str) -> None:
    rows = frozen(revision)
    with database_at(nothing) as database:
        schema.migrate(database, revision)
        load(database, rows)
        schema.prepare(database)

        assert schema.version(database) == schema.NEWEST
        before = {name: [dict(row) for row in mine] for name, mine in rows.items() if mine}
        for name, added in ADDED[revision].items():
            before[name] = sorted([*before[name], *map(dict, added)], key=repr)
        assert rows_of(database, columns_of(rows)) == before
        report = verify(database)
        assert report.findings == []
        assert (report.entries, report.calls) == (len(rows["entries"]), len(rows["calls"]))


def test_who_was_a_member_before_there_was_signing_in_is_found_by_the_address(nothing: str) -> None:
    rows = {name: [dict(row) for row in mine] for name, mine in frozen("0003").items()}
    ada = rows["members"][0]
    gone = ada | {"member_id": "mem_0", "email": "gone@example.com", "state": "removed"}
    rows["members"] = [gone, ada | {"email": "ÄDA@Example.com"}]
    with database_at(nothing) as database:
        schema.migrate(database, "0003")
        load(database, rows)
        schema.prepare(database)
        found = rows_of(database)["sign_ins"]
    assert found == [{"email": "äda@example.com", "organization": 1, "member_id": ada["member_id"]}]


def test_who_had_licences_before_there_were_pools_has_them_after_the_first_start(nothing: str) -> None:
    with database_at(nothing) as database:
        schema.migrate(database, "0001")
        load(database, frozen("0001"))
        schema.prepare(database)
        assert database.read(1, pool_store.of_organization, 1) == []

        assert knowledge.finish(database, NOW) == 1

        pools = {row.pool_id: row.minutes for row in database.read(1, pool_store.of_organization, 1)}
        assert pools == database.read(1, sizes_now) != {}
        assert verify(database).findings == []
        assert knowledge.finish(database, NOW) == 0


def sizes_now(tx: ReadTx) -> dict[str, Minutes]:
    org = org_store.find(tx, 1)
    assert org
    return {name.pool_id: minutes for name, minutes in pool_sizes.sizes_of(tx, org).items()}


def test_a_new_database_has_no_pools_to_be_fitted(shop: Shop) -> None:
    assert shop.database.read((), knowledge_store.behind_since) is None


@pytest.mark.parametrize("revision", revisions())
def test_what_is_left_behind_has_a_row_in_every_table(revision: str) -> None:
    made = re.findall(r'op\.create_table\(\s*"(\w+)"', "".join(path.read_text() for path in _until(revision)))
    assert [name for name in made if not frozen(revision).get(name)] == []


def _until(revision: str) -> list[Path]:
    return [path for path in VERSIONS.glob("[0-9]*.py") if path.name.partition("_")[0] <= revision]


def test_a_database_that_was_tampered_with_does_not_add_up(nothing: str) -> None:
    """The check itself can fail."""
    rows = frozen(revisions()[0])
    with database_at(nothing) as database:
        schema.prepare(database)
        load(database, rows)

        def take(tx: Tx) -> None:
            tx.execute(text("UPDATE accounts SET posted_micros = posted_micros + 1"))

        database.write(EVERYBODY, take)
        assert verify(database).findings != []
