"""A small till: accounts, holds and entries, moved by transactions of many rows, with checkpoints in between.

What it does follows from the seed alone, so the database after n commits can be made again, in memory, and compared.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.powercut.workload import Connect, Finding, Wrong

SCHEMA = """
CREATE TABLE accounts (
    org_id INTEGER, account_id INTEGER, posted INTEGER NOT NULL, held INTEGER NOT NULL,
    CHECK (held BETWEEN 0 AND posted), PRIMARY KEY (org_id, account_id)) WITHOUT ROWID;
CREATE TABLE holds (
    org_id INTEGER, call_id TEXT, account_id INTEGER NOT NULL, micros INTEGER NOT NULL, state TEXT NOT NULL, note TEXT,
    PRIMARY KEY (org_id, call_id)) WITHOUT ROWID;
CREATE TABLE entries (
    org_id INTEGER, entry_key TEXT, source TEXT NOT NULL, destination TEXT NOT NULL, micros INTEGER NOT NULL, memo TEXT,
    PRIMARY KEY (org_id, entry_key)) WITHOUT ROWID;
CREATE INDEX open_holds ON holds (org_id, call_id) WHERE state = 'open';
CREATE TABLE commits (number INTEGER PRIMARY KEY);
"""
TABLES = ("accounts", "holds", "entries", "commits")
ORGS, ACCOUNTS = 3, 6
# So small that a transaction overflows the cache and a checkpoint comes every few commits.
PRAGMAS = "PRAGMA cache_size = 10; PRAGMA wal_autocheckpoint = 60; PRAGMA busy_timeout = 0;"
OPEN_HOLDS = """SELECT call_id, account_id, micros FROM holds
WHERE org_id = ? AND state = 'open' ORDER BY call_id LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Money:
    journal_mode: str = "wal"
    synchronous: str = "full"

    def create(self, path: Path, connect: Connect) -> None:
        with closing(self._writer(path, connect)) as writer:
            make_schema(writer)

    def steps(self, path: Path, connect: Connect, seed: str) -> Iterator[str]:
        writer = self._writer(path, connect)
        if not has_schema(writer):
            make_schema(writer)
        number = last_commit(writer)
        reader: sqlite3.Connection | None = None
        while True:
            number += 1
            chance = Random(f"{seed}/{number}/around")
            if chance.random() < 0.05:
                # A transaction given up; it may have spilled into the WAL already.
                move_money(writer, Random(f"{seed}/{number}/never"), number)
                writer.execute("ROLLBACK")
            commit(writer, seed, number)
            yield str(number)

            match chance.randrange(25):
                case 0 | 1 | 2:
                    mode = chance.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
                    writer.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
                case 3 if reader is None and self.journal_mode == "wal":
                    # While somebody reads old pages, checkpoints stop half-way and the WAL goes on growing.
                    reader = connect(path, isolation_level=None)
                    reader.execute("BEGIN")
                    reader.execute("SELECT count(*) FROM commits").fetchone()
                case 4 | 5 | 6 if reader is not None:
                    reader.close()
                    reader = None
                case 7 if reader is None:
                    # The last one to close makes a checkpoint and deletes the WAL.
                    writer.close()
                    writer = self._writer(path, connect)

    def check(self, path: Path, seed: str, acknowledged: Sequence[str]) -> Finding | None:
        in_memory = sqlite3.connect(":memory:", isolation_level=None)
        with closing(sqlite3.connect(path)) as found, closing(in_memory) as wanted:
            last = last_commit(found) if has_schema(found) else 0
            if acknowledged and last < int(acknowledged[-1]):
                return Finding(Wrong.LOST, f"commit {acknowledged[-1]} was acknowledged; the last one found is {last}")
            if not has_schema(found):
                return None

            make_schema(wanted)
            for number in range(1, last + 1):
                commit(wanted, seed, number)
            for table in TABLES:
                if contents(found, table) != contents(wanted, table):
                    return Finding(Wrong.PARTIAL, f"{table}: not what the first {last} commits make")
        return None

    def _writer(self, path: Path, connect: Connect) -> sqlite3.Connection:
        writer = connect(path, isolation_level=None)
        writer.executescript(PRAGMAS)
        writer.execute(f"PRAGMA journal_mode = {self.journal_mode}").fetchone()
        writer.execute(f"PRAGMA synchronous = {self.synchronous}")
        return writer


def has_schema(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'commits'").fetchone() is not None


def make_schema(db: sqlite3.Connection) -> None:
    db.executescript(f"BEGIN IMMEDIATE; {SCHEMA}")
    accounts = [(org_id, account_id) for org_id in range(ORGS) for account_id in range(ACCOUNTS)]
    db.executemany("INSERT INTO accounts VALUES (?, ?, 1000000, 0)", accounts)
    db.execute("COMMIT")


def last_commit(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(number), 0) FROM commits").fetchone()[0])


def contents(db: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    """All rows; both databases keep them in the order of the primary key."""
    return db.execute(f"SELECT * FROM {table} NOT INDEXED").fetchall()


def commit(db: sqlite3.Connection, seed: str, number: int) -> None:
    move_money(db, Random(f"{seed}/{number}"), number)
    db.execute("INSERT INTO commits VALUES (?)", (number,))
    db.execute("COMMIT")


def move_money(db: sqlite3.Connection, chance: Random, number: int) -> None:
    """Begin, and do a batch of one kind for one organization: its rows stand or fall together."""
    org_id = chance.randrange(ORGS)
    batch = chance.choice([1, 1, 2, 5, 20])
    db.execute("BEGIN IMMEDIATE")
    match chance.choice(["authorize", "authorize", "settle", "settle", "top up", "purge"]):
        case "authorize":
            for index in range(batch):
                authorize(db, chance, org_id, f"{number}-{index}")
        case "settle":
            for call in db.execute(OPEN_HOLDS, (org_id, batch)).fetchall():
                settle(db, chance, org_id, *call)
        case "top up":
            for index in range(batch):
                top_up(db, chance, org_id, f"top-up:{number}-{index}")
        case _:
            # Frees pages, which the next batches take again.
            db.execute("DELETE FROM holds WHERE org_id = ? AND state = 'closed'", (org_id,))


def authorize(db: sqlite3.Connection, chance: Random, org_id: int, call_id: str) -> None:
    account_id, micros = chance.randrange(ACCOUNTS), chance.randrange(1, 50_000)
    held = "UPDATE accounts SET held = held + ?3 WHERE org_id = ?1 AND account_id = ?2 AND posted - held >= ?3"
    if db.execute(held, (org_id, account_id, micros)).rowcount:
        row = (org_id, call_id, account_id, micros, "open", words(chance))
        db.execute("INSERT INTO holds VALUES (?, ?, ?, ?, ?, ?)", row)


def settle(db: sqlite3.Connection, chance: Random, org_id: int, call_id: str, account_id: int, micros: int) -> None:
    charge = chance.randrange(micros) + 1
    released = "UPDATE accounts SET held = held - ?3, posted = posted - ?4 WHERE org_id = ?1 AND account_id = ?2"
    db.execute(released, (org_id, account_id, micros, charge))
    db.execute("UPDATE holds SET state = 'closed' WHERE org_id = ? AND call_id = ?", (org_id, call_id))
    append(db, chance, org_id, f"settle:{call_id}", f"account:{account_id}", "revenue", charge)


def top_up(db: sqlite3.Connection, chance: Random, org_id: int, entry_key: str) -> None:
    account_id, micros = chance.randrange(ACCOUNTS), chance.randrange(1, 200_000)
    paid = "UPDATE accounts SET posted = posted + ?3 WHERE org_id = ?1 AND account_id = ?2"
    db.execute(paid, (org_id, account_id, micros))
    append(db, chance, org_id, entry_key, "card", f"account:{account_id}", micros)


def append(
    db: sqlite3.Connection, chance: Random, org_id: int, entry_key: str, source: str, destination: str, micros: int
) -> None:
    row = (org_id, entry_key, source, destination, micros, words(chance))
    db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", row)


def words(chance: Random) -> str:
    """Mostly short; now and then more than a page holds."""
    return chance.choice("abcdef") * chance.choice([0, 10, 40, 200, 900, 6000])
