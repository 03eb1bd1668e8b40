"""How long the balance lasts: three simple forecasts, each with how it is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from babel.dates import get_day_names

from talktime.core.money import micros
from talktime.portal import shown
from talktime.portal.charts import Bar, BarChart, Series, bar_chart
from talktime.portal.pages import Answer, Screen
from talktime.portal.visit import Visit

CENT = 10_000
MICROS = 1_000_000


class Outlook(NamedTuple):
    title: str
    method: str
    a_day: int
    """On average over the week."""
    days_left: int | None
    ends_on: str | None


def get_forecast(visit: Visit) -> Answer:
    told = visit.ask("/v1/reports/spend-forecast")
    weekdays = next(one for one in told["forecasts"] if one["name"] == "same_weekday")["per_day"]
    values: dict[str, Any] = {
        "available": told["available"],
        "outlooks": [_outlook(visit, one) for one in told["forecasts"]],
        "chart": _chart(visit, weekdays),
        "spends": any(micros(amount) for one in told["forecasts"] for amount in one["per_day"]),
    }
    return Screen("reports/forecast.html", values)


def _outlook(visit: Visit, one: Any) -> Outlook:
    title, method = _words(visit)[one["name"]]
    amounts = [micros(amount) for amount in one["per_day"]]
    return Outlook(title, method, sum(amounts) // len(amounts), one["days_left"], one["ends_on"])


def _words(visit: Visit) -> dict[str, tuple[str, str]]:
    _ = visit.say
    return {
        "last_7_days": (
            _("As in the last 7 days"),
            _("What calls of the last 7 whole days cost, divided by 7. Days without calls count as well."),
        ),
        "last_28_days": (
            _("As in the last 28 days"),
            _("What calls of the last 28 whole days cost, divided by 28. Days without calls count as well."),
        ),
        "same_weekday": (
            _("As on the same days of the week"),
            _("For each day of the week what calls cost on that day in the last four weeks, divided by four."),
        ),
    }


def _chart(visit: Visit, per_day: Sequence[str]) -> BarChart:
    """A usual week, Monday first."""
    names = get_day_names("abbreviated", "stand-alone", locale=visit.language)
    bars = []
    for day, amount in enumerate(per_day):
        text = shown.money(amount, visit.currency, visit.language)
        bars.append(Bar(names[day], (micros(amount),), text, (text,)))

    def tick(value: int) -> str:
        return shown.number(f"{value / MICROS:g}", visit.language)

    return bar_chart(bars, [Series(visit.say("Cost"))], tick, finest=CENT)
