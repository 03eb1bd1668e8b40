"""The one way to change anything: `database.write(org_id, step, ...)` runs `step(tx, ...)` whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, NewType, ParamSpec, TypeVar

import psycopg
import sqlalchemy
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, StaticPool

from talktime.storage.alive import Attentive, kept_alive
from talktime.storage.errors import NotCompacted, StoreUnavailable, translated
from talktime.storage.turns import Turns
from talktime.storage.wire import MARK

ReadTx = NewType("ReadTx", Connection)
Tx = NewType("Tx", ReadTx)
P = ParamSpec("P")
R = TypeVar("R")

Scope = int | Sequence[int] | str
"""Whose rows a transaction may see: an organization, some, or EVERYBODY for the named statements that span them."""
EVERYBODY = "*"

# One connection writes and also checkpoints; a commit is on the disk when it returns.
WRITER_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "cache_size = -200000",
    "wal_autocheckpoint = 16000",
    "temp_store = MEMORY",
    "busy_timeout = 0",
    # Else INSERT OR REPLACE would get past the guard of what is only added to.
    "recursive_triggers = ON",
)
PAGE_BYTES = 4096
WARNED = "warned"


class Database:
    """What both databases have in common; the doors and actions know nothing else."""

    def __init__(self, url: str, writer: Engine, reader: Engine) -> None:
        self.url = url
        self.writer = writer
        self.reader = reader

    @property
    def dialect(self) -> str:
        return self.writer.dialect.name

    def write(self, scope: Scope, step: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A step touches nothing but `tx`, so it can wait or be run again."""
        with self._transaction(self.writer, scope) as connection:
            return step(Tx(ReadTx(connection)), *args, **kwargs)

    def read(self, scope: Scope, step: Callable[Concatenate[ReadTx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """From a snapshot, beside the writers."""
        with self._transaction(self.reader, scope) as connection:
            return step(ReadTx(connection), *args, **kwargs)

    @contextmanager
    def writing(self, scope: Scope) -> Iterator[Tx]:
        """For what wants a transaction as a block."""
        with self._transaction(self.writer, scope) as connection:
            yield Tx(ReadTx(connection))

    @contextmanager
    def _transaction(self, engine: Engine, scope: Scope) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                self._enter(connection, scope)
                yield connection
        except sqlalchemy.exc.DBAPIError as error:
            raise translated(error) from error

    def _enter(self, connection: Connection, scope: Scope) -> None:
        """Nothing to do where one file has one owner."""

    def compact(self) -> None:
        """What was deleted is gone from the file as well. PostgreSQL does that by itself, in time."""

    def close(self) -> None:
        self.writer.dispose()
        self.reader.dispose()


class SqliteDatabase(Database):
    def __init__(self, path: Path, connect: Callable[..., sqlite3.Connection] = sqlite3.connect) -> None:
        self.path = path
        self.turns = Turns()
        """At the one connection that writes: for the engine's batches, and the steps of actions."""
        self.connection = open_writer(path, connect)
        writer = create_engine("sqlite://", creator=lambda: self.connection, poolclass=StaticPool)
        reader = create_engine("sqlite://", creator=lambda: open_reader(path, connect), poolclass=NullPool)
        event.listen(writer, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        event.listen(reader, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        super().__init__(f"sqlite:///{path}", writer, reader)

    @contextmanager
    def _transaction(self, engine: Engine, scope: Scope) -> Iterator[Connection]:
        if engine is self.reader:
            with super()._transaction(engine, scope) as connection:
                yield connection
            return
        with self.turns.patient(), super()._transaction(engine, scope) as connection:
            yield connection

    def compact(self) -> None:
        """Writes the file anew: no server may be running."""
        with self.turns.patient():
            try:
                read_by_others = self._write_anew()
            except sqlite3.Error as error:
                raise self._not_compacted(f"{error}. It needs as much room again as it has") from error
        if read_by_others:
            raise self._not_compacted("somebody reads it, as `talktime verify` or a backup does")

    def _write_anew(self) -> bool:
        """Whether the old file is still needed by somebody."""
        # In a file, since it is as large as the database.
        self.connection.execute("PRAGMA temp_store = FILE")
        self.connection.execute("VACUUM")
        busy, *_ = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return bool(busy)

    def _not_compacted(self, why: str) -> NotCompacted:
        return NotCompacted(
            f"what was forgotten may still be read in {self.path} and the file beside it, which could not be written "
            f"anew: {why}. Run the same command again when that is over"
        )

    def close(self) -> None:
        with self.turns.patient():
            super().close()
            self.connection.close()


def open_writer(path: Path, connect: Callable[..., sqlite3.Connection]) -> sqlite3.Connection:
    try:
        connection = connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path} cannot be opened: {error}") from error
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        for pragma in WRITER_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        connection.close()
        raise StoreUnavailable(f"{path} cannot be opened: {error}") from error
    return connection


def open_reader(path: Path, connect: Callable[..., sqlite3.Connection]) -> sqlite3.Connection:
    connection = connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA busy_timeout = 2000")
    return connection


class PostgresDatabase(Database):
    """People and clocks come through this pool; the engine keeps connections of its own."""

    def __init__(self, url: str) -> None:
        def connect() -> psycopg.Connection:
            # The driver reads the address, which may name several hosts: SQLAlchemy could not.
            # Nothing is kept prepared: behind a pooler it would be another's, and old plans would live on.
            return Attentive.connect(kept_alive(url), application_name="talktime", prepare_threshold=None)

        options: dict[str, Any] = {"pool_size": 4, "max_overflow": 12, "pool_pre_ping": True, "pool_timeout": 5}
        engine = create_engine("postgresql+psycopg://", creator=connect, **options)
        event.listen(engine, "connect", _heed_warnings)
        event.listen(engine, "commit", lambda connection: connection.info.pop(WARNED, None))
        super().__init__(
            url, engine, engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )

    @contextmanager
    def _transaction(self, engine: Engine, scope: Scope) -> Iterator[Connection]:
        with super()._transaction(engine, scope) as connection:
            told = connection.info
            if engine is self.writer:
                connection.exec_driver_sql(MARK)
            yield connection
        if told.pop(WARNED, False):
            raise StoreUnavailable("the outcome of the transaction is not known")

    def _enter(self, connection: Connection, scope: Scope) -> None:
        connection.exec_driver_sql(f"SET LOCAL app.orgs = '{scope_text(scope)}'")


def _heed_warnings(connection: psycopg.Connection, record: Any) -> None:
    """A commit whose wait for the standby was cancelled says so only in a warning."""

    def heed(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            record.info[WARNED] = True

    connection.add_notice_handler(heed)


def scope_text(scope: Scope) -> str:
    """Numbers and a star only: it is written into a statement."""
    if scope == EVERYBODY:
        return EVERYBODY
    return ",".join(str(int(one)) for one in ([scope] if isinstance(scope, int) else scope))
