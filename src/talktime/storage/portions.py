"""What a migration does to big tables while servers go on: in slices, without a lock that anybody would notice.

    def in_portions(big: Portions) -> None:
        big.add_column("calls", Column("carrier", Text))
        big.fill("calls", carrier="switch")
        big.index("calls_by_carrier", "calls", "org_id, carrier")
        big.check("calls_carrier", "calls", "carrier <> ''")

Each step may be done again, and goes on where it was: a migration that was killed is begun anew by the next start.

Older programs go on to insert rows without the new column, also behind the place where a filling is. The step that
takes the old column away therefore fills once more, what is still empty, before it requires the new one:

        big.fill("calls", carrier="coalesce(carrier, switch)")
        big.require("calls", "carrier")
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    column,
    func,
    inspect,
    literal,
    literal_column,
    select,
    table,
    text,
    tuple_,
    update,
)
from sqlalchemy.exc import DBAPIError, ProgrammingError

from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.errors import Busy, Conflict, StoreUnavailable, translated

R = TypeVar("R")
Progress = Callable[[str, int, int], None]
"""What is done, how much of it, of how much."""
MARKS = "migration_marks"
"""How far each step is; there only while a migration is at work."""
SLICE = 1_000
# Shorter than a second, after which PostgreSQL looks for deadlocks and ends one of them: that must never be a call.
LOCK_TIMEOUT, ROWS_TIMEOUT = "SET LOCAL lock_timeout = '500ms'", "SET LOCAL lock_timeout = '100ms'"
PAUSE_SECONDS, PATIENCE_SECONDS = 0.2, 600.0
WORD_SECONDS = 5.0
# Poolers end a transaction that is silent. A word that needs a snapshot would have the making of an index wait for us.
WORD = "SHOW lock_timeout"


class AtWork(Busy):
    """Another process migrates, and lives."""


Check = Callable[[], None]
"""Raises when this process is no longer the only one at work."""


def unchecked() -> None:
    """Where there is only one process."""


def silent(what: str, done: int, total: int) -> None:
    """For those who do not watch."""


def wait_briefly(tx: Tx) -> None:
    """Whoever waits for a table has all others wait behind him."""
    if tx.dialect.name == "postgresql":
        tx.execute(text(LOCK_TIMEOUT))


@contextmanager
def at_work_alone(database: Database) -> Iterator[Check]:
    """Busy when another process is at it. The lock dies with its owner; what is open has no snapshot, so that an
    index need not wait for it. The marks go with the lock."""
    try:
        database.write((), _make_marks)
    except (Conflict, ProgrammingError) as error:
        raise Busy("another process begins to migrate") from error
    if database.dialect == "sqlite":
        yield unchecked
        database.write((), lambda tx: tx.execute(text(f"DROP TABLE {MARKS}")))
        return
    with database.writer.connect() as connection:
        _lock(connection)
        with _Hold(connection) as hold:
            yield hold.check
        _let_go(connection)


def _let_go(connection: Connection) -> None:
    try:
        connection.execute(text(f"DROP TABLE {MARKS}"))
        connection.commit()
    except DBAPIError as error:
        raise translated(error) from error


def _lock(connection: Connection) -> None:
    try:
        connection.execute(text(f"SELECT 1 FROM {MARKS} WHERE step = '' FOR UPDATE NOWAIT"))
    except ProgrammingError as error:
        raise Busy("another process has just migrated") from error
    except DBAPIError as error:
        found = translated(error)
        raise AtWork("another process migrates") if isinstance(found, Busy) else found from error


class _Hold:
    """Says a word on the connection that has the lock, as long as somebody is at work under it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._over, self._lost = Event(), Event()
        self._thread = Thread(target=self._speak, daemon=True)

    def _speak(self) -> None:
        try:
            while not self._over.wait(WORD_SECONDS):
                self._connection.exec_driver_sql(WORD)
        except DBAPIError:
            self._lost.set()

    def check(self) -> None:
        if self._lost.is_set():
            raise StoreUnavailable("the migration lost its lock; it goes on where it was when it is called again")

    def __enter__(self) -> _Hold:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        if error == (None, None, None):
            self.check()


def clear_marks(database: Database, newest: str) -> None:
    """Left by who died at the very end. Those of a newer program, which is to go on with them, stay."""
    if database.read((), _are_left, newest):
        with suppress(Busy), at_work_alone(database):
            pass


def _are_left(tx: ReadTx, newest: str) -> bool:
    if not inspect(tx).has_table(MARKS):
        return False
    last = tx.scalar(text(f"SELECT max(step) FROM {MARKS}")) or ""
    return str(last)[: len(newest)] <= newest


def _make_marks(tx: Tx) -> None:
    wait_briefly(tx)
    if not inspect(tx).has_table(MARKS):
        tx.execute(text(f"CREATE TABLE {MARKS} (step text PRIMARY KEY, mark text NOT NULL)"))
        tx.execute(text(f"INSERT INTO {MARKS} VALUES ('', '')"))


def patiently(database: Database, step: Callable[[Tx], R]) -> R:
    """Again and again rather than long: who stands in the way may be gone by then."""
    until = time.monotonic() + PATIENCE_SECONDS

    def briefly(tx: Tx) -> R:
        wait_briefly(tx)
        return step(tx)

    while True:
        try:
            return database.write(EVERYBODY, briefly)
        except Busy:
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE_SECONDS)


class Portions:
    def __init__(
        self, database: Database, revision: str, progress: Progress = silent, check: Check = unchecked
    ) -> None:
        self._database, self._revision, self._progress, self._check = database, revision, progress, check
        self._on_postgres = database.dialect == "postgresql"

    def add_column(self, name: str, new: Column[Any]) -> None:
        """One that may be missing in a row, or has a default: older programs write rows without it."""

        def add(tx: Tx) -> None:
            from alembic.operations import Operations
            from alembic.runtime.migration import MigrationContext

            if new.name not in [one["name"] for one in inspect(tx).get_columns(name)]:
                Operations(MigrationContext.configure(tx)).add_column(name, new)

        patiently(self._database, add)

    def fill(self, name: str, **values: str) -> None:
        """Columns of every row by an expression, a thousand rows at a time in the order of the key, and as long a rest
        after each."""
        step = f"{self._revision} {name}: {', '.join(values)}"
        key = self._database.read((), _key_of, name)
        done, total, size = 0, self._database.read(EVERYBODY, _rows_about, name), SLICE
        while True:
            self._check()
            begun = time.monotonic()
            try:
                filled = self._database.write(EVERYBODY, _fill_slice, size, step, name, key, values)
            except Busy:
                # Calls have some of these rows: fewer at once next time.
                filled, size = None, max(size // 2, 1)
            else:
                size = min(2 * size, SLICE)
            if filled == 0:
                return
            done += filled or 0
            self._progress(f"{name}: {', '.join(values)}", min(done, total), total)
            time.sleep(time.monotonic() - begun)

    def index(self, name: str, on: str, columns: str, *, unique: bool = False, where: str | None = None) -> None:
        """Made beside those who write. One that was interrupted is no good, and is made anew."""
        if self._exists(name):
            return
        kind, at_once = "UNIQUE INDEX" if unique else "INDEX", "CONCURRENTLY" if self._on_postgres else ""
        condition = f" WHERE {where}" if where else ""
        if self._on_postgres:
            self._outside(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        self._progress(f"index {name}", 0, 1)
        self._outside(f"CREATE {kind} {at_once} {name} ON {on} ({columns}){condition}")
        self._progress(f"index {name}", 1, 1)

    def check(self, name: str, on: str, condition: str) -> None:
        """First for new rows, then for all. On SQLite a table gets its CHECKs in `upgrade`, by being written anew."""
        if not self._on_postgres:
            return
        add = text(f"ALTER TABLE {on} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
        patiently(self._database, lambda tx: None if _has_check(tx, on, name) else tx.execute(add))
        self._progress(f"check {name}", 0, 1)
        # Its lock keeps nobody from writing.
        self._outside(f"ALTER TABLE {on} VALIDATE CONSTRAINT {name}")
        self._progress(f"check {name}", 1, 1)

    def require(self, on: str, column_name: str) -> None:
        """NOT NULL, without a look at every row under a lock: a CHECK that holds already is proof enough."""
        if not self._on_postgres:
            return
        proof = f"{on}_{column_name}_there"
        self.check(proof, on, f"{column_name} IS NOT NULL")
        change = f"ALTER TABLE {on} ALTER COLUMN {column_name} SET NOT NULL, DROP CONSTRAINT {proof}"
        patiently(self._database, lambda tx: tx.execute(text(change)))

    def _exists(self, name: str) -> bool:
        query = (
            "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND indisvalid"
            if self._on_postgres
            else "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = :name"
        )
        return self._database.read((), lambda tx: tx.scalar(text(query), {"name": name}) is not None)

    def _outside(self, statement: str) -> None:
        """Of any transaction, and as long as it takes: it waits for others, and nobody waits for it."""
        self._check()
        if not self._on_postgres:
            self._database.write((), lambda tx: tx.execute(text(statement)))
            return
        with self._database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            try:
                connection.execute(text(statement))
            except DBAPIError as error:
                raise translated(error) from error


def _fill_slice(tx: Tx, size: int, step: str, name: str, key: Sequence[str], values: Mapping[str, str]) -> int:
    """How many rows it was; the mark moves with them."""
    if tx.dialect.name == "postgresql":
        tx.execute(text(ROWS_TIMEOUT))
    columns: list[ColumnElement[Any]] = [column(one) for one in key]
    place = tuple_(*columns)
    mark = tx.scalar(text(f"SELECT mark FROM {MARKS} WHERE step = :step"), {"step": step})
    rows = select(*columns).select_from(table(name)).order_by(*columns).limit(size)
    if mark:
        rows = rows.where(place > tuple_(*map(literal, json.loads(mark))))
    found = tx.execute(rows).all()
    if found:
        first, last = (tuple_(*map(literal, found[one])) for one in (0, -1))
        target = table(name, *map(column, values))
        expressions: dict[str, ColumnElement[Any]] = {one: literal_column(value) for one, value in values.items()}
        tx.execute(update(target).where(place >= first, place <= last).values(expressions))
        _move_mark(tx, step, json.dumps([*found[-1]]))
    return len(found)


def _move_mark(tx: Tx, step: str, mark: str) -> None:
    moved = text(f"INSERT INTO {MARKS} VALUES (:step, :mark) ON CONFLICT (step) DO UPDATE SET mark = :mark")
    tx.execute(moved, {"step": step, "mark": mark})


def _key_of(tx: ReadTx, name: str) -> Sequence[str]:
    return inspect(tx).get_pk_constraint(name)["constrained_columns"]


def _rows_about(tx: ReadTx, name: str) -> int:
    """To count a big table would take as long as the work itself; PostgreSQL has an idea of it."""
    if tx.dialect.name == "postgresql":
        known = tx.scalar(text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(:name)"), {"name": name})
        if known and known > 0:
            return int(known)
    return tx.scalar(select(func.count()).select_from(table(name))) or 0


def _has_check(tx: Tx, on: str, name: str) -> bool:
    return name in [one["name"] for one in inspect(tx).get_check_constraints(on)]
