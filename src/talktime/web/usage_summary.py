"""Usage added up: by day, hour, user, destination, kind of call or payer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

from talktime.actions.organizations import found
from talktime.core.money import decimal
from talktime.core.scopes import Scope
from talktime.core.time import DAY, instant, moment
from talktime.reports import usage_sums
from talktime.reports.usage_sums import By, Sums
from talktime.storage.database import ReadTx
from talktime.web.fields import Instant
from talktime.web.lists import LIMIT_MAX
from talktime.web.problems import invalid
from talktime.web.routes import Request, Route

DAYS, DAYS_MAX = 28, 366


class SummaryQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    by: By = By.DAY
    from_: Instant | None = field(name="from", default=None)
    """When the calls began; inclusive. Left out: 28 days before the end."""
    to: Instant | None = None
    """Exclusive. Left out: now."""
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = LIMIT_MAX

    def span(self, now: int) -> tuple[int, int]:
        end = now if self.to is None else instant(self.to)
        begin = end - DAYS * DAY if self.from_ is None else instant(self.from_)
        if begin >= end:
            raise invalid("to", "It must be later than the begin.", "out_of_range")
        if end - begin > DAYS_MAX * DAY:
            raise invalid("from", f"At most {DAYS_MAX} days can be added up at once.", "out_of_range")
        return begin, end


class SumsBody(Struct, kw_only=True):
    key: str
    label: str
    calls: int
    minutes: int
    charge: str


class TotalBody(Struct, kw_only=True):
    calls: int
    minutes: int
    charge: str


class SummaryBody(Struct, kw_only=True):
    from_: datetime = field(name="from")
    to: datetime
    by: By
    currency: str
    data: list[SumsBody]
    total: TotalBody
    """Of all, also of what is beyond the limit."""


def get_usage_summary(tx: ReadTx, request: Request[None]) -> SummaryBody:
    """Calls, minutes and charges, added up: by time in its order, else the dearest first."""
    query: SummaryQuery = request.query
    org = found(tx, request.org_id)
    begin, end = query.span(org.now(request.now))
    rows = usage_sums.sums(tx, org.org_id, query.by, begin, end, org.time_zone)
    total = usage_sums.total(tx, org.org_id, begin, end)
    return SummaryBody(
        from_=moment(begin),
        to=moment(end),
        by=query.by,
        currency=org.currency,
        data=[_sums_body(row) for row in rows[: query.limit]],
        total=TotalBody(calls=total.calls, minutes=total.minutes, charge=decimal(total.charge)),
    )


def _sums_body(sums: Sums) -> SumsBody:
    charge = decimal(sums.charge)
    return SumsBody(key=sums.key, label=sums.label, calls=sums.calls, minutes=sums.minutes, charge=charge)


ROUTES = [
    Route(
        "GET",
        "/v1/reports/usage-summary",
        Scope.REPORTS,
        get_usage_summary,
        query=SummaryQuery,
        answer=SummaryBody,
        tag="Reports",
    ),
]
