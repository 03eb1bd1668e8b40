"""What moved the balance: charges summed between other movements, or each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from talktime.core.money import decimal
from talktime.core.months import local_day, midnight
from talktime.core.time import moment
from talktime.portal import forms
from talktime.portal.files import Cell, csv_file
from talktime.portal.pages import Answer
from talktime.portal.visit import Visit
from talktime.portal.words import kind_name
from talktime.reports import flows, top_ups
from talktime.reports.flows import Line

SHOWN, FILE_MAX = 12, 100_000
TABS = ("all", "top-ups", "charges", "expired", "adjustments")
OF_PAYMENTS = ("pay:",)
HEADER = ("at", "kind", "entry", "note", "entries", "amount", "balance_after", "currency")


class Activity(NamedTuple):
    tab: str
    lines: Sequence[Line]
    next: str | None
    receipts: dict[str, str]
    """By the entry."""
    begin: str
    end: str
    query: str
    """What tabs and pages keep of the address."""


def activity_of(visit: Visit) -> Activity:
    tab = visit.query.get("tab") if visit.query.get("tab") in TABS else "all"
    begin, end = _day(visit, "from"), _day(visit, "to")
    lines, following = _lines(visit, tab, SHOWN, visit.query.maybe("cursor"))
    query = f"tab={tab}&from={begin or ''}&to={end or ''}"
    return Activity(tab, lines, following, _receipts(visit, lines), str(begin or ""), str(end or ""), query)


def _lines(visit: Visit, tab: str, limit: int, before: str | None) -> tuple[list[Line], str | None]:
    begin, end = _day(visit, "from"), _day(visit, "to")
    since = flows.id_from(midnight(begin, visit.zone)) if begin else ""
    until = flows.id_from(midnight(end + timedelta(days=1), visit.zone)) if end else None
    before = min(before, until) if before and until else before or until
    if tab == "all":
        return visit.read(flows.folded, visit.org_id, visit.zone, limit, before, since)
    if tab == "charges":
        return visit.read(flows.charges, visit.org_id, limit, before, since)
    return visit.read(flows.of_kinds, visit.org_id, tab, limit, before, since)


def _day(visit: Visit, name: str) -> date | None:
    return forms.day(visit.query.get(name), name)


def payment_of(line: Line) -> str | None:
    """Keys are made from causes, so they name the payment."""
    return line.key.split(":")[1] if line.key.startswith(OF_PAYMENTS) else None


def _receipts(visit: Visit, lines: Sequence[Line]) -> dict[str, str]:
    payments = {line.entry_id: payment for line in lines if (payment := payment_of(line))}
    if not payments:
        return {}
    found = visit.read(top_ups.receipts_of, visit.org_id, sorted(set(payments.values())))
    return {entry: found[payment] for entry, payment in payments.items() if payment in found}


def what(visit: Visit, line: Line) -> str:
    return kind_name(visit, line.kind)


def get_csv(visit: Visit) -> Answer:
    """The same list as a file: amounts as decimals with a point, times in UTC."""
    tab = visit.query.get("tab") if visit.query.get("tab") in TABS else "all"
    lines, _ = _lines(visit, tab, FILE_MAX, None)
    rows = [_cells(line, visit.currency) for line in lines]
    return csv_file(f"activity-{local_day(visit.today, visit.zone)}", HEADER, rows)


def _cells(line: Line, currency: str) -> Sequence[Cell]:
    about = (moment(line.at).isoformat(), line.kind, line.entry_id, line.note, line.count)
    return (*about, Decimal(decimal(line.amount)), Decimal(decimal(line.balance_after)), currency)
