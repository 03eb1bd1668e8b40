"""One connection to PostgreSQL for the engine: prepared statements down a pipeline, values in binary.

psycopg's cursors cost more than deciding a call does; this uses the same driver one floor lower.
"""

from __future__ import annotations

import select
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from struct import Struct
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, Trace, TransactionStatus

from talktime.storage.alive import kept_alive
from talktime.storage.errors import Busy, Conflict, StoreUnavailable

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

BOOL, INT8, TEXT, INT8_ARRAY, TEXT_ARRAY = 16, 20, 25, 1016, 1009

# A commit that wrote something waits for the standbys, and for all that was written before it; one that only read waits
# for nobody. Who asks again must not be answered from what so far is on this machine alone.
MARK = "SELECT pg_logical_emit_message(true, 'talktime', '')"

_LONG = Struct(">q").pack
_LENGTH = Struct(">i").pack
_LENGTH_AND_LONG = Struct(">iq").pack
_HEADER = Struct(">iiIii").pack
_NULL = _LENGTH(-1)

SILENCE_SECONDS = 10.0
"""Longer than any lock is waited for. Who says nothing for so long may be gone without a word; nothing is cancelled."""

# The class of a state says what may be done: data, constraint, limits; rollback, locks; all else is unknown.
_JUDGED = ("22", "23", "54")
_IN_THE_WAY = ("40", "55")
_ALREADY_THERE = "23505"


def long(value: int | None) -> bytes | None:
    return None if value is None else _LONG(value)


def longs(column: Sequence[int | None]) -> bytes:
    parts = [_NULL if value is None else _LENGTH_AND_LONG(8, value) for value in column]
    return _HEADER(1, 1, INT8, len(column), 1) + b"".join(parts)


def texts(column: Iterable[str | bytes | None]) -> bytes:
    parts: list[bytes] = []
    count = 0
    for value in column:
        count += 1
        if value is None:
            parts.append(_NULL)
            continue
        raw = value.encode() if isinstance(value, str) else value
        parts += (_LENGTH(len(raw)), raw)
    return _HEADER(1, 1, TEXT, count, 1) + b"".join(parts)


class Statement:
    """A text that is parsed once on each connection, if it is said `often`."""

    def __init__(self, text: str, types: Sequence[int] = (), *, rows: bool = False, often: bool = True) -> None:
        self.text = text
        self.often = often
        self.raw = text.encode()
        self.name = b"t%x" % (hash((text, tuple(types))) & 0xFFFFFFFFFFFFFF)
        self.types = list(types)
        self.formats = [Format.BINARY] * len(types)
        self.rows = rows


class Wire:
    def __init__(self, dsn: str, options: str = "", *, prepare: bool = True) -> None:
        try:
            self._connection = psycopg.connect(
                kept_alive(dsn), autocommit=True, options=options, application_name="talktime-engine"
            )
        except psycopg.Error as error:
            raise StoreUnavailable(str(error)) from error
        self._pg = self._connection.pgconn
        self._prepare = prepare
        self._known: set[bytes] = set()
        """Statements that are parsed, or on their way to be."""
        self._sent: list[tuple[Statement, bool]] = []
        self._warned = False
        self._connection.add_notice_handler(self._notice)
        self._pg.enter_pipeline_mode()
        self._readable = select.poll()
        self._readable.register(self._pg.socket, select.POLLIN)
        self._open = select.poll()
        self._open.register(self._pg.socket, select.POLLIN | select.POLLOUT)

    def send(self, statement: Statement, *values: bytes | None) -> None:
        """Nothing is awaited: the rows come with `answers`, in this order."""
        if self._prepare and statement.often:
            if statement.name not in self._known:
                self._known.add(statement.name)
                self._pg.send_prepare(statement.name, statement.raw, statement.types)
                self._sent.append((statement, True))
            self._pg.send_query_prepared(statement.name, values, statement.formats, Format.BINARY)
        else:
            self._pg.send_query_params(statement.raw, values, statement.types, statement.formats, Format.BINARY)
        self._sent.append((statement, False))

    def answers(self) -> list[list[tuple[Any, ...]]]:
        """The rows of all that was sent and has rows. Raises when one was refused; the rest is then undone."""
        self._warned = False
        try:
            self._pg.pipeline_sync()
            self._flush()
            found, problem = self._collect()
        except psycopg.Error as error:
            raise StoreUnavailable(str(error)) from error
        if problem is not None:
            raise problem
        if self._warned:
            # A commit whose wait for the standby was cancelled says so only in a warning.
            raise StoreUnavailable("the outcome of the transaction is not known")
        return found

    def _collect(self) -> tuple[list[list[tuple[Any, ...]]], Exception | None]:
        found: list[list[tuple[Any, ...]]] = []
        problem: Exception | None = None
        sent, self._sent = self._sent, []
        for statement, preparing in sent:
            while (result := self._next()) is not None:
                if result.status == ExecStatus.FATAL_ERROR:
                    problem = problem or _problem(result)
                if preparing and result.status != ExecStatus.COMMAND_OK:
                    self._known.discard(statement.name)
                elif statement.rows and result.status == ExecStatus.TUPLES_OK:
                    found.append(self._rows(result))
        self._next()
        return found, problem

    def _flush(self) -> None:
        """What is more than the socket takes at once is sent as room comes; what is said meanwhile is read."""
        while self._pg.flush():
            if self._ready(self._open) & select.POLLIN:
                self._pg.consume_input()

    def _next(self) -> PGresult | None:
        """Waits at the socket, where other threads may go on: inside the library they may not."""
        while self._pg.is_busy():
            self._ready(self._readable)
            self._pg.consume_input()
        return self._pg.get_result()

    def _ready(self, events: select.poll) -> int:
        found = events.poll(SILENCE_SECONDS * 1000)
        if not found:
            self.close()
            raise psycopg.OperationalError("the database does not answer")
        return found[0][1]

    def _rows(self, result: Any) -> list[tuple[Any, ...]]:
        reading = Transformer(self._connection)
        reading.set_pgresult(result, set_loaders=True, format=Format.BINARY)
        return reading.load_rows(0, result.ntuples, tuple)

    def _notice(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warned = True

    @contextmanager
    def traced(self, file: int) -> Iterator[None]:
        """Each message is written there, with its length."""
        self._pg.trace(file)
        self._pg.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield
        finally:
            self._pg.untrace()

    @property
    def broken(self) -> bool:
        return bool(self._connection.closed) or self._pg.status != ConnStatus.OK

    @property
    def in_transaction(self) -> bool:
        return self._pg.transaction_status != TransactionStatus.IDLE

    def close(self) -> None:
        self._connection.close()


def _problem(result: Any) -> Exception:
    error = psycopg.errors.error_from_result(result)
    state = error.sqlstate or ""
    if state == _ALREADY_THERE or state.startswith(_IN_THE_WAY):
        return Busy(str(error))
    return Conflict(str(error)) if state.startswith(_JUDGED) else StoreUnavailable(str(error))
