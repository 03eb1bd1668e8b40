"""What happens when the embedded database cannot be written, or nobody knows whether it was (Q9): nothing is granted,
nothing is done by halves, and who asks again with the same ids gets one effect."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from talktime.storage.database import SqliteDatabase, open_reader
from talktime.storage.errors import NotCompacted, StoreUnavailable
from talktime.storage.sqlite_store import SqliteStore
from tests.storage.conftest import Maker
from tests.storage.fault_work import (
    Wanted,
    asked,
    before,
    done,
    granted,
    larger,
    work,
    wrong,
    wrong_at_once,
)
from tests.storage.shop import Shop
from tests.support.full_disk import room_for

IN_MEMORY = Path("/dev/shm")


# ---------------------------------------------------------------- SQLite: a statement fails


class Flaky(sqlite3.Connection):
    """The n-th statement of the engine fails, before it is done or after; or all from there on."""

    fail_at = 0
    stays = False
    done_first = False
    also_commits = False
    said = 0

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._perhaps(statement, lambda: super(Flaky, self).execute(statement, *values))

    def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:
        return self._perhaps(statement, lambda: super(Flaky, self).executemany(statement, rows))

    def _perhaps(self, statement: str, do: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        if not self.fail_at or statement == "ROLLBACK":
            return do()
        self.said += 1
        if self.said == self.fail_at or (self.stays and self.said > self.fail_at):
            if self.done_first:
                do()
            if self.also_commits and self.in_transaction:
                super().execute("COMMIT")
            raise sqlite3.OperationalError("disk I/O error")
        return do()


@pytest.fixture(scope="module")
def in_progress(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with calls in progress."""
    with maker.shop_on("sqlite", tmp_path_factory.mktemp("in_progress")) as shop:
        before(shop)
        assert isinstance(shop.database, SqliteDatabase)
        return shop.database.path


@contextmanager
def flaky_shop(in_progress: Path) -> Iterator[tuple[Shop, Flaky]]:
    """In memory where there is such a place, since it is not the disk that fails here."""
    with TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.exists() else None) as folder:
        path = Path(shutil.copy(in_progress, folder))
        database = SqliteDatabase(path, partial(sqlite3.connect, factory=Flaky))
        shop = Shop(database, SqliteStore(database))
        assert isinstance(database.connection, Flaky)
        yield shop, database.connection
        shop.close()


def statements_of_a_batch(in_progress: Path) -> int:
    with flaky_shop(in_progress) as (shop, flaky):
        flaky.fail_at = 10**6
        shop.engine.run(work(shop))
        return flaky.said


@pytest.mark.parametrize("done_first", [False, True], ids=["before it is done", "after it is done"])
@pytest.mark.parametrize("stays", [False, True], ids=["once", "for good"])
def test_whichever_statement_fails_nothing_is_done_by_halves(
    in_progress: Path, wanted: Wanted, done_first: bool, stays: bool
) -> None:
    """From BEGIN to COMMIT. A single failure is healed by the engine itself; a lasting one grants nothing."""
    count = statements_of_a_batch(in_progress)
    assert count >= 12
    for number in range(1, count + 1):
        with flaky_shop(in_progress) as (shop, flaky):
            flaky.fail_at, flaky.done_first, flaky.stays = number, done_first, stays
            answers = asked(shop)
            flaky.fail_at = 0
            assert granted(answers) is not stays, number
            assert wrong_at_once(shop, wanted) == [], number
            assert number % 5 or shop.problems() == [], number


def test_a_store_that_does_things_by_halves_is_noticed(in_progress: Path, wanted: Wanted) -> None:
    """The check can fail: a commit in the middle."""
    found = []
    for number in range(7, 12):
        with flaky_shop(in_progress) as (shop, flaky):
            flaky.fail_at, flaky.stays, flaky.done_first, flaky.also_commits = number, True, True, True
            asked(shop)
            flaky.fail_at = 0
            found.append(wrong(shop, wanted))
    assert all(found[:-1])


# ---------------------------------------------------------------- SQLite: the disk is full


def test_a_full_database_grants_nothing_and_goes_on_when_there_is_room(sqlite_shop: Shop, wanted: Wanted) -> None:
    """SQLite itself says so, at whichever page of the batch it comes to the limit."""
    before(sqlite_shop)
    assert isinstance(sqlite_shop.database, SqliteDatabase)
    db = sqlite_shop.database.connection
    db.execute("CREATE TABLE filler (words TEXT)")
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    with suppress(sqlite3.OperationalError):
        while True:
            db.execute("INSERT INTO filler VALUES (hex(randomblob(100)))")

    many = [sqlite_shop.phone().authorization(f"more-{number}") for number in range(200)]
    with pytest.raises(StoreUnavailable, match="full"):
        sqlite_shop.engine.run(many)
    with pytest.raises(StoreUnavailable, match="full"):
        sqlite_shop.database.write(1, larger)
    assert done(sqlite_shop, wanted) is False

    db.execute("PRAGMA max_page_count = 1000000")
    assert wrong(sqlite_shop, wanted) == []


def in_a_process_of_its_own(what: str, folder: Path) -> Any:
    """See `tests/storage/trouble.py`."""
    command = [sys.executable, "-m", "tests.storage.trouble", what, str(folder)]
    ended = subprocess.run(command, capture_output=True, timeout=60)
    assert ended.returncode == 0, ended.stderr.decode()
    return json.loads(ended.stdout)


def test_wherever_the_disk_is_full_a_batch_is_there_whole_or_not_at_all(
    maker: Maker, tmp_path: Path, wanted: Wanted
) -> None:
    """The kernel refuses a write of the log somewhere in the batch."""
    with maker.shop_on("sqlite", tmp_path) as shop:
        before(shop)
    told = in_a_process_of_its_own("full", tmp_path)
    assert len(told) >= 5
    assert [one["granted"] for one in told] == [False] * len(told)
    assert [one["error"] for one in told] == ["StoreUnavailable"] * len(told)
    database = SqliteDatabase(tmp_path / "talktime.db")
    shop = Shop(database, SqliteStore(database))
    try:
        assert wrong(shop, wanted) == []
    finally:
        shop.close()


def test_a_file_that_cannot_be_written_anew_says_what_is_left_in_it(sqlite_shop: Shop) -> None:
    before(sqlite_shop)
    assert isinstance(sqlite_shop.database, SqliteDatabase)
    with room_for(1 << 16), pytest.raises(NotCompacted, match=r"may still be read .* Run the same command again"):
        sqlite_shop.database.compact()
    reader = open_reader(sqlite_shop.database.path, sqlite3.connect)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM users").fetchone()
    with pytest.raises(NotCompacted, match="somebody reads it"):
        sqlite_shop.database.compact()
    reader.close()
    sqlite_shop.database.compact()
    assert sqlite_shop.problems() == []


# ---------------------------------------------------------------- SQLite: somebody else, or nobody, may write

HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    command = [sys.executable, "-I", "-S", "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"held\n"
        yield
        process.communicate()


def test_while_another_process_holds_the_lock_nothing_is_granted(sqlite_shop: Shop, wanted: Wanted) -> None:
    before(sqlite_shop)
    assert isinstance(sqlite_shop.database, SqliteDatabase)
    with held_by_another_process(sqlite_shop.database.path):
        begun = time.monotonic()
        assert asked(sqlite_shop) == []
        with pytest.raises(StoreUnavailable, match="locked"):
            sqlite_shop.database.write(1, larger)
        assert time.monotonic() - begun < 5
        # Who only reads goes on.
        assert done(sqlite_shop, wanted) is False
    assert wrong(sqlite_shop, wanted) == []


@pytest.mark.parametrize("what", ["new", "there"])
def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(maker: Maker, tmp_path: Path, what: str) -> None:
    if what == "there":
        with maker.shop_on("sqlite", tmp_path) as shop:
            before(shop)
    told = in_a_process_of_its_own("read-only", tmp_path)
    assert told["error"] == "StoreUnavailable"
    assert "talktime.db" in told["words"]
