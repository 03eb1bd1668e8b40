"""Q18, the fast part: a backup taken under load, restored elsewhere, adds up and is what the database once was."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import Table, select

from talktime.actions.seal import seal_all
from talktime.cli.shipped import SHIPPED
from talktime.storage import backup as backups
from talktime.storage import control_store, schema
from talktime.storage import tables as t
from talktime.storage.backup_postgres import MANIFEST, SCRATCH, BackupProblem
from talktime.storage.database import EVERYBODY, Database, PostgresDatabase, ReadTx, SqliteDatabase, Tx
from talktime.storage.errors import SchemaTooNew, StoreUnavailable
from talktime.storage.postgres_store import PostgresStore
from talktime.storage.sqlite_store import SqliteStore
from talktime.storage.verify import reading, silent, verify
from tests.charging.books import Books
from tests.core.switch import NOW, lot
from tests.storage.company import found_company
from tests.storage.frozen import frozen, load, rows_of
from tests.support.full_disk import room_for
from tests.support.postgres import Cluster


class Place:
    """Where a database is, or could be."""

    def __init__(self, url: str | None, path: Path) -> None:
        self.url, self.path = url, path

    @contextmanager
    def books(self) -> Iterator[Books]:
        database: Database = PostgresDatabase(self.url) if self.url else SqliteDatabase(self.path)
        schema.prepare(database)
        if isinstance(database, SqliteDatabase):
            store: Any = SqliteStore(database)
        else:
            assert self.url
            store = PostgresStore(self.url)
        books = Books(database, lambda lanes: store)
        yield books
        store.close()
        database.close()

    @contextmanager
    def reading(self) -> Iterator[Database]:
        with closing(reading(self.url, self.path)) as database:
            yield database

    def backup(self, destination: Path) -> None:
        backups.backup(self.url, self.path, destination, silent)

    def restore(self, source: Path) -> None:
        backups.restore(source, self.url, self.path, silent)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Place]:
    """A new one each time."""
    names = iter("abcdef")

    def make() -> Place:
        if request.param == "postgresql":
            cluster: Cluster = request.getfixturevalue("postgres")
            return Place(cluster.fresh_database(), tmp_path)
        folder = tmp_path / next(names)
        folder.mkdir()
        return Place(None, folder / "talktime.db")

    return make


def busy(books: Books, stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        calls = [f"call-{number}-{one}" for one in range(8)]
        books.engine.run([books.authorization(call) for call in calls])
        books.engine.run([books.settlement(call, 61) for call in calls[:6]])


def entries(tx: ReadTx) -> list[tuple[Any, ...]]:
    rows = tx.execute(select(t.entries).where(t.entries.c.org_id == 1).order_by(t.entries.c.entry_no))
    return [tuple(row) for row in rows]


def delete_all(tx: Tx, table: Table) -> None:
    tx.execute(table.delete())


def wait_for_entries(books: Books, least: int, load: threading.Thread) -> list[tuple[Any, ...]]:
    while len(found := books.database.read(1, entries)) < least:
        assert load.is_alive()
        time.sleep(0.05)
    return found


def test_a_backup_under_load_is_a_prefix_of_history(place: Callable[[], Place], tmp_path: Path) -> None:
    source, target, copy = place(), place(), tmp_path / "copy"
    with source.books() as books:
        books.organization(lot("lot1", "100000"))
        stop = threading.Event()
        load = threading.Thread(target=busy, args=(books, stop))
        load.start()
        try:
            wait_for_entries(books, 100, load)
            seal_all(books.database, lambda: NOW)
            # Some that are not sealed yet, however slowly the load goes on.
            before = wait_for_entries(books, len(books.database.read(1, entries)) + 1, load)
            source.backup(copy)
            wait_for_entries(books, len(books.database.read(1, entries)) + 1, load)
        finally:
            stop.set()
            load.join()
        history = books.database.read(1, entries)

    target.restore(copy)

    with target.reading() as restored:
        report = verify(restored)
        assert report.findings == []
        kept = restored.read(EVERYBODY, entries)
    assert len(before) <= len(kept) < len(history)
    assert history[: len(kept)] == kept
    assert 0 < report.unsealed < report.entries


def test_a_restored_database_goes_on(place: Callable[[], Place], tmp_path: Path) -> None:
    source, target = place(), place()
    with source.books() as books:
        books.organization(lot("lot1", "10"))
        books.authorize("c1")
        source.backup(tmp_path / "copy")
    target.restore(tmp_path / "copy")
    with target.books() as books:
        books.settle("c1", 61)
        books.authorize("c2")
        seal_all(books.database, lambda: NOW)
        assert verify(books.database).findings == []


def test_every_row_of_every_table_is_there_again(place: Callable[[], Place], tmp_path: Path) -> None:
    source, target = place(), place()
    with source.books() as books:
        found_company(books.database, books.store)
        before = rows_of(books.database)
        source.backup(tmp_path / "copy")
    assert [name for name, rows in before.items() if not rows] == []
    target.restore(tmp_path / "copy")
    [mark] = [row for row in before["control"] if row["name"] == control_store.RESTORED]
    mark["value"] = 1
    with target.books() as books:
        assert rows_of(books.database) == before
        assert verify(books.database).findings == []


def test_what_is_restored_is_never_without_its_mark(place: Callable[[], Place], tmp_path: Path) -> None:
    """Nobody is charged before providers were asked, also when the command dies before it has verified anything."""
    source, target = place(), place()
    with source.books():
        source.backup(tmp_path / "copy")
    target.restore(tmp_path / "copy")
    with target.reading() as restored:
        assert restored.read((), control_store.value, control_store.RESTORED) == 1
    assert [one.name for one in target.path.parent.glob(".*unfinished*")] == []


def test_the_walls_stand_again(place: Callable[[], Place], tmp_path: Path) -> None:
    """What PostgreSQL refuses to a stranger and SQLite to everybody, it refuses after a restore as well."""
    source, target = place(), place()
    with source.books() as books:
        found_company(books.database, books.store)
        source.backup(tmp_path / "copy")
    target.restore(tmp_path / "copy")
    with target.books() as books:
        assert books.database.dialect == "sqlite" or books.database.read(2, entries) == []
        for table in (t.entries, t.user_blocks):
            with pytest.raises(Exception, match=r"only added to|permission denied"):
                books.database.write(1, delete_all, table)


def test_a_restore_goes_into_an_empty_place_only(place: Callable[[], Place], tmp_path: Path) -> None:
    source = place()
    with source.books() as books:
        books.organization(lot("lot1", "10"))
        source.backup(tmp_path / "copy")
        with pytest.raises(BackupProblem, match="empty"):
            source.restore(tmp_path / "copy")
        assert len(books.database.read(1, entries)) == 1


def test_what_is_no_backup_is_refused_and_leaves_nothing(place: Callable[[], Place], tmp_path: Path) -> None:
    target = place()
    for content in (b"", b"SQLite format 3\0" + bytes(4096), b"PK\x05\x06" + bytes(18), b"words"):
        (tmp_path / "wrong").write_bytes(content)
        with pytest.raises(BackupProblem):
            target.restore(tmp_path / "wrong")
    with pytest.raises(BackupProblem, match="no file"):
        target.restore(tmp_path / "missing")
    with target.books() as books:
        assert books.database.read(EVERYBODY, entries) == []


def test_half_a_backup_is_refused_and_leaves_nothing(place: Callable[[], Place], tmp_path: Path) -> None:
    source, target = place(), place()
    with source.books() as books:
        books.organization(lot("lot1", "10"))
        source.backup(tmp_path / "copy")
    whole = (tmp_path / "copy").read_bytes()
    (tmp_path / "copy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupProblem):
        target.restore(tmp_path / "copy")
    with target.books() as books:
        assert books.database.read(EVERYBODY, entries) == []


def test_a_backup_of_a_newer_program_is_refused(place: Callable[[], Place], tmp_path: Path) -> None:
    source, target = place(), place()
    with source.books() as books:
        books.database.write((), lambda tx: tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
        source.backup(tmp_path / "copy")
    with pytest.raises(SchemaTooNew, match="9999"):
        target.restore(tmp_path / "copy")


def test_without_a_database_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    for url in (None, "postgresql://nobody@127.0.0.1:1/x"):
        with pytest.raises(StoreUnavailable):
            backups.backup(url, tmp_path / "talktime.db", tmp_path / "copy", silent)
    assert [path.name for path in tmp_path.iterdir()] == []


def test_a_backup_is_for_its_owner_and_appears_whole(tmp_path: Path) -> None:
    source = Place(None, tmp_path / "talktime.db")
    with source.books() as books:
        books.organization(lot("lot1", "10"))
        source.backup(tmp_path / "copy")
        before = (tmp_path / "copy").read_bytes()

        def interrupted(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            backups.backup(None, source.path, tmp_path / "copy", interrupted)
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "copy").read_bytes() == before
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_commits_do_not_make_a_backup_begin_again(tmp_path: Path) -> None:
    """Between any two pages somebody commits; the copy comes to its end and is of one instant."""
    source = Place(None, tmp_path / "talktime.db")
    with source.books() as books, closing(sqlite3.connect(source.path, isolation_level=None)) as writer:
        books.organization(lot("lot1", "10"))
        steps: list[int] = []

        def commit(done: int, total: int) -> None:
            steps.append(done)
            assert len(steps) < 1_000
            writer.execute("UPDATE accounts SET last_at = last_at + 1 WHERE org_id = 1")

        books.database.close()
        original, backups.PAGES = backups.PAGES, 1
        try:
            backups.backup(None, source.path, tmp_path / "copy", commit)
        finally:
            backups.PAGES = original
    assert steps == sorted(set(steps))
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_is_told_in_a_sentence(tmp_path: Path) -> None:
    source = Place(None, tmp_path / "talktime.db")
    with source.books() as books:
        found_company(books.database, books.store)
        with room_for(100_000), pytest.raises(BackupProblem, match="cannot be copied to"):
            source.backup(tmp_path / "copy")
    assert [one.name for one in tmp_path.glob("*copy*")] == []


def test_what_no_longer_fits_at_the_end_of_a_restore_is_told_and_nothing_is_there(tmp_path: Path) -> None:
    """The schema grows by what is new in it: that is in the log, and would not come along."""
    source, target = Place(None, tmp_path / "talktime.db"), Place(None, tmp_path / "new" / "talktime.db")
    target.path.parent.mkdir()
    with closing(SqliteDatabase(source.path)) as database:
        schema.migrate(database, "0003")
        load(database, frozen("0003"))
        # So that the log is the smaller of the two.
        database.connection.execute("CREATE TABLE large AS SELECT zeroblob(30000000) AS padding")
    source.backup(tmp_path / "copy")
    size = (tmp_path / "copy").stat().st_size
    with room_for(size), pytest.raises(BackupProblem, match="cannot be kept"):
        target.restore(tmp_path / "copy")
    assert list(target.path.parent.iterdir()) == []


def test_a_damaged_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "talktime.db").write_bytes(b"words" * 1000)
    with pytest.raises(BackupProblem, match="cannot be copied to"):
        Place(None, tmp_path / "talktime.db").backup(tmp_path / "copy")
    assert [one.name for one in tmp_path.glob("*copy*")] == []


# ---------------------------------------------------------------- PostgreSQL, which may be older or newer than we are


def told(url: str, *statements: str) -> Any:
    with psycopg.connect(url) as connection:
        connection.execute("SET app.orgs = '*'")
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchone() if cursor.description else None


def columns_in(archive: Path, table: str) -> list[str]:
    with zipfile.ZipFile(archive) as file:
        columns: list[str] = msgspec.json.decode(file.read(MANIFEST))["tables"][table]
        return columns


def changed(archive: Path, name: str, content: bytes | None) -> None:
    """With other content of one of its files, or without it."""
    with zipfile.ZipFile(archive) as file:
        kept = {one: file.read(one) for one in file.namelist() if one != name}
    with zipfile.ZipFile(archive, "w") as file:
        for one, data in (kept if content is None else {**kept, name: content}).items():
            file.writestr(one, data)


def test_an_old_program_backs_up_all_of_a_newer_database(postgres: Cluster, tmp_path: Path) -> None:
    """On the way back, or beside the new program: what it does not know is in the backup as well."""
    source, copy = Place(postgres.fresh_database(), tmp_path), tmp_path / "copy"
    with source.books() as books:
        books.organization(lot("lot1", "10"))
        assert source.url
        told(
            source.url,
            "ALTER TABLE accounts ADD COLUMN later text DEFAULT 'of the next version'",
            "CREATE TABLE later (org_id bigint, words text)",
            "INSERT INTO later VALUES (1, 'of the next version')",
            "UPDATE alembic_version SET version_num = '9999'",
        )
        source.backup(copy)
    assert (columns_in(copy, "later"), columns_in(copy, "accounts")[-1]) == (["org_id", "words"], "later")
    with zipfile.ZipFile(copy) as file:
        assert b"of the next version" in file.read("later")
        assert b"of the next version" in file.read("accounts")


def test_a_new_program_backs_up_an_older_database_before_it_is_upgraded(postgres: Cluster, tmp_path: Path) -> None:
    source, target = (Place(postgres.fresh_database(), tmp_path) for _ in range(2))
    assert source.url
    with closing(PostgresDatabase(source.url)) as database:
        schema.migrate(database, "0003")
        load(database, frozen("0003"))
        source.backup(tmp_path / "copy")
        assert schema.version(database) == "0003"
        before = database.read(EVERYBODY, entries)
    target.restore(tmp_path / "copy")
    with target.reading() as restored:
        assert (schema.version(restored), verify(restored).findings) == (schema.NEWEST, [])
        assert restored.read(EVERYBODY, entries) == before
        assert restored.read((), control_store.value, control_store.RESTORED) == 1


def test_a_backup_in_the_middle_of_a_migration_is_one_of_before_it(postgres: Cluster, tmp_path: Path) -> None:
    source, target = (Place(postgres.fresh_database(), tmp_path) for _ in range(2))
    assert source.url and target.url
    with source.books() as books:
        found_company(books.database, books.store)
        before = rows_of(books.database)
        told(
            source.url,
            "ALTER TABLE accounts ADD COLUMN later numeric",
            "UPDATE accounts SET later = 1.5 WHERE org_id = 1",
            "CREATE TABLE migration_marks (step text)",
            "CREATE TABLE of_somebody_else (words text)",
        )
        source.backup(tmp_path / "copy")
    target.restore(tmp_path / "copy")
    with target.books() as books:
        after = rows_of(books.database)
    assert {name for name in before if before[name] != after[name]} == {"control"}
    assert told(target.url, "SELECT to_regclass('of_somebody_else'), to_regclass('migration_marks')") == (None, None)


def test_a_table_of_another_owner_keeps_nobody_from_a_backup(postgres: Cluster, tmp_path: Path) -> None:
    source, target, copy = *(Place(postgres.fresh_database(), tmp_path) for _ in range(2)), tmp_path / "copy"
    with source.books() as books:
        found_company(books.database, books.store)
        before = rows_of(books.database)
        assert source.url
        told(postgres.superuser_url(source.url.rpartition("/")[2]), "CREATE TABLE of_somebody_else (words text)")
        source.backup(copy)
    with zipfile.ZipFile(copy) as file:
        assert "of_somebody_else" not in file.namelist()
    target.restore(copy)
    with target.books() as books:
        after = rows_of(books.database)
    assert {name for name in before if before[name] != after[name]} == {"control"}


def test_a_backup_that_is_not_whole_is_refused(postgres: Cluster, tmp_path: Path) -> None:
    """Such as those that an old program once made of a newer database."""
    source, target, copy = Place(postgres.fresh_database(), tmp_path), postgres.fresh_database(), tmp_path / "copy"
    with source.books():
        source.backup(copy)
    with zipfile.ZipFile(copy) as file:
        manifest = msgspec.json.decode(file.read(MANIFEST))
    manifest["tables"]["users"].remove("name")
    changed(copy, MANIFEST, msgspec.json.encode(manifest))
    with pytest.raises(BackupProblem, match=r"not whole: .* users \(name\)"):
        Place(target, tmp_path).restore(copy)
    assert told(target, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == (0,)


def test_what_is_damaged_is_told_in_a_sentence(postgres: Cluster, tmp_path: Path) -> None:
    source, target, copy = Place(postgres.fresh_database(), tmp_path), postgres.fresh_database(), tmp_path / "copy"
    with source.books() as books:
        books.organization(lot("lot1", "10"))
        source.backup(copy)
    whole = copy.read_bytes()
    with zipfile.ZipFile(copy) as file:
        begins = file.getinfo("control").header_offset + len("control") + 60
    for what in (
        lambda: changed(copy, "control", b"words"),
        lambda: changed(copy, "control", None),
        lambda: changed(copy, MANIFEST, b"words"),
        lambda: changed(copy, MANIFEST, b"{}"),
        lambda: copy.write_bytes(whole[:begins] + bytes(8) + whole[begins + 8 :]),
    ):
        copy.write_bytes(whole)
        what()
        with pytest.raises(BackupProblem):
            Place(target, tmp_path).restore(copy)
        assert told(target, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == (0,)


def test_an_empty_database_is_nothing_to_back_up(postgres: Cluster, tmp_path: Path) -> None:
    with pytest.raises(BackupProblem, match="the database is empty"):
        Place(postgres.fresh_database(), tmp_path).backup(tmp_path / "copy")
    assert [one.name for one in tmp_path.iterdir()] == []


def test_nobody_restores_for_good_what_the_next_trial_would_empty(postgres: Cluster, tmp_path: Path) -> None:
    source, scratch = Place(postgres.fresh_database(), tmp_path), postgres.fresh_database()
    with source.books():
        source.backup(tmp_path / "copy")
    told(scratch, f"CREATE TABLE {SCRATCH} AS SELECT 1 AS row")
    with pytest.raises(BackupProblem, match=SCRATCH):
        Place(scratch, tmp_path).restore(tmp_path / "copy")


# ---------------------------------------------------------------- the archive of the write-ahead log


def test_a_part_of_the_log_that_is_archived_twice_is_no_failure(tmp_path: Path) -> None:
    """PostgreSQL asks again when it has crashed before it noted the answer; another part of that name stays out."""
    settings = (SHIPPED / "postgresql" / "talktime-archive.conf").read_text()
    [command] = re.findall(r"^archive_command = '(.*)'$", settings, re.MULTILINE)
    part, folder = tmp_path / "part", tmp_path / "archive"
    folder.mkdir()
    command = command.replace("/srv/archive", str(folder)).replace("%p", str(part)).replace("%f", "0001")

    def archived(content: str) -> bool:
        part.write_text(content)
        return subprocess.run(["sh", "-c", command]).returncode == 0

    assert [archived("first"), archived("first"), archived("another")] == [True, True, False]
    (folder / ".0001").write_text("half of it")
    (folder / "0001").unlink()
    assert archived("second")
    assert {one.name: one.read_text() for one in folder.iterdir()} == {"0001": "second"}
