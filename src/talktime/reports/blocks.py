"""Users who were blocked and unblocked, as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, and_, select

from talktime.storage import tables as t
from talktime.storage import user_store
from talktime.storage.database import ReadTx

b, u, m = t.user_blocks.c, t.users.c, t.members.c


class BlockRow(Struct, frozen=True):
    block_id: str
    at: int
    user_id: str
    sign_in_name: str | None
    user_name: str | None
    number: str | None
    mode: str
    reason: str
    by: str
    """A member, a key, or the fraud guard."""
    by_name: str | None
    """Of a member of the organization."""


_COLUMNS = (b.block_id, b.at, b.user_id, u.sign_in_name, u.name, u.number, b.mode, b.reason, b.by, m.name)
_WITH_USERS = t.user_blocks.outerjoin(t.users, and_(u.org_id == b.org_id, u.user_id == b.user_id))
_NAMED = _WITH_USERS.outerjoin(t.members, and_(m.org_id == b.org_id, m.member_id == b.by))


def page(tx: ReadTx, org_id: int, user: str | None, limit: int, before: str | None) -> Sequence[BlockRow]:
    """Newest first. `user`: id, sign-in name or number."""
    query = _named(org_id)
    if user is not None:
        query = query.where(b.user_id == (user_store.owner_of(tx, org_id, user) or user))
    if before is not None:
        query = query.where(b.block_id < before)
    return [BlockRow(*row) for row in tx.execute(query.order_by(b.block_id.desc()).limit(limit))]


def in_order(tx: ReadTx, org_id: int, begin: int, last: int, limit: int, after: str | None) -> Sequence[BlockRow]:
    """Oldest first, from `begin` to `last`, both inclusive."""
    query = _named(org_id).where(b.at >= begin, b.at <= last)
    if after is not None:
        query = query.where(b.block_id > after)
    return [BlockRow(*row) for row in tx.execute(query.order_by(b.block_id).limit(limit))]


def _named(org_id: int) -> Select[Any]:
    return select(*_COLUMNS).select_from(_NAMED).where(b.org_id == org_id)


class Noted(Struct, frozen=True):
    """A line of whichever organization."""

    org_id: int
    row: BlockRow


def everywhere(tx: ReadTx, limit: int, before: str | None) -> Sequence[Noted]:
    """Who was blocked and unblocked, newest first. Spans organizations."""
    query = select(b.org_id, *_COLUMNS).select_from(_NAMED)
    if before is not None:
        query = query.where(b.block_id < before)
    rows = tx.execute(query.order_by(b.block_id.desc()).limit(limit))
    return [Noted(row[0], BlockRow(*row[1:])) for row in rows]


class Blocked(Struct, frozen=True):
    """Who may not call now."""

    org_id: int
    user_id: str
    name: str | None
    sign_in_name: str | None
    blocked_at: int
    reason: str | None


def in_force(tx: ReadTx, limit: int) -> Sequence[Blocked]:
    """The latest first. Spans organizations."""
    columns = (u.org_id, u.user_id, u.name, u.sign_in_name, u.blocked_at, u.block_reason)
    query = select(*columns).where(u.blocked_at.is_not(None), u.removed_at.is_(None))
    return [Blocked(*row) for row in tx.execute(query.order_by(u.blocked_at.desc()).limit(limit))]
