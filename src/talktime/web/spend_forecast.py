"""How long the balance lasts. Each figure says how it was found: nothing is a secret."""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct

from talktime.actions.organizations import found
from talktime.core.money import decimal
from talktime.core.scopes import Scope
from talktime.reports.spending import Outlook, spending
from talktime.storage.database import ReadTx
from talktime.web.routes import Request, Route

_AVERAGE = "What calls of the last {days} whole days cost, divided by {days}; days without calls count as well."
METHODS = {
    "last_7_days": _AVERAGE.format(days=7),
    "last_28_days": _AVERAGE.format(days=28),
    "same_weekday": "For each day of the week, what calls cost on that day in the last four weeks, divided by four.",
}
DAYS_LEFT = (
    "Taken from what is available, day after day, today as a whole: so many days are covered. Null: over a year."
)


class ForecastBody(Struct, kw_only=True):
    name: Literal["last_7_days", "last_28_days", "same_weekday"]
    per_day: list[str]
    """Monday first."""
    days_left: int | None
    ends_on: date | None
    """The first day that is not covered."""
    method: str


class SpendForecastBody(Struct, kw_only=True):
    currency: str
    available: str
    today: date
    """In the organization's time zone."""
    forecasts: list[ForecastBody]
    method: str


def get_spend_forecast(tx: ReadTx, request: Request[None]) -> SpendForecastBody:
    """How long the balance lasts if calls go on as in the last 7 days, the last 28, or on the same days of the week."""
    org = found(tx, request.org_id)
    told = spending(tx, org.org_id, org.time_zone, org.now(request.now))
    return SpendForecastBody(
        currency=org.currency,
        available=decimal(told.available),
        today=told.today,
        forecasts=[
            _body("last_7_days", told.last_7_days),
            _body("last_28_days", told.last_28_days),
            _body("same_weekday", told.same_weekday),
        ],
        method=DAYS_LEFT,
    )


def _body(name: Literal["last_7_days", "last_28_days", "same_weekday"], outlook: Outlook) -> ForecastBody:
    return ForecastBody(
        name=name,
        per_day=[decimal(one) for one in outlook.by_weekday],
        days_left=outlook.days,
        ends_on=outlook.ends_on,
        method=METHODS[name],
    )


ROUTES = [
    Route(
        "GET",
        "/v1/reports/spend-forecast",
        Scope.REPORTS,
        get_spend_forecast,
        answer=SpendForecastBody,
        tag="Reports",
    ),
]
