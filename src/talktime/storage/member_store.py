"""People who sign in: of an organization, and under the operator's number his own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import insert, select, update

from talktime.core.notices import Member
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

m = t.members.c
INVITED, ACTIVE, REMOVED = "invited", "active", "removed"


class MemberRow(Member, frozen=True):
    created_at: int
    removed_at: int | None = None
    sessions_since: int | None = None
    """Sessions that began before are over."""

    @property
    def is_there(self) -> bool:
        return self.state != REMOVED


COLUMNS = [t.members.c[name] for name in MemberRow.__struct_fields__]


def member_row(row: Any) -> MemberRow:
    values = row._asdict() | {"roles": msgspec.json.decode(row.roles, type=tuple[str, ...])}
    return MemberRow(**values)


def find(tx: ReadTx, org_id: int, member_id: str) -> MemberRow | None:
    row = tx.execute(select(*COLUMNS).where(m.org_id == org_id, m.member_id == member_id)).first()
    return member_row(row) if row else None


def members(tx: ReadTx, org_id: int) -> Sequence[MemberRow]:
    """All that there ever were; `state` says who still is."""
    rows = tx.execute(select(*COLUMNS).where(m.org_id == org_id).order_by(m.member_id))
    return [member_row(row) for row in rows]


def add(tx: Tx, org_id: int, made: MemberRow) -> None:
    tx.execute(insert(t.members), _values(made) | {"org_id": org_id})


def change(tx: Tx, org_id: int, changed: MemberRow) -> None:
    this = (m.org_id == org_id, m.member_id == changed.member_id)
    tx.execute(update(t.members).where(*this).values(_values(changed)))


def _values(member: MemberRow) -> dict[str, Any]:
    values = {name: getattr(member, name) for name in member.__struct_fields__}
    return values | {"roles": msgspec.json.encode(member.roles).decode()}
