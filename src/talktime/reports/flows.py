"""What came and went, without adding up every call: each entry knows its number and the balance after it, so what lies
between two of them is their difference. There may be millions of charges; everything else is rare and has an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import ColumnElement, func, select, text

from talktime.core.ids import uuid7
from talktime.core.ledger import EntryKind
from talktime.core.time import instant, moment
from talktime.storage import tables as t
from talktime.storage.database import ReadTx

e = t.entries.c
BESIDES_CALLS = text("kind <> 'charge'")
"""In these very words, so that the databases see that the index of just these fits."""
CHARGE = EntryKind.CHARGE.value
NEWEST = "~"
"""After every id."""
GROUPS: dict[str, tuple[EntryKind, ...]] = {
    "top-ups": (EntryKind.TOP_UP, EntryKind.RECHARGE, EntryKind.GRANT, EntryKind.REFUND, EntryKind.DISPUTE),
    "expired": (EntryKind.EXPIRY,),
    "adjustments": (EntryKind.ADJUSTMENT, EntryKind.REVERSAL),
}


class Line(Struct, frozen=True):
    """One movement, or the charges of a day between two others: then `count` says how many, and `since` from when."""

    entry_id: str
    kind: str
    key: str
    note: str
    at: int
    since: int
    amount: int
    balance_after: int
    count: int = 1


class _Point(Struct, frozen=True):
    entry_id: str
    entry_no: int
    key: str
    kind: str
    at: int
    amount: int
    balance: int
    note: str


_COLUMNS = (e.entry_id, e.entry_no, e.entry_key, e.kind, e.at, e.amount_micros, e.balance_after, e.note)
_NOTHING = _Point("", 0, "", "", 0, 0, 0, "")


def id_from(at: int) -> str:
    """No entry from this instant on has a smaller one."""
    return uuid7(at, 0)


def midnight(day: date, zone: str) -> int:
    return instant(datetime.combine(day, time(), ZoneInfo(zone)))


def local_day(at: int, zone: str) -> date:
    return moment(at).astimezone(ZoneInfo(zone)).date()


# ---------------------------------------------------------------- sums


def charged_between(tx: ReadTx, org_id: int, begin: str, end: str = NEWEST) -> int:
    """What calls have cost, from one id to before another."""
    fell = _last(tx, org_id, begin).balance - _last(tx, org_id, end).balance
    within = (e.org_id == org_id, BESIDES_CALLS, e.entry_id >= begin, e.entry_id < end)
    return fell + int(tx.scalar(select(func.coalesce(func.sum(e.amount_micros), 0)).where(*within)) or 0)


def charged_by_day(tx: ReadTx, org_id: int, zone: str, first: date, last: date) -> list[tuple[date, int]]:
    """Days of the organization's zone, oldest first."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    begins = [id_from(midnight(day, zone)) for day in (*days, last + timedelta(days=1))]
    balances = [_last(tx, org_id, begin).balance for begin in begins]
    others = _others_by_day(tx, org_id, zone, begins[0], begins[-1])
    return [(day, balances[place] - balances[place + 1] + others.get(day, 0)) for place, day in enumerate(days)]


def _others_by_day(tx: ReadTx, org_id: int, zone: str, begin: str, end: str) -> dict[date, int]:
    query = select(e.at, e.amount_micros).where(
        e.org_id == org_id, BESIDES_CALLS, e.entry_id >= begin, e.entry_id < end
    )
    found: dict[date, int] = {}
    for at, amount in tx.execute(query):
        day = local_day(at, zone)
        found[day] = found.get(day, 0) + amount
    return found


def _last(tx: ReadTx, org_id: int, before: str) -> _Point:
    query = select(*_COLUMNS).where(e.org_id == org_id, e.entry_id < before).order_by(e.entry_id.desc()).limit(1)
    row = tx.execute(query).first()
    return _Point(*row) if row else _NOTHING


# ---------------------------------------------------------------- the list


def folded(
    tx: ReadTx, org_id: int, zone: str, limit: int, before: str | None, since: str = ""
) -> tuple[list[Line], str | None]:
    """All that moved the balance, newest first, and where the next page begins. Every balance follows from the one
    below it."""
    upper = before or NEWEST
    others = _moved(tx, org_id, upper, limit, since)
    lines: list[Line] = []
    while (top := _last(tx, org_id, upper)).entry_id > since:
        if len(lines) == limit:
            return lines, upper
        other = others[0] if others else None
        if other and top.entry_id == other.entry_id:
            lines.append(_line(others.pop(0)))
            upper = other.entry_id
        else:
            begin = max(id_from(midnight(local_day(top.at, zone), zone)), since)
            upper = max(begin, other.entry_id + NEWEST if other else "")
            lines += _charges(top, _last(tx, org_id, upper), zone)
    return lines, None


def _charges(top: _Point, below: _Point, zone: str) -> list[Line]:
    """Entries that moved nothing make no line."""
    amount = top.balance - below.balance
    if not amount:
        return []
    count = top.entry_no - below.entry_no
    since = max(below.at, midnight(local_day(top.at, zone), zone))
    return [Line(top.entry_id, CHARGE, "", "", top.at, since, amount, top.balance, count)]


def _line(point: _Point) -> Line:
    values = (point.entry_id, point.kind, point.key, point.note, point.at, point.at)
    return Line(*values, point.amount, point.balance)


def _moved(tx: ReadTx, org_id: int, before: str, limit: int, since: str) -> list[_Point]:
    return _points(tx, org_id, before, limit, since, BESIDES_CALLS)


def of_kinds(
    tx: ReadTx, org_id: int, group: str, limit: int, before: str | None, since: str = ""
) -> tuple[list[Line], str | None]:
    """Movements of a group, each by itself."""
    kinds = e.kind.in_([kind.value for kind in GROUPS[group]])
    points = _points(tx, org_id, before or NEWEST, limit + 1, since, BESIDES_CALLS, kinds)
    return _page(points, limit)


def charges(tx: ReadTx, org_id: int, limit: int, before: str | None, since: str = "") -> tuple[list[Line], str | None]:
    """Calls, each by itself."""
    return _page(_points(tx, org_id, before or NEWEST, limit + 1, since, e.kind == CHARGE), limit)


def _page(points: Sequence[_Point], limit: int) -> tuple[list[Line], str | None]:
    following = points[limit - 1].entry_id if len(points) > limit else None
    return [_line(point) for point in points[:limit]], following


def _points(tx: ReadTx, org_id: int, before: str, limit: int, since: str, *conditions: Any) -> list[_Point]:
    within: tuple[ColumnElement[bool], ...] = (e.org_id == org_id, e.entry_id < before, e.entry_id >= since)
    query = select(*_COLUMNS).where(*within, e.amount_micros != 0, *conditions)
    return [_Point(*row) for row in tx.execute(query.order_by(e.entry_id.desc()).limit(limit))]
