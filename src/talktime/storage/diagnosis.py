"""What `talktime doctor` asks a database: may it be trusted with money as it is set up?"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, time
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, text

from talktime.storage import control_store, schema
from talktime.storage.database import Database, ReadTx

FLUSHES = 20
SLOW_MS = 20.0
AWAY_SECONDS_MAX = 2.0


class Told(Struct, frozen=True):
    """`right` None: it works, and somebody should look at it."""

    what: str
    right: bool | None
    detail: str
    do: str = ""


def of_database(database: Database) -> Iterator[Told]:
    there = schema.version(database)
    if there is None:
        yield Told("schema", None, "the database is empty", "Start the server once: it makes the tables.")
    elif there == schema.NEWEST:
        yield Told("schema", True, f"version {there}, as this program knows it")
    elif there > schema.NEWEST and schema.oldest_program(database) <= schema.NEWEST:
        told = f"version {there} is newer than {schema.NEWEST}, and this program may serve it"
        yield Told("schema", None, told, "Go on with the upgrade: start the newer Talktime here as well.")
    elif there > schema.NEWEST:
        yield Told("schema", False, f"version {there} is newer than {schema.NEWEST}", "Use the newer Talktime.")
    else:
        yield Told("schema", None, f"version {there}", f"The next start migrates it to {schema.NEWEST}.")
    if there is not None:
        yield from database.read((), lambda tx: list(_of_restore(tx)))
    ask = _of_sqlite if database.dialect == "sqlite" else _of_postgres
    yield from database.read((), lambda tx: list(ask(tx)))


def _of_restore(tx: ReadTx) -> Iterator[Told]:
    """Who was not asked since what he has taken."""
    for mark in control_store.restores(tx):
        who = mark.partition(":")[2] or "all providers"
        told = f"nothing is charged through {who} before they were asked what they have taken since the backup"
        yield Told("restore", None, told, "Start the server, with every provider set up that there was.")


def _of_sqlite(tx: ReadTx) -> Iterator[Told]:
    mode = _one(tx, "PRAGMA journal_mode")
    yield Told("journal", mode == "wal" or None, f"journal mode {mode}", "The next start of the server sets it to wal.")
    bad = _one(tx, "PRAGMA quick_check(1)")
    yield Told("pages", bad == "ok", f"quick check: {bad}", "Restore the last backup; keep this file for an inquiry.")


def _of_postgres(tx: ReadTx) -> Iterator[Told]:
    number = int(_one(tx, "SHOW server_version_num")) // 10_000
    yield Told("server", number >= 15, f"PostgreSQL {number}", "PostgreSQL 15 or newer is needed.")
    role = tx.execute(text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")).one()
    use_another = "Use a role without SUPERUSER and BYPASSRLS: row-level security does not bind such a role."
    yield Told("role", not any(role), f"{_one(tx, 'SELECT current_user')} is bound by row-level security", use_another)
    for name, why in (
        ("fsync", "Switch it on: without it a power cut loses what was acknowledged."),
        ("full_page_writes", "Switch it on: without it a power cut can tear pages."),
    ):
        yield Told(name, _one(tx, f"SHOW {name}") == "on", f"{name} is {_one(tx, f'SHOW {name}')}", why)
    commit = _one(tx, "SHOW synchronous_commit")
    safe = commit in ("on", "remote_apply")
    yield Told("synchronous_commit", safe, f"it is {commit}", "Set it to on: otherwise commits are answered too early.")
    standbys = _one(tx, "SHOW synchronous_standby_names")
    detail = f"synchronous standbys: {standbys or 'none'}"
    yield Told(
        "standby", True if standbys else None, detail, "Without one, a lost disk loses what the last backup lacks."
    )
    away = abs(time() - float(_one(tx, "SELECT extract(epoch FROM clock_timestamp())")))
    yield Told("clock", away < AWAY_SECONDS_MAX, f"the server's is {away:.1f} s away", "Set both by NTP.")


def _one(tx: Connection, query: str) -> Any:
    return tx.scalar(text(query))


def flush_time(folder: Path) -> Told:
    """What a commit waits for. A disk that answers at once may be lying."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".flush-") as file:
        times = []
        for _ in range(FLUSHES):
            file.write(bytes(4096))
            file.flush()
            begun = perf_counter()
            os.fsync(file.fileno())
            times.append(1000 * (perf_counter() - begun))
    median = sorted(times)[FLUSHES // 2]
    if median < 0.02:
        return Told("flush", None, f"{median:.3f} ms", "Faster than any disk: nothing here may survive a power cut.")
    right = True if median < SLOW_MS else None
    return Told("flush", right, f"{median:.2f} ms for each commit", "A disk with a protected write cache is quicker.")


def sqlite_version() -> str:
    return sqlite3.sqlite_version
