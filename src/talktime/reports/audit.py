"""The audit log as people read it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.audit_store import AuditRow
from talktime.storage.database import ReadTx

c = t.audit.c
_COLUMNS = [t.audit.c[name] for name in AuditRow.__struct_fields__]


def page(tx: ReadTx, org_id: int, limit: int, before: str | None) -> Sequence[AuditRow]:
    """Newest first."""
    query = select(*_COLUMNS).where(c.org_id == org_id)
    if before is not None:
        query = query.where(c.audit_id < before)
    return [AuditRow(*row) for row in tx.execute(query.order_by(c.audit_id.desc()).limit(limit))]
