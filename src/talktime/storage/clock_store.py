"""The clocks that test organizations live by."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from sqlalchemy import case, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

o = t.organizations.c


class OrgClock(Struct, frozen=True):
    mode: str
    at: int | None
    """None: it runs with ours."""


def find(tx: ReadTx, org_id: int) -> OrgClock | None:
    row = tx.execute(select(o.mode, o.clock_at).where(o.org_id == org_id)).first()
    return OrgClock(row.mode, row.clock_at) if row else None


def set_to(tx: Tx, org_id: int, at: int) -> None:
    tx.execute(update(t.organizations).where(o.org_id == org_id).values(clock_at=at))


def not_before(tx: Tx, org_id: int, at: int) -> None:
    """On the way to another instant: what was due long ago does not turn it back."""
    later = case((o.clock_at >= at, o.clock_at), else_=at)
    tx.execute(update(t.organizations).where(o.org_id == org_id).values(clock_at=later))


def standing(tx: ReadTx, org_ids: Iterable[int]) -> dict[int, int]:
    """The organizations whose clock stands, and where."""
    found = select(o.org_id, o.clock_at).where(o.org_id.in_(sorted(set(org_ids))), o.clock_at.is_not(None))
    return {row.org_id: row.clock_at for row in tx.execute(found)}
