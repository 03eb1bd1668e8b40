"""People who sign in, as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import select

from talktime.core.identities import issuer_of
from talktime.storage import credential_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.member_store import COLUMNS, MemberRow, member_row

m = t.members.c


def page(tx: ReadTx, org_id: int, limit: int, after: str | None, state: str | None = None) -> Sequence[MemberRow]:
    """In the order in which they were invited; None: in any state."""
    query = select(*COLUMNS).where(m.org_id == org_id, m.member_id > (after or ""))
    if state is not None:
        query = query.where(m.state == state)
    return [member_row(row) for row in tx.execute(query.order_by(m.member_id).limit(limit))]


class WaysIn(Struct, frozen=True):
    """How somebody proves who it is, without what proves it."""

    password_at: int | None
    second_factor_at: int | None
    issuer: str
    """Of the server whose account is linked; empty without one."""


def ways_in(tx: ReadTx, org_id: int, member_id: str) -> WaysIn:
    kept = credential_store.find(tx, org_id, member_id)
    return WaysIn(kept.password_at, kept.totp_at, issuer_of(kept.sso_subject) if kept.sso_subject else "")
