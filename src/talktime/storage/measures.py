"""What `talktime capacity` asks a scratch database: is it empty, how large is it, what has its log taken."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect, text

from talktime.storage.database import Database, ReadTx


def tables(database: Database) -> int:
    """Of whoever made them."""

    def count(tx: ReadTx) -> int:
        return len(inspect(tx).get_table_names())

    return database.read((), count)


def stored_bytes(database: Database) -> int:
    """Of tables and indexes. Pages that are free do not count where they are used again."""
    if database.dialect == "sqlite":
        pages, free, size = (_one(database, f"PRAGMA {name}") for name in ("page_count", "freelist_count", "page_size"))
        return int((pages - free) * size)
    return int(_one(database, "SELECT pg_database_size(current_database())"))


def logged_bytes(database: Database) -> int | None:
    """What the write-ahead log has taken since ever. SQLite does not say."""
    if database.dialect == "sqlite":
        return None
    return int(_one(database, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))


def serving_process(database: Database) -> int | None:
    """The number of the process that answers, on whatever machine it runs."""
    if database.dialect == "sqlite":
        return None
    return int(_one(database, "SELECT pg_backend_pid()"))


def _one(database: Database, query: str) -> Any:
    def ask(tx: ReadTx) -> Any:
        return tx.scalar(text(query))

    return database.read((), ask)
