"""Processes that migrate a database: one that dies in the middle, several that come at the same time.

    python -m tests.storage.migrating <Orders as JSON>

One process is started for many lives, since loading takes longer than living: for each life it forks.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

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


def ordered(orders: Orders) -> list[str]:
    """How each life ended."""
    command = [sys.executable, "-m", "tests.storage.migrating", msgspec.json.encode(orders).decode()]
    ended = subprocess.run(command, capture_output=True, timeout=120)
    assert ended.returncode == 0, ended.stderr.decode()
    return msgspec.json.decode(ended.stdout, type=list[str])


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


def main(orders: Orders) -> list[str]:
    if orders.migrations:
        as_program(Path(orders.migrations), orders.newest)
    alone = [_ended(_begun(partial(_die_before, death), orders.url)) for death in orders.deaths]
    started, start = os.pipe()
    children = [_begun(partial(_wait, started, start), orders.url) for _ in range(orders.together)]
    os.close(start)
    return alone + [_ended(child) for child in children]


def _begun(first: Callable[[], None], url: str) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        first()
        prepare(url)
        code = 0
    finally:
        sys.stderr.flush()
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
    print(msgspec.json.encode(main(msgspec.json.decode(sys.argv[1], type=Orders))).decode())
