"""The installation as its operator reads it: what is in the database, and how it is."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Select, and_, func, or_, select, text

from talktime.storage import call_store, job_store, switch_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.delivery_store import EMAIL, PARKED, WAITING, WEBHOOK
from talktime.storage.schema import NEWEST

EXPORT, SCHEDULED = "export", "scheduled"
"""Kinds of long work."""


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


class Queue(Struct, frozen=True):
    """Due work of one kind: how much there is, and since when the oldest of it is due."""

    name: str
    waiting: int
    since: int | None


def queues(tx: ReadTx, now: int) -> list[Queue]:
    """Spans organizations."""
    c, d, j, n, p = t.calls.c, t.deliveries.c, t.jobs.c, t.notices.c, t.payments.c
    waiting: dict[str, tuple[Column[int], ColumnElement[bool]]] = {
        "calls": (c.due_at, c.due_at <= now),
        "payments": (p.due_at, p.due_at <= now),
        "notices": (n.at, n.told_at.is_(None)),
        "mails": (d.due_at, and_(d.due_at.is_not(None), d.channel == EMAIL)),
        "webhooks": (d.due_at, and_(d.due_at.is_not(None), d.channel == WEBHOOK)),
        "exports": (j.created_at, and_(j.kind == EXPORT, j.state.in_((job_store.WAITING, job_store.RUNNING)))),
    }
    return [Queue(name, *_oldest(tx, at, condition)) for name, (at, condition) in waiting.items()]


def _oldest(tx: ReadTx, at: Column[int], condition: ColumnElement[bool]) -> tuple[int, int | None]:
    row = tx.execute(select(func.count(), func.min(at)).where(condition)).one()
    return row[0], row[1]


class Failing(Struct, frozen=True):
    """Regular work that does not come to a good end."""

    name: str
    error: str
    since: int


def failing(tx: ReadTx) -> list[Failing]:
    """By what the schedule says of it."""
    j = t.jobs.c
    rows = tx.execute(
        select(j.job_id, j.error, j.ended_at).where(j.org_id == t.OPERATOR, j.kind == SCHEDULED, j.error.is_not(None))
    )
    return [Failing(row.job_id.removeprefix("job_").replace("_", " "), row.error, row.ended_at) for row in rows]


class Worked(Struct, frozen=True):
    """When somebody did regular work; None where nobody ever has."""

    begun_at: int | None
    last_at: int | None
    overdue_since: int | None
    """When what nobody is doing was due first."""


def worked(tx: ReadTx, now: int) -> Worked:
    """By whichever machine."""
    j = t.jobs.c
    is_free = or_(j.claimed_until.is_(None), j.claimed_until <= now)
    asked = select(func.min(j.created_at), func.max(j.ended_at), func.min(j.due_at).filter(is_free))
    return Worked(*tx.execute(asked.where(j.org_id == t.OPERATOR, j.kind == SCHEDULED)).one())


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
