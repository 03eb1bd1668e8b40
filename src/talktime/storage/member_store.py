"""People who sign in."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import select

from talktime.core.notices import Member
from talktime.storage import tables as t
from talktime.storage.database import ReadTx

m = t.members.c


def members(tx: ReadTx, org_id: int) -> Sequence[Member]:
    """All that there ever were; `state` says who still is."""
    query = select(m.member_id, m.name, m.email, m.roles, m.language, m.state).where(m.org_id == org_id)
    rows = tx.execute(query.order_by(m.member_id))
    return [
        Member(member_id, name, email, msgspec.json.decode(roles, type=tuple[str, ...]), language, state)
        for member_id, name, email, roles, language, state in rows
    ]
