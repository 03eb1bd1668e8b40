"""Usage as a table: by day, user, destination, kind or payer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote

from talktime.core.months import local_day
from talktime.portal import shown
from talktime.portal.calls.words import call_type_name, destination_name, payer_name
from talktime.portal.reports.ranges import Range
from talktime.portal.visit import Visit
from talktime.reports import usage_table
from talktime.reports.usage_table import Cell, Sum

GROUPS = ("day", "user", "destination", "kind", "payer")


class Line(NamedTuple):
    label: str
    sum: Sum
    path: str = ""
    """Where more is told."""


def group_name(visit: Visit, group: str) -> str:
    _ = visit.say
    names = {
        "day": _("Day"),
        "user": _("User"),
        "destination": _("Destination"),
        "kind": _("Kind"),
        "payer": _("Payer"),
    }
    return names[group]


def lines_of(visit: Visit, days: Range, cells: Sequence[Cell], group: str) -> list[Line]:
    match group:
        case "user":
            return _by_user(visit, days)
        case "destination":
            return destinations_of(visit, days)
        case "kind":
            return _dearest([Line(call_type_name(visit, one.key), one) for one in _added(cells, lambda c: c.call_type)])
        case "payer":
            told = [one._replace(calls=_paid_by(cells, one.key)) for one in _added(cells, lambda cell: cell.payer)]
            return _dearest([Line(payer_name(visit, one.key), one) for one in told])
    return _by_day(visit, days, cells)


def _by_day(visit: Visit, days: Range, cells: Sequence[Cell]) -> list[Line]:
    """Newest first, also days on which nobody called."""
    found = {one.key: one for one in _added(cells, lambda cell: str(local_day(cell.at, days.zone)))}
    lines = []
    for day in reversed(days.every_day):
        path = f"/calls/search?from={day}&to={day}" if visit.may("calls.see") else ""
        lines.append(Line(shown.date_text(day, visit.language), found.get(str(day), _nothing(str(day))), path))
    return lines


def _by_user(visit: Visit, days: Range) -> list[Line]:
    sums = visit.read(usage_table.by_user, visit.org_id, days.begin, days.end)
    return [Line(one.label or visit.say("Nobody"), one, _user_path(visit, one.key)) for one in sums]


def _user_path(visit: Visit, user_id: str) -> str:
    return f"/users/{quote(user_id, safe='')}" if user_id and visit.may("people.see") else ""


def destinations_of(visit: Visit, days: Range) -> list[Line]:
    sums = visit.read(usage_table.by_destination, visit.org_id, days.begin, days.end)
    return [Line(destination_name(visit, one.key), one) for one in sums]


def _added(cells: Iterable[Cell], key: Callable[[Cell], str]) -> list[Sum]:
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for cell in cells:
        from_pool = cell.minutes if cell.payer == "pool" else 0
        sums = found[key(cell)]
        for place, value in enumerate((cell.calls, cell.minutes, from_pool, cell.charge)):
            sums[place] += value
    return [Sum(name, "", *sums) for name, sums in found.items()]


def _paid_by(cells: Iterable[Cell], payer: str) -> int:
    """A call that two have paid is one of each."""
    return sum(cell.rows for cell in cells if cell.payer == payer)


def _dearest(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda one: (-one.sum.charge, -one.sum.minutes, one.label))


def _nothing(key: str) -> Sum:
    return Sum(key, "", 0, 0, 0, 0)


def total_of(cells: Sequence[Cell]) -> Sum:
    return next(iter(_added(cells, lambda cell: "")), _nothing(""))
