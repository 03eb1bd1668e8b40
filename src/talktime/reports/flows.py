"""What came and went, without adding up every call: each entry knows its number and the balance after it, so what lies
between two of them is their difference. There may be millions of charges; everything else is rare and has an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from msgspec import Struct
from sqlalchemy import column, select, text

from talktime.core.ids import uuid7
from talktime.core.ledger import EntryKind
from talktime.core.months import local_day, midnight
from talktime.storage import tables as t
from talktime.storage.database import ReadTx

e = t.entries.c
BESIDES_CALLS = text("kind <> 'charge'")
"""In these very words, so that the databases see that the index of just these fits."""
_INDEXED = text("entries INDEXED BY entries_besides_calls")
"""Left to itself SQLite takes the key, and looks at every call."""
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
# Without their table, which stands in the statement as words.
_BARE = {one.name: column(one.name, one.type) for one in (*_COLUMNS, e.org_id)}
_NOTHING = _Point("", 0, "", "", 0, 0, 0, "")


def id_from(at: int) -> str:
    """No entry from this instant on has a smaller one."""
    return uuid7(at, 0)


# ---------------------------------------------------------------- sums


def charged_between(tx: ReadTx, org_id: int, begin: str, end: str = NEWEST) -> int:
    """What calls have cost, from one id to before another."""
    fell = _last(tx, org_id, begin).balance - _last(tx, org_id, end).balance
    return fell + sum([point.amount for point in _others(tx, org_id, begin, end)])


def charged_by_day(tx: ReadTx, org_id: int, zone: str, first: date, last: date) -> list[tuple[date, int]]:
    """Days of the organization's zone, oldest first."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    begins = [id_from(midnight(day, zone)) for day in (*days, last + timedelta(days=1))]
    balances = [_last(tx, org_id, begin).balance for begin in begins]
    others = _others_by_day(tx, org_id, zone, begins[0], begins[-1])
    return [(day, balances[place] - balances[place + 1] + others.get(day, 0)) for place, day in enumerate(days)]


def _others_by_day(tx: ReadTx, org_id: int, zone: str, begin: str, end: str) -> dict[date, int]:
    found: dict[date, int] = {}
    for point in _others(tx, org_id, begin, end):
        day = local_day(point.at, zone)
        found[day] = found.get(day, 0) + point.amount
    return found


def _others(
    tx: ReadTx, org_id: int, begin: str, end: str, limit: int | None = None, kinds: Sequence[EntryKind] = ()
) -> list[_Point]:
    """What is no call and moved the balance, newest first; of these kinds, if any are named."""
    c = _BARE
    within = (c["org_id"] == org_id, c["entry_id"] >= begin, c["entry_id"] < end, c["amount_micros"] != 0)
    of_kinds = [c["kind"].in_([kind.value for kind in kinds])] if kinds else []
    rare = _INDEXED if tx.dialect.name == "sqlite" else text("entries")
    query = select(*[c[one.name] for one in _COLUMNS]).select_from(rare).where(*within, BESIDES_CALLS, *of_kinds)
    return [_Point(*row) for row in tx.execute(query.order_by(c["entry_id"].desc()).limit(limit))]


def _last(tx: ReadTx, org_id: int, before: str) -> _Point:
    query = select(*_COLUMNS).where(e.org_id == org_id, e.entry_id < before).order_by(e.entry_id.desc()).limit(1)
    row = tx.execute(query).first()
    return _Point(*row) if row else _NOTHING


# ---------------------------------------------------------------- the list


def folded(
    tx: ReadTx, org_id: int, zone: str, limit: int, before: str | None, down_to: str = ""
) -> tuple[list[Line], str | None]:
    """All that moved the balance, newest first, and where the next page begins. Every balance follows from the one
    below it."""
    upper = before or NEWEST
    others = _others(tx, org_id, down_to, upper, limit)
    lines: list[Line] = []
    while (top := _last(tx, org_id, upper)).entry_id > down_to:
        if len(lines) == limit:
            return lines, upper
        other = others[0] if others else None
        if other and top.entry_id == other.entry_id:
            lines.append(_line(others.pop(0)))
            upper = other.entry_id
        else:
            begin = max(id_from(midnight(local_day(top.at, zone), zone)), down_to)
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


def of_kinds(
    tx: ReadTx, org_id: int, group: str, limit: int, before: str | None, down_to: str = ""
) -> tuple[list[Line], str | None]:
    """Movements of a group, each by itself."""
    return _page(_others(tx, org_id, down_to, before or NEWEST, limit + 1, GROUPS[group]), limit)


def charges(
    tx: ReadTx, org_id: int, limit: int, before: str | None, down_to: str = ""
) -> tuple[list[Line], str | None]:
    """Calls, each by itself."""
    within = (e.org_id == org_id, e.entry_id < (before or NEWEST), e.entry_id >= down_to)
    query = select(*_COLUMNS).where(*within, e.kind == CHARGE, e.amount_micros != 0)
    rows = tx.execute(query.order_by(e.entry_id.desc()).limit(limit + 1))
    return _page([_Point(*row) for row in rows], limit)


def _page(points: Sequence[_Point], limit: int) -> tuple[list[Line], str | None]:
    following = points[limit - 1].entry_id if len(points) > limit else None
    return [_line(point) for point in points[:limit]], following
