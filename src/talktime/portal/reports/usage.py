"""What was called, what it cost, who paid: charts of some days, and the same as a table and as a file."""

from __future__ import annotations

from typing import Any

from talktime.core.money import decimal, round_half_up
from talktime.portal import shown
from talktime.portal.files import csv_file
from talktime.portal.pages import Answer, Screen
from talktime.portal.reports.drawings import cost_chart, hours_map, minutes_chart, top_destinations
from talktime.portal.reports.groups import GROUPS, Line, destinations_of, group_name, lines_of, total_of
from talktime.portal.reports.ranges import CUSTOM, RANGES, Range, last_days, range_of
from talktime.portal.visit import Visit
from talktime.reports import usage_table
from talktime.web.problems import Problem

LINES_SHOWN = 100
SHOWS = ("minutes", "cost")


def get_usage(visit: Visit) -> Answer:
    try:
        return _screen(visit, range_of(visit), None)
    except Problem as problem:
        return _screen(visit, last_days(visit), visit.errors(problem))


def _screen(visit: Visit, days: Range, errors: dict[str, str] | None) -> Answer:
    cells = visit.read(usage_table.cells, visit.org_id, days.begin, days.end, days.zone)
    group = _chosen(visit, "by", GROUPS)
    show = _chosen(visit, "show", SHOWS)
    destinations = destinations_of(visit, days)
    lines = destinations if group == "destination" else lines_of(visit, days, cells, group)
    total = total_of(cells)
    values: dict[str, Any] = {
        "days": days,
        "ranges": RANGES,
        "custom": CUSTOM in (days.chosen, visit.query.get("range")),
        "entered": {name: visit.query.get(name) or str(day) for name, day in (("from", days.first), ("to", days.last))},
        "errors": errors,
        "group": group,
        "groups": [(one, group_name(visit, one)) for one in GROUPS],
        "show": show,
        "chart": minutes_chart(visit, days, cells) if show == "minutes" else cost_chart(visit, days, cells),
        "destinations": top_destinations(visit, destinations),
        "hours": hours_map(visit, days, cells),
        "lines": lines[:LINES_SHOWN],
        "left_out": len(lines) - LINES_SHOWN,
        "total": total,
        "a_day": round_half_up(total.charge, days.days),
        "before": visit.read(usage_table.total, visit.org_id, days.before.begin, days.before.end),
    }
    return Screen("reports/usage.html", values, 422 if errors else 200)


def _chosen(visit: Visit, name: str, among: tuple[str, ...]) -> str:
    return visit.query.get(name) if visit.query.get(name) in among else among[0]


def change_text(visit: Visit, now: int, before: int, days: int) -> str:
    """Against as many days before."""
    _n = visit.say.plural
    if not before:
        return ""
    told = shown.percent(round_half_up(100 * abs(now - before), before), 100, visit.language)
    if now >= before:
        return _n(
            "{percent} more than the day before", "{percent} more than the {count} days before", days, percent=told
        )
    return _n("{percent} less than the day before", "{percent} less than the {count} days before", days, percent=told)


def get_file(visit: Visit) -> Answer:
    """The table as it stands, all of it."""
    days = range_of(visit)
    group = _chosen(visit, "by", GROUPS)
    cells = visit.read(usage_table.cells, visit.org_id, days.begin, days.end, days.zone)
    header = (group, "key", "calls", "minutes", "minutes_from_pools", "charge", "currency")
    rows = [_cells(one, visit.currency) for one in lines_of(visit, days, cells, group)]
    return csv_file(f"usage-by-{group}-{days.first}-{days.last}", header, rows)


def _cells(line: Line, currency: str) -> tuple[str | int, ...]:
    one = line.sum
    return (line.label, one.key, one.calls, one.minutes, one.pool_minutes, decimal(one.charge), currency)
