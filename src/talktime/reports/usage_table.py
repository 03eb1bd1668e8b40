"""Usage of a time in one reading: small cells that are added up by day, hour, kind or payer afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, select

from talktime.core.call_types import OWN_CARRIER
from talktime.core.ids import uuid7
from talktime.core.time import DAY, MINUTE, SECOND, moment
from talktime.core.usage import NumberType, Payer
from talktime.storage import tables as t
from talktime.storage.database import ReadTx

c, u = t.usage.c, t.users.c
HOUR, QUARTER = 60 * MINUTE, 15 * MINUTE
_BEGUN = func.sum(case((c.part == 0, 1), else_=0))
_MINUTES = func.coalesce(func.sum(c.minutes), 0)
_FROM_POOLS = func.coalesce(func.sum(case((c.payer == Payer.POOL.value, c.minutes), else_=0)), 0)
_CHARGE = func.coalesce(func.sum(c.charge_micros), 0)


class Cell(NamedTuple):
    """What calls of one kind that one payer paid came to, in a part of an hour. A split call has begun once."""

    at: int
    call_type: str
    toll_free: bool
    payer: str
    calls: int
    rows: int
    minutes: int
    charge: int


class Sum(NamedTuple):
    key: str
    label: str
    calls: int
    minutes: int
    pool_minutes: int
    charge: int


def cells(tx: ReadTx, org_id: int, begin: int, end: int, zone: str) -> Sequence[Cell]:
    step = _step(begin, end, zone)
    place, free = c.started_at // step, case((c.number_type == NumberType.TOLL_FREE.value, 1), else_=0)
    query = select(place, c.call_type, free, c.payer, _BEGUN, func.count(), _MINUTES, _CHARGE)
    rows = tx.execute(query.where(*_within(org_id, begin, end)).group_by(place, c.call_type, free, c.payer))
    return [_cell(step, *row) for row in rows]


def _cell(step: int, place: int, call_type: str, toll_free: int, payer: str, *sums: Any) -> Cell:
    return Cell(int(place) * step, call_type, bool(toll_free), payer, *map(int, sums))


def _step(begin: int, end: int, zone: str) -> int:
    """Whole hours are enough where the zone is whole hours from UTC all the time."""
    there = ZoneInfo(zone)
    looked_at = range(begin, end + 30 * DAY, 30 * DAY)
    offsets = [moment(at).astimezone(there).utcoffset() or timedelta() for at in looked_at]
    return HOUR if all(offset % timedelta(hours=1) == timedelta() for offset in offsets) else QUARTER


def total(tx: ReadTx, org_id: int, begin: int, end: int) -> Sum:
    everything: Any = select(func.coalesce(_BEGUN, 0), _MINUTES, _FROM_POOLS, _CHARGE)
    return Sum("", "", *map(int, tx.execute(everything.where(*_within(org_id, begin, end))).one()))


def by_destination(tx: ReadTx, org_id: int, begin: int, end: int) -> Sequence[Sum]:
    """The dearest first; labels are left to whoever knows the reader's language."""
    query = select(c.destination, c.destination, _BEGUN, _MINUTES, _FROM_POOLS, _CHARGE)
    return _sorted(tx.execute(query.where(*_within(org_id, begin, end)).group_by(c.destination)))


def by_user(tx: ReadTx, org_id: int, begin: int, end: int) -> Sequence[Sum]:
    named = t.usage.outerjoin(t.users, and_(u.org_id == c.org_id, u.user_id == c.user_id))
    query = select(c.user_id, func.max(u.name), _BEGUN, _MINUTES, _FROM_POOLS, _CHARGE).select_from(named)
    return _sorted(tx.execute(query.where(*_within(org_id, begin, end)).group_by(c.user_id)))


def _sorted(rows: Any) -> list[Sum]:
    found = [Sum(key or "", name or "", *map(int, sums)) for key, name, *sums in rows]
    return sorted(found, key=lambda one: (-one.charge, -one.minutes, one.label))


def _within(org_id: int, begin: int, end: int) -> tuple[Any, ...]:
    """Ids begin with the time, to the millisecond: they are the index."""
    ids = (c.usage_id >= uuid7(max(begin, 0), 0), c.usage_id < uuid7(max(end, 0) + SECOND, 0))
    carriers = c.call_type.not_in(sorted(OWN_CARRIER))
    return (c.org_id == org_id, *ids, c.started_at >= begin, c.started_at < end, carriers)
