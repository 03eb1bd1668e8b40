"""Calls in progress: which of them something has to happen to, and how new the newest of all is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select

from talktime.core.calls import Call
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.store import decode_call

c, o, u, h = t.calls.c, t.organizations.c, t.users.c, t.hang_ups.c


def open_of_switch(tx: ReadTx, switch: str, org_id: int | None = None) -> Sequence[Call]:
    """Those in progress; of an operator's switch those of all organizations."""
    query = select(c.story).where(c.due_at.is_not(None), c.switch == switch)
    if org_id is not None:
        query = query.where(c.org_id == org_id)
    return [decode_call(story) for story in tx.scalars(query)]


def in_progress(tx: ReadTx, org_id: int) -> Sequence[Call]:
    query = select(c.story).where(c.org_id == org_id, c.due_at.is_not(None))
    return [decode_call(story) for story in tx.scalars(query)]


def newest_at(tx: ReadTx, org_id: int) -> int:
    newest = select(c.opened_at).where(c.org_id == org_id).order_by(c.opened_at.desc()).limit(1)
    return tx.scalar(newest) or 0


def to_hang_up(tx: ReadTx, switch: str, org_id: int | None = None) -> Sequence[str]:
    """Calls in progress that must end: their organization is closed, who makes them is blocked, or somebody asked."""
    query = select(c.call_id).join(t.organizations, o.org_id == c.org_id)
    query = query.outerjoin(t.users, and_(u.org_id == c.org_id, u.user_id == c.caller))
    query = query.outerjoin(t.hang_ups, and_(h.org_id == c.org_id, h.call_id == c.call_id))
    ends = or_(o.state == "closed", u.blocked_at.is_not(None), h.asked_at.is_not(None))
    query = query.where(c.due_at.is_not(None), c.switch == switch, c.emergency.is_(False), ends)
    if org_id is not None:
        query = query.where(c.org_id == org_id, o.org_id == org_id)
    return tx.scalars(query.order_by(c.call_id)).all()


def open_emergency(tx: ReadTx, org_id: int, call_id: str) -> bool | None:
    """Whether this call in progress is an emergency; None: it is not in progress."""
    return tx.scalar(select(c.emergency).where(c.org_id == org_id, c.call_id == call_id, c.due_at.is_not(None)))


def open_by_switch(
    tx: ReadTx, org_id: int, caller: str | None = None, call_id: str | None = None
) -> Sequence[tuple[str, str]]:
    """Switch and call of those in progress: all, those of one who calls, or one alone; none is an emergency."""
    query = select(c.switch, c.call_id).where(c.org_id == org_id, c.due_at.is_not(None), c.switch.is_not(None))
    if caller is not None:
        query = query.where(c.caller == caller)
    if call_id is not None:
        query = query.where(c.call_id == call_id)
    return [(switch, call_id) for switch, call_id in tx.execute(query.where(c.emergency.is_(False)))]


def count_open(tx: ReadTx) -> int:
    """Of all organizations."""
    return tx.scalar(select(func.count()).select_from(t.calls).where(c.due_at.is_not(None))) or 0


def due(tx: ReadTx, now: int, limit: int) -> Sequence[tuple[int, str, int]]:
    """Organization, call, instant: holds whose time is over. A clock that stands waits for it."""
    live = select(c.org_id, c.call_id, c.due_at).join(t.organizations, o.org_id == c.org_id)
    found = live.where(c.due_at <= now, o.clock_at.is_(None)).order_by(c.due_at).limit(limit)
    return [(org_id, call_id, due_at) for org_id, call_id, due_at in tx.execute(found)]


def next_due(tx: ReadTx, org_id: int, until: int) -> tuple[str, int] | None:
    """The first hold of an organization that dies until then."""
    mine = select(c.call_id, c.due_at).where(c.org_id == org_id, c.due_at <= until)
    row = tx.execute(mine.order_by(c.due_at, c.call_id).limit(1)).first()
    return (row.call_id, row.due_at) if row else None
