"""Minute pools of this month: how large, what is used, and when they run dry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from talktime.core.months import local_day
from talktime.portal import shown
from talktime.portal.billing.purse import pool_meter, pool_part
from talktime.portal.charts import Bar, BarChart, Series, bar_chart
from talktime.portal.files import csv_file
from talktime.portal.pages import Answer, Screen
from talktime.portal.visit import Visit
from talktime.reports import people

PAGE, PAGES_MAX, METERS = 1_000, 10, 6
COUNTRIES_SHOWN = 24
DOMESTIC, INTERNATIONAL, CONFERENCE, UNUSED = range(4)
KINDS = {"domestic": DOMESTIC, "international": INTERNATIONAL, "conference": CONFERENCE}


class Line(NamedTuple):
    pool: Any
    part: str
    """For whom and for what."""
    user: str


def get_pools(visit: Visit) -> Answer:
    pools = _all(visit)
    fullest = sorted(pools, key=lambda one: -_share(one))
    users = _users(visit, fullest[:PAGE])
    values: dict[str, Any] = {
        "lines": [Line(one, pool_part(visit, one), users.get(one["user"], "")) for one in fullest[:PAGE]],
        "meters": [pool_meter(visit, one) for one in fullest[:METERS]],
        "chart": countries_chart(visit, pools) if pools else None,
        "month": str(local_day(visit.today, visit.zone))[:7],
    }
    return Screen("reports/pools.html", values)


def _all(visit: Visit) -> list[Any]:
    """Of a plan that nobody shares each user has one, so there may be many."""
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        told = visit.ask("/v1/pools", limit=PAGE, cursor=cursor)
        found += told["data"]
        cursor = told["next"]
        if cursor is None:
            break
    return found


def _share(pool: Any) -> float:
    return pool["used"] / pool["total"] if pool["total"] else 1.0


def _users(visit: Visit, pools: Sequence[Any]) -> dict[str, str]:
    ids = sorted({pool["user"] for pool in pools if pool["user"]})
    return {name: one.name for name, one in visit.read(people.by_names, visit.org_id, ids).items()}


def countries_chart(visit: Visit, pools: Sequence[Any]) -> BarChart:
    """Minutes by country of the users; a meeting's are those of all."""
    _, counted = visit.say, defaultdict[str, list[int]](lambda: [0, 0, 0, 0])
    for pool in pools:
        sums = counted[pool["country"] or ""]
        sums[KINDS[pool["kind"]]] += pool["used"]
        sums[UNUSED] += max(pool["total"] - pool["used"], 0)
    largest = sorted(counted.items(), key=lambda one: -sum(one[1]))[:COUNTRIES_SHOWN]
    bars = [_bar(visit, country, values) for country, values in largest]
    names = (_("Domestic, used"), _("International, used"), _("Meetings, used"), _("Unused"))
    return bar_chart(bars, [Series(name) for name in names], lambda value: shown.number(value, visit.language))


def _bar(visit: Visit, country: str, values: Sequence[int]) -> Bar:
    figures = tuple(shown.number(value, visit.language) for value in values)
    name = shown.country(country, visit.language) if country else visit.say("Everywhere")
    return Bar(name, tuple(values), shown.number(sum(values), visit.language), figures)


def get_file(visit: Visit) -> Answer:
    columns = ("capability", "kind", "country", "user", "total", "used", "held", "available", "period", "runs_dry_on")
    rows = [[one[name] if one[name] is not None else "" for name in columns] for one in _all(visit)]
    return csv_file(f"pools-{str(local_day(visit.today, visit.zone))[:7]}", columns, rows)
