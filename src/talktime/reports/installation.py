"""The installation as its operator reads it: what is in the database, and how it is."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import Select, func, select, text

from talktime.storage import call_store, switch_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.delivery_store import PARKED, WAITING
from talktime.storage.schema import NEWEST


class Silent(Struct, frozen=True):
    """A switch that was heard of, and is not."""

    org_id: int
    name: str


class Figures(Struct, frozen=True):
    database: str
    """sqlite or postgresql."""
    schema: str
    newest_schema: str
    bytes: int
    organizations: int
    entries: int
    open_calls: int
    mails_waiting: int
    parked: int
    """Deliveries that did not arrive."""


def figures(tx: ReadTx) -> Figures:
    """Spans organizations."""
    d = t.deliveries.c
    return Figures(
        database=tx.dialect.name,
        schema=str(tx.scalar(text("SELECT version_num FROM alembic_version"))),
        newest_schema=NEWEST,
        bytes=_bytes(tx),
        organizations=_count(tx, select(func.count()).select_from(t.organizations)),
        entries=_count(tx, select(func.coalesce(func.sum(t.accounts.c.last_entry_no), 0))),
        open_calls=call_store.count_open(tx),
        mails_waiting=_count(tx, select(func.count()).select_from(t.deliveries).where(d.state == WAITING)),
        parked=_count(tx, select(func.count()).select_from(t.deliveries).where(d.state == PARKED)),
    )


def silent_switches(tx: ReadTx, since: int) -> list[Silent]:
    """Not heard of since then. Spans organizations."""
    return [Silent(org_id, name) for org_id, name in switch_store.silent(tx, since)]


def _bytes(tx: ReadTx) -> int:
    if tx.dialect.name == "postgresql":
        return int(tx.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    pages, size = tx.scalar(text("PRAGMA page_count")), tx.scalar(text("PRAGMA page_size"))
    return int(pages or 0) * int(size or 0)


def _count(tx: ReadTx, query: Select[Any]) -> int:
    return int(tx.scalar(query) or 0)
