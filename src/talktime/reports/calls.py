"""Calls as people read them. What switches do with them is the engine's."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from talktime.core.calls import Call
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.store import decode_call

c, h = t.calls.c, t.hang_ups.c


def find(tx: ReadTx, org_id: int, call_id: str) -> Call | None:
    story = tx.scalar(select(c.story).where(c.org_id == org_id, c.call_id == call_id))
    return decode_call(story) if story else None


def newest(tx: ReadTx, org_id: int, limit: int, before: tuple[int, str] | None, only_open: bool) -> Sequence[Call]:
    """Newest first, from one page to the next by when they began."""
    # Those in progress are few and have an index of their own; `+ 0` keeps the one over all calls out of it.
    when = c.opened_at + 0 if only_open else c.opened_at
    query = select(c.story).where(c.org_id == org_id)
    if only_open:
        query = query.where(c.due_at.is_not(None))
    if before is not None:
        at, call_id = before
        query = query.where(when <= at, (when < at) | (c.call_id < call_id))
    stories = tx.scalars(query.order_by(when.desc(), c.call_id.desc()).limit(limit))
    return [decode_call(story) for story in stories]


def count_running(tx: ReadTx, org_id: int) -> int:
    return int(tx.scalar(select(func.count()).where(c.org_id == org_id, c.due_at.is_not(None))) or 0)


def asked_to_hang_up(tx: ReadTx, org_id: int, call_ids: Sequence[str]) -> frozenset[str]:
    """Those of them that somebody wants ended."""
    return frozenset(tx.scalars(select(h.call_id).where(h.org_id == org_id, h.call_id.in_(call_ids))))
