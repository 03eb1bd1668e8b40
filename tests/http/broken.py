"""The server with what makes it right taken out, for harnesses that must notice: `python -m tests.http.broken serve`.

Its stores look before they lock anything, wait a moment, and then write whatever others wrote meanwhile. The database
would still object; `without_judges` has it say nothing.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from unittest.mock import patch

import psycopg

from talktime import app
from talktime.charging import batcher
from talktime.cli.main import main
from talktime.core.calls import Key
from talktime.core.desk import Changes
from talktime.core.needs import Needs
from talktime.storage import postgres_store
from talktime.storage.postgres_statements import Statements
from talktime.storage.postgres_store import PostgresTx
from talktime.storage.sqlite_store import SqliteStore, SqliteTx
from talktime.storage.store import Read, ReadMore
from talktime.storage.wire import Statement
from tests.support.server import Server

PAUSE_SECONDS = 0.005
TABLES = ("accounts", "lots", "calls", "entries")


class BrokenServer(Server):
    def start(self) -> float:
        with patch("tests.support.server.TALKTIME", (sys.executable, "-m", "tests.http.broken")):
            return super().start()


def without_judges(url: str) -> None:
    """Takes CHECKs and unique keys out of a PostgreSQL database; the server that runs on it knows nothing of it."""
    query = """SELECT c.conrelid::regclass::text, c.conname FROM pg_constraint c
WHERE c.contype IN ('c', 'u', 'p') AND c.conrelid::regclass::text = ANY(%s)"""
    indexes = """SELECT i.indexrelid::regclass::text FROM pg_index i
WHERE i.indisunique AND i.indrelid::regclass::text = ANY(%s)"""
    with psycopg.connect(url, autocommit=True) as connection:
        for table, name in connection.execute(query, (list(TABLES),)).fetchall():
            connection.execute(f"ALTER TABLE {_word(table)} DROP CONSTRAINT {_word(name)}".encode())
        for (name,) in connection.execute(indexes, (list(TABLES),)).fetchall():
            connection.execute(f"DROP INDEX {_word(name)}".encode())


def _word(name: str) -> str:
    assert re.fullmatch(r"\w+", name), name
    return name


# ------------------------------------------------------------------------------------------------- SQLite


class CarelessTx:
    """Looks through a connection of its own, without a lock."""

    def __init__(self, path: str, org_ids: Sequence[int]) -> None:
        self._path = path
        self._org_ids = org_ids
        self.changes: Changes | None = None

    def load(self, calls: Sequence[Key], names: Sequence[Key], numbers: Sequence[Key] = ()) -> Read:
        with closing(sqlite3.connect(self._path)) as db:
            return SqliteTx(db, self._org_ids).load(calls, names, numbers)

    def load_more(self, needs: Needs) -> ReadMore:
        with closing(sqlite3.connect(self._path)) as db:
            return SqliteTx(db, self._org_ids).load_more(needs)

    def record(self, changes: Changes) -> None:
        self.changes = changes


class Careless(SqliteStore):
    """Four batches at a time."""

    lanes = 4

    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[CarelessTx]:  # type: ignore[override]
        with self._database.turns.urgent():
            (path,) = self._db.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()
        tx = CarelessTx(path, org_ids)
        yield tx
        time.sleep(PAUSE_SECONDS)
        if tx.changes is None:
            return
        with super().transaction(org_ids, locked) as real:
            self._db.execute("PRAGMA ignore_check_constraints = ON")
            real.record(tx.changes)


# ------------------------------------------------------------------------------------------------- PostgreSQL


class LooksAtNothing(Statements):
    """Neither at versions, nor at what is left of a pool, nor whether somebody is blocked already."""

    def __init__(self, everywhere: bool) -> None:
        super().__init__(everywhere)
        self.change_calls = _without(self.change_calls, "AND c.version = m.read")
        self.change_tallies = _without(self.change_tallies, "AND t.version = m.version")
        self.block = _without(self.block, "AND u.blocked_at IS NULL")
        judging = self.move_pools.text[
            self.move_pools.text.index("AND (m.fu") : self.move_pools.text.index("RETURNING")
        ]
        self.move_pools = _without(self.move_pools, judging)


def _without(careful: Statement, words: str) -> Statement:
    assert words in careful.text
    return Statement(careful.text.replace(words, ""), careful.types, rows=True)


class Slow(PostgresTx):
    def record(self, changes: Changes) -> None:
        time.sleep(PAUSE_SECONDS)
        super().record(changes)


def plant() -> None:
    # One of its batches waits for no other.
    batcher.COMPANY_SECONDS = 0.0
    app.SqliteStore = Careless  # type: ignore[attr-defined]
    postgres_store.Statements = LooksAtNothing  # type: ignore[attr-defined]
    postgres_store.PostgresTx = Slow  # type: ignore[misc]


if __name__ == "__main__":
    plant()
    main()
