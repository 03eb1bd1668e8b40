"""What people are to be reminded of, and were not yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, cast, func, literal, or_, select

from talktime.core.ids import uuid7
from talktime.core.ledger import EntryKind
from talktime.storage import tables as t
from talktime.storage.database import ReadTx

lot, n, e = t.lots.c, t.notices.c, t.entries.c


class EndingLot(Struct, frozen=True):
    lot_id: str
    posted_micros: int
    expires_at: int


def next_ending(tx: ReadTx, org_id: int, days: int, ends_after: int, ends_by: int) -> EndingLot | None:
    """The first paid lot with money left that ends in between, unless somebody was told so many days before."""
    query = select(lot.lot_id, lot.posted_micros, lot.expires_at).where(lot.org_id == org_id)
    query = query.where(lot.expires_at > ends_after, lot.expires_at <= ends_by, *_of_interest(days))
    query = query.order_by(lot.expires_at, lot.lot_id)
    row = tx.execute(query.limit(1)).first()
    return EndingLot(*row) if row else None


def with_ending_lots(tx: ReadTx, days: int, now: int, least: int, most: int, limit: int) -> Sequence[int]:
    """With lots that end so soon, in micros from now. Spans organizations."""
    o = t.organizations.c
    here = func.coalesce(o.clock_at, now)
    query = select(lot.org_id).join(t.organizations, o.org_id == lot.org_id)
    query = query.where(lot.expires_at > here + least, lot.expires_at <= here + most, *_of_interest(days))
    return tx.scalars(query.distinct().order_by(lot.org_id).limit(limit)).all()


def _of_interest(days: int) -> tuple[Any, ...]:
    once = literal("lot_expiring:") + lot.lot_id + literal(f":{days}")
    told = select(n.notice_id).where(n.org_id == lot.org_id, n.once == once).exists()
    return lot.kind == "paid", lot.state == "open", lot.posted_micros > 0, ~told


def is_told(tx: ReadTx, org_id: int, once: str) -> bool:
    return tx.scalar(select(n.notice_id).where(n.org_id == org_id, n.once == once)) is not None


def spent_between(tx: ReadTx, org_id: int, since: int, until: int) -> int:
    """On calls. Ids of entries sort like their time."""
    charged = (e.entry_id >= uuid7(since, 0), e.at >= since, e.at < until, e.kind == EntryKind.CHARGE.value)
    total = select(cast(func.coalesce(func.sum(e.amount_micros), 0), BigInteger))
    return -int(tx.scalar(total.where(e.org_id == org_id, *charged)) or 0)


def watching(tx: ReadTx, after: int, limit: int) -> Sequence[int]:
    """Who wants to hear of his spending. Spans organizations."""
    a = t.alerts.c
    set_up = or_(a.settings.not_like('%"spend_per_day":null%'), a.settings.not_like('%"spend_per_month":null%'))
    return tx.scalars(select(a.org_id).where(set_up, a.org_id > after).order_by(a.org_id).limit(limit)).all()
