"""Which statements the program sends to a database while the tests run: each text once, with what sent it and for whom.

    record()                    # once, before the first test; from then on RECORDED grows
    for one in RECORDED.values(): ...

Statements that a test itself writes are left out: a text counts when code of `talktime` has handed it over.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from sqlite3 import Connection as SqliteConnection
from threading import local
from types import FrameType
from typing import Any

from sqlalchemy import Engine, event

from talktime.storage.database import EVERYBODY, Database, Scope, SqliteDatabase
from talktime.storage.sqlite_store import SqliteStore
from talktime.storage.wire import Statement, Wire

NOBODY, ONE, SOME, ALL = "nobody", "one", "some", "all"
"""Whose rows the transaction was to see."""
ENGINE = "engine"
"""The scope of a batch: the organizations of its commands."""
MIGRATION = "schema._upgrade.<locals>.upgrade"


@dataclass(frozen=True, slots=True)
class Recorded:
    dialect: str
    text: str
    parameters: Any
    """Those of the first time: a mapping, a sequence, or a list of them."""
    scope: str
    step: str
    """The function that was handed to Database.read or write; of the engine's, its class."""
    sender: str
    """The function of ours that sent it, as `call_store.find`."""
    writes: bool
    """Whether the transaction may write."""

    @property
    def key(self) -> Key:
        return self.dialect, self.text, self.scope


Key = tuple[str, str, str]
RECORDED: dict[Key, Recorded] = {}
SPANNING: set[tuple[str, str]] = set()
"""Steps that ours handed to Database.read or write with every organization in sight."""


class _Now(local):
    """What this thread is at."""

    scope = NOBODY
    step = ""
    writes = False


_now = _Now()
_recording = False
_OURS, _TESTS = "talktime.", "tests."
_SCOPE = re.compile(r"(?i)SET LOCAL app\.orgs = '[0-9,]+'")


def record() -> None:
    """From now on, in this process; a second time does nothing."""
    global _recording
    if _recording:
        return
    _recording = True
    event.listen(Engine, "before_cursor_execute", _executing)
    for name in ("read", "write"):
        setattr(Database, name, _noting_steps(getattr(Database, name), name == "write"))
    setattr(Wire, "send", _noting_sent(Wire.send))  # noqa: B010
    setattr(SqliteStore, "__init__", _watched(SqliteStore.__init__))  # noqa: B010


@contextmanager
def recorded_alone() -> Iterator[dict[Key, Recorded]]:
    """What is recorded in this block, and nothing of before or after; for tests that plant something."""
    kept = dict(RECORDED)
    RECORDED.clear()
    try:
        yield RECORDED
    finally:
        RECORDED.clear()
        RECORDED.update(kept)


# ---------------------------------------------------------------- SQLAlchemy


def _noting_steps(method: Callable[..., Any], writes: bool) -> Callable[..., Any]:
    @wraps(method)
    def noting(self: Database, scope: Scope, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        before = _now.scope, _now.step, _now.writes
        _now.scope, _now.step, _now.writes = _kind(scope), _name(step), writes
        if scope == EVERYBODY and _module_of(sys._getframe(1)).startswith(_OURS):
            SPANNING.add((method.__name__, _now.step))
        try:
            return method(self, scope, step, *args, **kwargs)
        finally:
            _now.scope, _now.step, _now.writes = before

    return noting


def _kind(scope: Scope) -> str:
    if scope == EVERYBODY:
        return ALL
    if isinstance(scope, int):
        return ONE
    return (NOBODY, ONE)[len(scope)] if len(scope) < 2 else SOME


def _name(step: Callable[..., Any]) -> str:
    module = getattr(step, "__module__", "") or ""
    return f"{module.rpartition('.')[2]}.{getattr(step, '__qualname__', type(step).__qualname__)}"


def _executing(connection: Any, cursor: Any, text: str, parameters: Any, context: Any, many: bool) -> None:
    dialect = connection.dialect.name
    if (dialect, text, _now.scope) not in RECORDED:
        key = (dialect, _alike(text), _now.scope)
        if key not in RECORDED:
            _note(key, parameters, _now.step, _now.writes)


def _alike(text: str) -> str:
    """Whose rows a transaction sees is written into a statement, which would be another text each time."""
    return _SCOPE.sub("SET LOCAL app.orgs = '1,2'", text)


# ---------------------------------------------------------------- the engine's own connections


def _noting_sent(send: Callable[..., None]) -> Callable[..., None]:
    @wraps(send)
    def noting(self: Wire, statement: Statement, *values: bytes | None) -> None:
        if ("postgresql", statement.text, ENGINE) not in RECORDED:
            key = ("postgresql", _alike(statement.text), ENGINE)
            if key not in RECORDED:
                _note(key, values, "PostgresStore", True)
        send(self, statement, *values)

    return noting


class Watched:
    """A connection of sqlite3 whose statements are noted."""

    __slots__ = ("_connection",)

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection

    def execute(self, text: str, *values: Any) -> Any:
        key = ("sqlite", text, ENGINE)
        if key not in RECORDED:
            _note(key, values, "SqliteStore", True)
        return self._connection.execute(text, *values)

    def executemany(self, text: str, rows: Sequence[Any]) -> Any:
        key = ("sqlite", text, ENGINE)
        if key not in RECORDED:
            _note(key, rows, "SqliteStore", True)
        return self._connection.executemany(text, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _watched(init: Callable[..., None]) -> Callable[..., None]:
    @wraps(init)
    def watching(self: SqliteStore, database: SqliteDatabase) -> None:
        init(self, database)
        setattr(self, "_db", Watched(self._db))  # noqa: B010

    return watching


# ---------------------------------------------------------------- who sent it


def _note(key: Key, parameters: Any, step: str, writes: bool) -> None:
    if (sender := _sender()) is not None:
        dialect, text, scope = key
        RECORDED[key] = Recorded(dialect, text, parameters, scope, step, sender, writes)


def _sender() -> str | None:
    """The nearest function of ours; None when a test comes before it."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        module = _module_of(frame)
        if module.startswith(_OURS):
            return f"{module.rpartition('.')[2]}.{frame.f_code.co_name}"
        if module.startswith(_TESTS) and module != __name__:
            return None
        frame = frame.f_back
    return None


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
