"""SQLite: one file, one writer. A commit is on the disk when it returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from talktime.core.calls import Call, Key
from talktime.core.desk import Changes, KeptTally
from talktime.core.fraud import Tally
from talktime.core.needs import Needs
from talktime.core.organizations import User
from talktime.core.pool_book import PoolKey
from talktime.storage import notice_rows, pool_rows, usage_store
from talktime.storage.alert_store import levels_of
from talktime.storage.database import SqliteDatabase
from talktime.storage.errors import JUDGED, Conflict, StoreUnavailable
from talktime.storage.store import (
    ACCOUNT_COLUMNS,
    KEYS_REVISION,
    KNOWLEDGE_REVISION,
    LOT_COLUMNS,
    PRICES_REVISION,
    USER_COLUMNS,
    Read,
    ReadMore,
    Woken,
    accounts_of,
    call_values,
    closed_lots,
    decode_call,
    encode_tally,
    entry_rows,
    lay_out,
    tallies_of,
    users_of,
    woken,
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
USERS = f"""SELECT k.org_id, k.name, {USER_COLUMNS} FROM ({_KEYS}) k
CROSS JOIN user_names n ON n.org_id = k.org_id AND n.name = k.name
CROSS JOIN users u ON u.org_id = k.org_id AND u.user_id = n.user_id"""
TOLL_FREE = f"""SELECT s.org_id, s.number FROM ({_KEYS}) k
CROSS JOIN service_numbers s ON s.org_id = k.org_id AND s.number = k.name WHERE s.type = 'toll_free'"""
_MONTHS = "SELECT value ->> 0 AS org_id, value ->> 1 AS pool_id, value ->> 2 AS month FROM json_each(?1)"
POOLS = f"""SELECT {pool_rows.COLUMNS} FROM ({_MONTHS}) k
CROSS JOIN pools p ON p.org_id = k.org_id AND p.pool_id = k.pool_id
LEFT JOIN pool_months m ON m.org_id = k.org_id AND m.pool_id = k.pool_id AND m.month = k.month"""
TALLIES = f"""SELECT t.org_id, t.user_id, t.version, t.story FROM ({_KEYS}) k
CROSS JOIN tallies t ON t.org_id = k.org_id AND t.user_id = k.name"""
RUNNING = """SELECT count(*), coalesce(sum(held_micros), 0) FROM calls INDEXED BY calls_open
WHERE org_id = ?1 AND due_at IS NOT NULL AND caller = ?2"""
REVISIONS = "SELECT name, value FROM control"
MOVE_ACCOUNT = """UPDATE accounts SET posted_micros = posted_micros + ?2, held_micros = held_micros + ?3,
last_entry_no = last_entry_no + ?4, last_at = max(last_at, ?5) WHERE org_id = ?1
RETURNING posted_micros, last_entry_no, last_at, wake_micros"""
LOOK_SOON = """UPDATE recharges SET look_at = ?3
WHERE org_id = ?1 AND enabled AND state = 'on' AND look_at IS NULL AND trigger_micros > ?2"""
ALERTS = "SELECT settings FROM alerts WHERE org_id = ?1"
MOVE_LOT = """UPDATE lots SET posted_micros = posted_micros + ?3, held_micros = held_micros + ?4,
state = CASE WHEN state = 'frozen' THEN state WHEN posted_micros + ?3 = 0 THEN ?5 ELSE 'open' END
WHERE org_id = ?1 AND lot_id = ?2"""
OPEN_CALL = """INSERT INTO calls (org_id, call_id, version, state, held_micros, charge_micros, due_at, story,
opened_at, switch, caller, emergency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
CHANGE_CALL = """UPDATE calls SET version = ?4, state = ?5, held_micros = ?6, charge_micros = ?7, due_at = ?8,
story = ?9 WHERE org_id = ?1 AND call_id = ?2 AND version = ?3"""
APPEND = """INSERT INTO entries (org_id, entry_id, entry_no, entry_key, kind, at, amount_micros, balance_after,
postings, by, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
OPEN_MONTH = "INSERT INTO pool_months (org_id, pool_id, month) VALUES (?, ?, ?)"
MOVE_POOL = """UPDATE pool_months SET first_used = first_used + ?4, first_held = first_held + ?5,
second_used = second_used + ?6, second_held = second_held + ?7 WHERE org_id = ?1 AND pool_id = ?2 AND month = ?3
RETURNING first_used, second_used"""
KEEP_TALLY = "INSERT OR REPLACE INTO tallies (org_id, user_id, version, story) VALUES (?, ?, ?, ?)"
BLOCK = "UPDATE users SET blocked_at = ?3, block_reason = ?4 WHERE org_id = ?1 AND user_id = ?2"
LOG_BLOCK = "INSERT INTO user_blocks (org_id, block_id, at, user_id, mode, reason, by) VALUES (?, ?, ?, ?, ?, ?, ?)"
TELL = "INSERT OR IGNORE INTO notices (org_id, notice_id, once, event, at, details) VALUES (?, ?, ?, ?, ?, ?)"
UNREPORT = "DELETE FROM usage WHERE org_id = ?1 AND call_id = ?2"
REPORT = f"""INSERT INTO usage ({", ".join(usage_store.COLUMNS)})
VALUES ({", ".join("?" * len(usage_store.COLUMNS))})"""

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

    def load(self, calls: Sequence[Key], names: Sequence[Key], numbers: Sequence[Key] = ()) -> Read:
        revisions = dict(self._all(REVISIONS))
        accounts = accounts_of(self._all(ACCOUNTS, self._orgs), self._all(LOTS, self._orgs))
        stories = [decode_call(story) for (story,) in self._all(CALLS, (text(calls),))] if calls else []
        if closed := closed_lots(stories, accounts):
            lay_out(accounts, self._all(CLOSED_LOTS, (text(closed),)))
        return Read(
            accounts,
            {(call.org_id, call.call_id): call for call in stories},
            self._users(names),
            revisions[PRICES_REVISION],
            revisions[KEYS_REVISION],
            revisions[KNOWLEDGE_REVISION],
            frozenset(self._all(TOLL_FREE, (text(numbers),))) if numbers else frozenset(),
        )

    def load_more(self, needs: Needs) -> ReadMore:
        pools = pool_rows.pools_of(self._all(POOLS, (text(needs.pools),))) if needs.pools else {}
        tallies = tallies_of(self._all(TALLIES, (text(needs.tallies),))) if needs.tallies else {}
        begun = {key: self._begin_to_count(key) for key in needs.tallies if key not in tallies}
        return ReadMore(pools, tallies | begun, self._users(needs.users))

    def _begin_to_count(self, user: Key) -> KeptTally:
        """From what he has running now."""
        return KeptTally(Tally(*self._db.execute(RUNNING, user).fetchone()), 0)

    def _users(self, names: Sequence[Key]) -> dict[Key, User]:
        return users_of(self._all(USERS, (text(names),))) if names else {}

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
        db.executemany(UNREPORT, changes.unreported)
        db.executemany(REPORT, [usage_store.values(row) for row in changes.usage])
        self._record_people(changes)
        db.executemany(TELL, notice_rows.shortfall_notices(changes.entries))
        for one in woken(changes.balances, after):
            self._wake(one)

    def _wake(self, one: Woken) -> None:
        self._db.execute(LOOK_SOON, (one.org_id, one.fall.after, one.at))
        alerts = self._db.execute(ALERTS, (one.org_id,)).fetchone()
        self._db.executemany(TELL, notice_rows.balance_notices(one, levels_of(*alerts) if alerts else ()))

    def _record_people(self, changes: Changes) -> None:
        db = self._db
        used = self._move_pools(changes)
        tallies = [(*key, kept.version + 1, encode_tally(kept.tally).decode()) for key, kept in changes.tallies]
        db.executemany(KEEP_TALLY, tallies)
        db.executemany(BLOCK, [(one.org_id, one.user_id, one.at, one.reason) for one in changes.blocks])
        db.executemany(LOG_BLOCK, map(notice_rows.block_row, changes.blocks))
        db.executemany(TELL, map(notice_rows.block_notice, changes.blocks))
        db.executemany(TELL, notice_rows.pool_notices(changes.pools, used))

    def _move_pools(self, changes: Changes) -> dict[PoolKey, tuple[int, int]]:
        self._db.executemany(OPEN_MONTH, [pool.key for pool in changes.pools if not pool.is_kept])
        return {
            pool.key: self._db.execute(MOVE_POOL, (*pool.key, *pool_rows.steps(pool))).fetchone()
            for pool in changes.pools
        }


def text(values: Sequence[Any]) -> str:
    return encode(values).decode()


def _opened(call: Call) -> tuple[Any, ...]:
    *values, story = call_values(call)
    about = (call.switch, call.caller, call.is_emergency)
    return call.org_id, call.call_id, *values, story.decode(), call.opened_at, *about


def _changed(read: int, call: Call) -> tuple[Any, ...]:
    *values, story = call_values(call)
    return call.org_id, call.call_id, read, *values, story.decode()


def _readable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """JSON as text, so that people and SQL can read it."""
    return *row[:8], row[8].decode(), *row[9:]
