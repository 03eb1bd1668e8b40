"""The page of rates: one call worked out, and all destinations that have a price."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from talktime.core import price_lookup
from talktime.core.countries import is_country
from talktime.core.money import decimal
from talktime.core.months import local_day
from talktime.core.prices import Row
from talktime.core.roles import Right
from talktime.portal.files import csv_file
from talktime.portal.pages import Answer, Screen, get
from talktime.portal.rates.look_up import Looked, looked_up
from talktime.portal.visit import Visit
from talktime.reports import rates
from talktime.reports.rates import InForce
from talktime.web.problems import Problem

SEE = Right.RATES_SEE
SHOWN, WORDS_MAX = 50, 100
HEADER = (
    *("prefix", "destination", "per_minute", "connection_fee", "initial_seconds", "step_seconds", "kind", "currency"),
)


def get_rates(visit: Visit) -> Answer:
    home = visit.query.get("home").upper()
    home = home if is_country(home) else visit.organization.country
    entered = {"to": visit.query.get("to"), "home": home, "q": visit.query.get("q")[:WORDS_MAX]}
    current = visit.read(rates.in_force, visit.organization, visit.today)
    looked, errors = None, None
    try:
        looked = looked_up(visit, entered["to"], home, current) if entered["to"] else None
    except Problem as problem:
        errors = visit.errors(problem)
    return Screen("rates/rates.html", _values(visit, entered, current, looked, errors), 422 if errors else 200)


def _values(
    visit: Visit, entered: dict[str, str], current: InForce | None, looked: Looked | None, errors: Any
) -> dict[str, Any]:
    told: Any = {"data": [], "next": None}
    if current:
        told = visit.ask("/v1/rates", q=entered["q"], cursor=visit.query.get("cursor"), limit=SHOWN)
    return {
        "entered": entered,
        "errors": errors,
        "looked": looked,
        "rows": told["data"],
        "next": told["next"],
        "is_published": current is not None,
        "query": urlencode({name: value for name, value in entered.items() if value and name != "home"}),
    }


def get_file(visit: Visit) -> Answer:
    """All prices that are in force, or those that fit the words."""
    current = visit.read(rates.in_force, visit.organization, visit.today)
    rows = price_lookup.in_force(current.rows, visit.today) if current else []
    words = visit.query.get("q")[:WORDS_MAX]
    wanted = price_lookup.matching(rows, words) if words else rows
    name = f"rates-{visit.currency}-{local_day(visit.today, visit.zone)}"
    return csv_file(name, HEADER, [_cells(row, visit.currency) for row in wanted])


def _cells(row: Row, currency: str) -> tuple[str | int, ...]:
    amounts = (decimal(row.per_minute), decimal(row.connection_fee))
    return (row.prefix, row.destination, *amounts, row.initial_seconds, row.step_seconds, row.kind.value, currency)


PAGES = [
    get("/rates", get_rates, SEE),
    get("/rates/list.csv", get_file, SEE),
]
