"""Processes that migrate a database: one that dies in the middle, several that come at the same time.

    with Nursery() as nursery:
        assert nursery.ended(Orders(url, deaths=[1, 9])) == [KILLED, KILLED]

The nursery is a process that has loaded everything; each life is a fork of it, since loading takes longer than living.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import alembic.command  # noqa: F401  Loaded once, before there are children.
import msgspec
from sqlalchemy import Engine, event

from talktime.storage import schema
from talktime.storage.database import Database, PostgresDatabase, SqliteDatabase

KILLED, DONE, FAILED = "killed", "done", "failed"
BEFORE_COMMIT = -1


class Orders(msgspec.Struct):
    url: str
    deaths: list[int] = []
    """One life after the other, each ended by SIGKILL before its n-th change or before its commit."""
    together: int = 0
    """So many lives at the same time, each to its end."""
    migrations: str | None = None
    """Another program's: where they are, and which is its newest."""
    newest: str = schema.NEWEST


class Nursery:
    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.storage.migrating"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ended(self, orders: Orders) -> list[str]:
        """How each life ended."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(msgspec.json.encode(orders) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=list[str])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def opened(url: str) -> Database:
    if url.startswith("postgresql:"):
        return PostgresDatabase(url)
    return SqliteDatabase(Path(url.removeprefix("sqlite:///")))


def prepare(url: str) -> None:
    database = opened(url)
    try:
        schema.prepare(database)
    finally:
        database.close()


def as_program(migrations: Path, newest: str) -> None:
    """This process is another Talktime."""
    setattr(schema, "_MIGRATIONS", migrations)  # noqa: B010
    setattr(schema, "NEWEST", newest)  # noqa: B010


# ---------------------------------------------------------------- in the process


def main() -> None:
    for line in sys.stdin:
        orders = msgspec.json.decode(line, type=Orders)
        print(msgspec.json.encode(_carry_out(orders)).decode(), flush=True)


def _carry_out(orders: Orders) -> list[str]:
    alone = [_ended(_begun(partial(_die_before, death), orders)) for death in orders.deaths]
    started, start = os.pipe()
    children = [_begun(partial(_wait, started, start), orders) for _ in range(orders.together)]
    os.close(start)
    ended = alone + [_ended(child) for child in children]
    os.close(started)
    return ended


def _begun(first: Callable[[], None], orders: Orders) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if orders.migrations:
            as_program(Path(orders.migrations), orders.newest)
        first()
        prepare(orders.url)
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)


def _wait(started: int, start: int) -> None:
    """Until all are there."""
    os.close(start)
    os.read(started, 1)


def _ended(child: int) -> str:
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return KILLED
    return DONE if status == 0 else FAILED


def _die_before(death: int) -> None:
    changes: list[str] = []

    def executing(connection: Any, cursor: Any, text: str, *_: Any) -> None:
        if _changes_something(text):
            changes.append(text)
            if len(changes) == death:
                os.kill(os.getpid(), signal.SIGKILL)

    def committing(connection: Any) -> None:
        if changes and death == BEFORE_COMMIT:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", executing)
    event.listen(Engine, "commit", committing)


def _changes_something(text: str) -> bool:
    words: Sequence[str] = ("CREATE", "INSERT", "ALTER", "REVOKE", "UPDATE", "DELETE", "DROP")
    return text.lstrip().upper().startswith(tuple(words))


if __name__ == "__main__":
    main()
