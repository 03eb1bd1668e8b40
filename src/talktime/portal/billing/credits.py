"""The heart of the portal: how much there is, how long it lasts, what is charged next."""

from __future__ import annotations

from datetime import date
from typing import Any

from talktime.portal import shown
from talktime.portal.billing.activity import activity_of
from talktime.portal.billing.adding import onwards
from talktime.portal.billing.banner import banner_of
from talktime.portal.billing.purse import Purse
from talktime.portal.charts import Bar, BarChart, Series, bar_chart, running_average
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit

CHART_DAYS = 28
AVERAGE_DAYS = 7
CENT = 10_000


def get_credits(visit: Visit) -> Answer:
    return Screen("billing/credits.html", page_values(visit))


def page_values(visit: Visit) -> dict[str, Any]:
    """Also of the page that stands behind the panel of auto-recharge."""
    purse = Purse(visit)
    return {
        "purse": purse,
        "banner": banner_of(visit, purse),
        "chart": daily_chart(visit, purse.days),
        "activity": activity_of(visit),
        "alerts": visit.ask("/v1/alerts") if visit.may("settings.see") else None,
        "panel": None,
    }


def get_now(visit: Visit) -> Answer:
    """What moves while somebody looks: asked for again and again."""
    return Screen("billing/now.html", {"purse": Purse(visit)})


def get_lots(visit: Visit) -> Answer:
    """All lots, also those that are spent or have expired."""
    told = visit.ask("/v1/lots", cursor=visit.query.get("cursor"))
    return Screen("billing/lots.html", {"lots": told["data"], "next": told["next"]})


def authenticate(visit: Visit) -> Answer:
    """To the bank, for the payment that waits for it."""
    waiting = [one for one in visit.ask("/v1/top-ups")["data"] if one["status"] == "requires_action"]
    return onwards(visit, waiting[0]) if waiting and waiting[0]["redirect_url"] else Away("/billing/credits")


def daily_chart(visit: Visit, days: list[tuple[date, int]]) -> BarChart:
    """The days before the first one shown are there for its average."""
    _ = visit.say
    bars = [_bar(visit, day, amount, day == days[-1][0]) for day, amount in days[-CHART_DAYS - AVERAGE_DAYS + 1 :]]
    average = running_average(bars, AVERAGE_DAYS)[-CHART_DAYS:]
    return bar_chart(
        bars[-CHART_DAYS:],
        [Series(_("Credits"))],
        lambda value: shown.number(f"{value / 1_000_000:g}", visit.language),
        average=average,
        columns=[_("Consumption")],
        finest=CENT,
    )


def _bar(visit: Visit, day: date, amount: int, unfinished: bool) -> Bar:
    text = shown.money(amount, visit.currency, visit.language)
    exact = shown.exact(amount, visit.currency, visit.language)
    return Bar(shown.short_day(day, visit.zone, visit.language), (amount,), text, (exact,), unfinished)
