"""SQLite: one file, one writer. A commit is on the disk when it returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from talktime.core.calls import Call, Key
from talktime.core.desk import Changes
from talktime.core.organizations import User
from talktime.storage.database import SqliteDatabase
from talktime.storage.errors import JUDGED, Conflict, StoreUnavailable
from talktime.storage.store import (
    ACCOUNT_COLUMNS,
    KEYS_REVISION,
    LOT_COLUMNS,
    PRICES_REVISION,
    Read,
    accounts_of,
    call_values,
    closed_lots,
    decode_call,
    entry_rows,
    lay_out,
)

# Keys go in as one JSON list: a row that is stepped to costs a third of a statement that is begun anew.
_ORGS = "SELECT value FROM json_each(?1)"
_KEYS = "SELECT value ->> 0 AS org_id, value ->> 1 AS name FROM json_each(?1)"
ACCOUNTS = f"""SELECT {ACCOUNT_COLUMNS} FROM accounts a JOIN organizations o ON o.org_id = a.org_id
WHERE a.org_id IN ({_ORGS})"""
# Left to itself SQLite takes the key, and looks at every lot that was ever spent.
LOTS = f"SELECT {LOT_COLUMNS} FROM lots l INDEXED BY lots_open WHERE l.state = 'open' AND l.org_id IN ({_ORGS})"
CLOSED_LOTS = f"""SELECT {LOT_COLUMNS} FROM ({_KEYS}) k
CROSS JOIN lots l ON l.org_id = k.org_id AND l.lot_id = k.name WHERE l.state IN ('spent', 'expired')"""
CALLS = f"""SELECT c.story FROM ({_KEYS}) k CROSS JOIN calls c ON c.org_id = k.org_id AND c.call_id = k.name"""
USERS = f"""SELECT u.org_id, u.name, u.user_id FROM ({_KEYS}) k
CROSS JOIN user_names u ON u.org_id = k.org_id AND u.name = k.name"""
REVISIONS = "SELECT name, value FROM control"
MOVE_ACCOUNT = """UPDATE accounts SET posted_micros = posted_micros + ?2, held_micros = held_micros + ?3,
last_entry_no = last_entry_no + ?4, last_at = max(last_at, ?5) WHERE org_id = ?1
RETURNING posted_micros, last_entry_no, last_at"""
MOVE_LOT = """UPDATE lots SET posted_micros = posted_micros + ?3, held_micros = held_micros + ?4,
state = CASE WHEN posted_micros + ?3 = 0 THEN ?5 WHEN state = 'frozen' THEN state ELSE 'open' END
WHERE org_id = ?1 AND lot_id = ?2"""
OPEN_CALL = """INSERT INTO calls (org_id, call_id, version, state, held_micros, charge_micros, due_at, story,
opened_at, switch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
CHANGE_CALL = """UPDATE calls SET version = ?4, state = ?5, held_micros = ?6, charge_micros = ?7, due_at = ?8,
story = ?9 WHERE org_id = ?1 AND call_id = ?2 AND version = ?3"""
APPEND = """INSERT INTO entries (org_id, entry_id, entry_no, entry_key, kind, at, amount_micros, balance_after,
postings, by, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

encode = msgspec.json.Encoder().encode


class SqliteStore:
    lanes = 1

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._db = database.connection

    def shard_of(self, org_id: int) -> int:
        return 0

    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[SqliteTx]:
        """Always locked: there is one writer."""
        with self._database.turns.urgent():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield SqliteTx(self._db, org_ids)
                self._db.execute("COMMIT")
            except JUDGED as error:
                raise Conflict(str(error)) from error
            except sqlite3.Error as error:
                raise StoreUnavailable(str(error)) from error
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def close(self) -> None:
        """The connection is the database's."""


class SqliteTx:
    def __init__(self, db: sqlite3.Connection, org_ids: Sequence[int]) -> None:
        self._db = db
        self._orgs = (text(org_ids),)

    def load(self, calls: Sequence[Key], names: Sequence[Key]) -> Read:
        revisions = dict(self._all(REVISIONS))
        accounts = accounts_of(self._all(ACCOUNTS, self._orgs), self._all(LOTS, self._orgs))
        stories = [decode_call(story) for (story,) in self._all(CALLS, (text(calls),))] if calls else []
        if closed := closed_lots(stories, accounts):
            lay_out(accounts, self._all(CLOSED_LOTS, (text(closed),)))
        users = self._all(USERS, (text(names),)) if names else []
        return Read(
            accounts,
            {(call.org_id, call.call_id): call for call in stories},
            {(org_id, name): User(user_id) for org_id, name, user_id in users},
            revisions[PRICES_REVISION],
            revisions[KEYS_REVISION],
        )

    def _all(self, statement: str, values: tuple[str, ...] = ()) -> list[Any]:
        return self._db.execute(statement, values).fetchall()

    def record(self, changes: Changes) -> None:
        db = self._db
        after = {
            org_id: db.execute(MOVE_ACCOUNT, (org_id, by.posted, by.held, by.entries, by.at)).fetchone()
            for org_id, by in changes.balances.items()
        }
        lots = [(lot.org_id, lot.lot_id, lot.posted, lot.held, lot.when_empty) for lot in changes.lots]
        db.executemany(MOVE_LOT, lots)
        db.executemany(OPEN_CALL, [_opened(call) for call in changes.opened])
        db.executemany(CHANGE_CALL, [_changed(read, call) for read, call in changes.changed])
        db.executemany(APPEND, [_readable(row) for row in entry_rows(changes.entries, after)])


def text(values: Sequence[Any]) -> str:
    return encode(values).decode()


def _opened(call: Call) -> tuple[Any, ...]:
    *values, story = call_values(call)
    return call.org_id, call.call_id, *values, story.decode(), call.opened_at, call.switch


def _changed(read: int, call: Call) -> tuple[Any, ...]:
    *values, story = call_values(call)
    return call.org_id, call.call_id, read, *values, story.decode()


def _readable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """JSON as text, so that people and SQL can read it."""
    return *row[:8], row[8].decode(), *row[9:]
