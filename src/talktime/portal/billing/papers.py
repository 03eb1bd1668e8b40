"""Products, receipts and statements."""

from __future__ import annotations

from talktime.core.months import month_of
from talktime.portal.billing.purse import Purse
from talktime.portal.pages import Answer, Screen
from talktime.portal.visit import Visit
from talktime.reports import statements
from talktime.web.documents import seller
from talktime.web.problems import Problem

MONTHS_SHOWN = 36
LINES_SHOWN = 500


def get_products(visit: Visit) -> Answer:
    return Screen("billing/products.html", {"purse": Purse(visit)})


def get_receipts(visit: Visit) -> Answer:
    told = visit.ask("/v1/receipts", cursor=visit.query.get("cursor"))
    return Screen("billing/receipts.html", {"receipts": told["data"], "next": told["next"]})


def get_receipt(visit: Visit) -> Answer:
    """As PDF, or as a page by itself."""
    return visit.file(f"/v1/receipts/{visit.named('file')}")


def get_statement(visit: Visit) -> Answer:
    months = _months(visit)
    month = visit.query.get("month") or months[0]
    if month not in months:
        raise Problem(404, "not_found")
    org, values = visit.organization, (seller(visit.app), month, visit.today)
    told = visit.read(statements.of_month, org, *values)
    return Screen("billing/statement.html", {"months": months, "month": month, "statement": told})


def get_statement_file(visit: Visit) -> Answer:
    return visit.file(f"/v1/statements/{visit.named('file')}")


def _months(visit: Visit) -> list[str]:
    """Newest first, since the organization came."""
    last, first = month_of(visit.today, visit.zone), month_of(visit.organization.created_at, visit.zone)
    year, number = (int(part) for part in last.split("-"))
    counted = [divmod(year * 12 + number - 1 - ago, 12) for ago in range(MONTHS_SHOWN)]
    return [name for year, number in counted if (name := f"{year:04d}-{number + 1:02d}") >= min(first, last)]
