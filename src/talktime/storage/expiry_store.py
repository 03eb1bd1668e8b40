"""Lots whose end has come."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx

lot = t.lots.c
_has_free_money = (lot.state == "open", lot.posted_micros > lot.held_micros)


def expiring(tx: ReadTx, now: int, limit: int) -> Sequence[int]:
    """Organizations with money that has expired. A test organization with a clock of its own waits for it."""
    o = t.organizations.c
    found = select(lot.org_id).join(t.organizations, o.org_id == lot.org_id)
    found = found.where(lot.expires_at <= now, o.clock_at.is_(None), *_has_free_money)
    return tx.scalars(found.distinct().order_by(lot.org_id).limit(limit)).all()


def next_expiry(tx: ReadTx, org_id: int, until: int) -> int | None:
    """When the first of an organization's lots expires, if that is by then."""
    ends = select(func.min(lot.expires_at)).where(lot.org_id == org_id, lot.expires_at <= until, *_has_free_money)
    at: int | None = tx.scalar(ends)
    return at
