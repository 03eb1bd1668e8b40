"""The audit log as people read it."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from msgspec import Struct
from sqlalchemy import or_, select

from talktime.core.ids import uuid7
from talktime.storage import tables as t
from talktime.storage.audit_store import AuditRow
from talktime.storage.database import ReadTx

c = t.audit.c
_COLUMNS = [t.audit.c[name] for name in AuditRow.__struct_fields__]


class Wanted(Struct, frozen=True):
    """Which lines somebody looks for; nothing: all."""

    begins: tuple[str, ...] = ()
    """How the name of the action begins."""
    actor: str = ""
    since: int | None = None
    until: int | None = None


def search(tx: ReadTx, org_id: int, wanted: Wanted, limit: int, before: str | None) -> Sequence[AuditRow]:
    """Newest first."""
    query = select(*_COLUMNS).where(c.org_id == org_id)
    if wanted.begins:
        query = query.where(or_(*(c.action.startswith(begin, autoescape=True) for begin in wanted.begins)))
    if wanted.actor:
        query = query.where(c.actor == wanted.actor)
    if wanted.since is not None:
        query = query.where(c.audit_id >= _first(wanted.since))
    if wanted.until is not None:
        query = query.where(c.audit_id < _first(wanted.until))
    if before is not None:
        query = query.where(c.audit_id < before)
    return [AuditRow(*row) for row in tx.execute(query.order_by(c.audit_id.desc()).limit(limit))]


def _first(at: int) -> str:
    """No line from this instant on has a smaller id."""
    return f"aud_{uuid7(at, 0)}"


def page(tx: ReadTx, org_id: int, limit: int, before: str | None) -> Sequence[AuditRow]:
    """Newest first."""
    query = select(*_COLUMNS).where(c.org_id == org_id)
    if before is not None:
        query = query.where(c.audit_id < before)
    return [AuditRow(*row) for row in tx.execute(query.order_by(c.audit_id.desc()).limit(limit))]


def in_order(tx: ReadTx, org_id: int, since: int | None, until: int | None) -> Generator[AuditRow, None, None]:
    """Oldest first, read as it is needed."""
    query = select(*_COLUMNS).where(c.org_id == org_id)
    if since is not None:
        query = query.where(c.audit_id >= _first(since))
    if until is not None:
        query = query.where(c.audit_id < _first(until))
    with tx.execute(
        query.order_by(c.audit_id), execution_options={"stream_results": True, "yield_per": 1_000}
    ) as found:
        for row in found:
            yield AuditRow(*row)
