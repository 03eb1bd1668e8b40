"""The audit log: who changed what, from what to what. It is only added to."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.audit.c


class AuditRow(Struct, frozen=True):
    audit_id: str
    audit_no: int
    at: int
    actor: str
    action: str
    object: str
    old: str | None
    new: str | None


def next_no(tx: Tx, org_id: int) -> int:
    """Without gaps, and nobody else gets one until this transaction ends. The operator has an account for it, too."""
    a = t.accounts.c
    raised = update(t.accounts).where(a.org_id == org_id).values(last_audit_no=a.last_audit_no + 1)
    return int(tx.execute(raised.returning(a.last_audit_no)).scalar_one())


def last_no(tx: ReadTx, org_id: int) -> int:
    return tx.scalar(select(t.accounts.c.last_audit_no).where(t.accounts.c.org_id == org_id)) or 0


def last_at(tx: ReadTx, org_id: int) -> int:
    newest = select(c.at).where(c.org_id == org_id).order_by(c.audit_id.desc()).limit(1)
    return int(tx.scalar(newest) or 0)


def add(tx: Tx, org_id: int, row: AuditRow) -> None:
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    tx.execute(insert(t.audit), values | {"org_id": org_id})
