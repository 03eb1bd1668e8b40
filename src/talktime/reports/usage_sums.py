"""Sums over usage: added up where the rows are, and only then sorted into people's days and hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, case, distinct, func, select

from talktime.core.call_types import OWN_CARRIER
from talktime.core.countries import english_name
from talktime.core.ids import uuid7
from talktime.core.time import MINUTE, SECOND, moment
from talktime.core.usage import Payer
from talktime.storage import tables as t
from talktime.storage.database import ReadTx

c, u = t.usage.c, t.users.c
QUARTER = 15 * MINUTE
"""All time zones are whole quarters of an hour from UTC."""
SPENT_BY = (Payer.CREDITS.value, Payer.POSTPAID.value)


class By(StrEnum):
    DAY = "day"
    HOUR = "hour"
    """Of the day."""
    WEEKDAY_HOUR = "weekday_hour"
    """ISO weekday and hour, such as 1-08 for Monday from eight to nine."""
    USER = "user"
    DESTINATION = "destination"
    CALL_TYPE = "call_type"
    PAYER = "payer"


class Sums(Struct, frozen=True):
    """`charge` is in micros."""

    key: str
    label: str
    calls: int
    minutes: int
    charge: int


_LABELS: Mapping[By, str] = {By.DAY: "%Y-%m-%d", By.HOUR: "%H", By.WEEKDAY_HOUR: "%u-%H"}
_COLUMNS: Mapping[By, ColumnElement[Any]] = {
    By.USER: c.user_id,
    By.DESTINATION: c.destination,
    By.CALL_TYPE: c.call_type,
    By.PAYER: c.payer,
}


def sums(tx: ReadTx, org_id: int, by: By, begin: int, end: int, zone: str) -> Sequence[Sums]:
    """By time in its order, else the dearest first."""
    if by in _LABELS:
        return _by_time(_quarters(tx, org_id, begin, end), _LABELS[by], zone)
    rows = tx.execute(_by(org_id, by, begin, end))
    found = [Sums(*_named(by, key, name), *map(int, rest)) for key, name, *rest in rows]
    return sorted(found, key=lambda one: (-one.charge, -one.minutes, one.key))


def total(tx: ReadTx, org_id: int, begin: int, end: int) -> Sums:
    everything: Any = select(*_sums(_calls()))
    row = tx.execute(_within(everything, org_id, begin, end)).one()
    return Sums("", "", *map(int, row))


def spent_by_day(tx: ReadTx, org_id: int, begin: int, end: int, zone: str) -> Mapping[str, int]:
    """What calls have cost, by days of the zone on which they began."""
    spent = _quarters(tx, org_id, begin, end, c.payer.in_(SPENT_BY))
    return {one.key: one.charge for one in _by_time(spent, _LABELS[By.DAY], zone)}


def _by(org_id: int, by: By, begin: int, end: int) -> Select[Any]:
    column = _COLUMNS[by]
    query = select(column, func.max(u.name) if by is By.USER else column, *_sums(_calls()))
    if by is By.USER:
        query = query.select_from(t.usage.outerjoin(t.users, and_(u.org_id == c.org_id, u.user_id == c.user_id)))
    return _within(query, org_id, begin, end).group_by(column)


def _named(by: By, key: str | None, name: str | None) -> tuple[str, str]:
    return key or "", english_name(key or "") if by is By.DESTINATION else name or key or ""


def _quarters(
    tx: ReadTx, org_id: int, begin: int, end: int, *also: ColumnElement[bool]
) -> Iterator[tuple[int, int, int, int]]:
    """Number of the quarter of an hour, calls, minutes and charge. A split call counts once, where it began."""
    quarter = c.started_at // QUARTER
    began = func.sum(case((c.part == 0, 1), else_=0))
    query = _within(select(quarter, *_sums(began)), org_id, begin, end).where(*also).group_by(quarter)
    for row in tx.execute(query):
        number, calls, minutes, charge = map(int, row)
        yield number, calls, minutes, charge


def _by_time(quarters: Iterator[tuple[int, int, int, int]], label: str, zone: str) -> Sequence[Sums]:
    there = ZoneInfo(zone)
    added: dict[str, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for number, calls, minutes, charge in quarters:
        key = moment(number * QUARTER).astimezone(there).strftime(label)
        before = added[key]
        added[key] = (before[0] + calls, before[1] + minutes, before[2] + charge)
    return [Sums(key, key, *added[key]) for key in sorted(added)]


def _calls() -> ColumnElement[int]:
    return func.count(distinct(c.call_id))


def _sums(calls: ColumnElement[int]) -> tuple[ColumnElement[int], ...]:
    return calls, func.coalesce(func.sum(c.minutes), 0), func.coalesce(func.sum(c.charge_micros), 0)


def _within(query: Select[Any], org_id: int, begin: int, end: int) -> Select[Any]:
    """Ids begin with the time, to the millisecond: they are the index."""
    ids = (c.usage_id >= uuid7(max(begin, 0), 0), c.usage_id < uuid7(max(end, 0) + SECOND, 0))
    carriers = c.call_type.not_in(sorted(OWN_CARRIER))
    return query.where(c.org_id == org_id, *ids, c.started_at >= begin, c.started_at < end, carriers)
