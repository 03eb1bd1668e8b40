"""Long work as people read it: what was asked for, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, or_, select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.job_store import JobRow

c = t.jobs.c
_COLUMNS = [t.jobs.c[name] for name in JobRow.__struct_fields__]


def page(tx: ReadTx, org_id: int, kind: str, limit: int, before: str | None) -> Sequence[JobRow]:
    """Newest first."""
    query = select(*_COLUMNS).where(c.org_id == org_id, c.kind == kind)
    if before is not None:
        query = query.where(c.job_id < before)
    return [JobRow(*row) for row in tx.execute(query.order_by(c.job_id.desc()).limit(limit))]


def everywhere(tx: ReadTx, limit: int, before: tuple[int, int, str] | None) -> Sequence[JobRow]:
    """Of all organizations, newest first."""
    query = select(*_COLUMNS)
    if before is not None:
        at, org_id, job_id = before
        same = and_(c.org_id == org_id, c.job_id < job_id)
        older = or_(c.created_at < at, and_(c.created_at == at, or_(c.org_id < org_id, same)))
        query = query.where(older)
    newest = query.order_by(c.created_at.desc(), c.org_id.desc(), c.job_id.desc())
    return [JobRow(*row) for row in tx.execute(newest.limit(limit))]
