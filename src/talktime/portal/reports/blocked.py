"""Who was blocked and unblocked, when and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from talktime.portal import shown
from talktime.portal.charts import Bar, BarChart, Series, bar_chart
from talktime.portal.pages import Answer, Screen
from talktime.portal.reports.ranges import last_days
from talktime.portal.visit import Visit

SHOWN, COUNTED_MAX = 50, 1_000


def get_blocked(visit: Visit) -> Answer:
    user = visit.query.maybe("user")
    told = visit.ask("/v1/reports/blocked-users", limit=SHOWN, cursor=visit.query.get("cursor"), user=user)
    newest = visit.ask("/v1/reports/blocked-users", limit=COUNTED_MAX)["data"]
    values: dict[str, Any] = {
        "rows": told["data"],
        "next": told["next"],
        "user": user or "",
        "chart": _chart(visit, newest) if newest else None,
    }
    return Screen("reports/blocked.html", values)


def _chart(visit: Visit, rows: Sequence[Any]) -> BarChart:
    """Of the last 28 days."""
    blocked = Counter(str(shown.at(row["at"], visit.zone).date()) for row in rows if row["mode"] == "Blocked")
    days = last_days(visit)
    bars = []
    for day in days.every_day:
        count = blocked[str(day)]
        text = shown.number(count, visit.language)
        bars.append(Bar(shown.short_day(day, visit.zone, visit.language), (count,), text, (text,), day == days.last))
    return bar_chart(bars, [Series(visit.say("Blocked users"))], lambda value: shown.number(value, visit.language))
