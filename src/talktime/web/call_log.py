"""The call log in the form that tools for it already read: `getPstnCalls(fromDateTime=...,toDateTime=...)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta

from talktime.actions.organizations import found
from talktime.core.masking import digits_hidden
from talktime.core.scopes import Scope
from talktime.core.time import DAY, instant
from talktime.reports import blocks, usage
from talktime.reports.usage import Wanted
from talktime.reports.usage_lines import usage_line
from talktime.storage.database import ReadTx
from talktime.web.call_log_answers import (
    BlockedUsers,
    DirectRoutingCalls,
    Link,
    PstnCalls,
    blocked_user,
    direct_routing_call,
    pstn_call,
)
from talktime.web.fields import Instant
from talktime.web.lists import LIMIT_MAX, Page, cursor
from talktime.web.problems import invalid
from talktime.web.routes import Request, Route

Row = TypeVar("Row")
RECORDS = "/v1/communications/callRecords"
FROM, TO = "fromDateTime", "toDateTime"
DAYS_MAX = 90


class LogPage(Page, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = LIMIT_MAX


class Span(NamedTuple):
    """Both ends are in it."""

    first: int
    last: int


def get_pstn_calls(tx: ReadTx, request: Request[None]) -> PstnCalls:
    """Calls that began in this time, both ends included, oldest first: at most 90 days, 1,000 rows a page."""
    country = found(tx, request.org_id).country
    rows, link = _calls(tx, request, "getPstnCalls", own_carrier=False)
    digits = digits_hidden(country)
    return PstnCalls(value=[pstn_call(usage_line(row, digits), country) for row in rows], next_link=link)


def get_direct_routing_calls(tx: ReadTx, request: Request[None]) -> DirectRoutingCalls:
    """The same of calls over the organization's own carriers."""
    digits = digits_hidden(found(tx, request.org_id).country)
    rows, link = _calls(tx, request, "getDirectRoutingCalls", own_carrier=True)
    return DirectRoutingCalls(value=[direct_routing_call(usage_line(row, digits)) for row in rows], next_link=link)


def get_blocked_users(tx: ReadTx, request: Request[None]) -> BlockedUsers:
    """Users who were blocked and unblocked in this time, both ends included, oldest first."""
    page, (first, last) = request.query, span_of(request)
    found_rows = blocks.in_order(tx, request.org_id, first, last, page.limit + 1, page.after(str))
    rows, link = _paged(request, "getPstnBlockedUsersLog", found_rows, lambda row: row.block_id)
    return BlockedUsers(value=[blocked_user(row) for row in rows], next_link=link)


def _calls(
    tx: ReadTx, request: Request[None], function: str, *, own_carrier: bool
) -> tuple[Sequence[usage.UsageRow], Link | msgspec.UnsetType]:
    page, (first, last) = request.query, span_of(request)
    wanted = Wanted(own_carrier=own_carrier, begin=first, end=last + 1)
    rows = usage.in_order(tx, request.org_id, wanted, page.limit + 1, page.after(str))
    return _paged(request, function, rows, lambda row: row.usage_id)


def span_of(request: Request[None]) -> Span:
    given = _arguments(request.names["arguments"])
    span = Span(_instant(given, FROM), _instant(given, TO))
    if span.last < span.first:
        raise invalid(TO, f"It is before {FROM}.", "out_of_range")
    if span.last - span.first > DAYS_MAX * DAY:
        raise invalid(FROM, f"At most {DAYS_MAX} days can be asked for at once.", "out_of_range")
    return span


def _arguments(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in (FROM, TO):
            raise invalid(name, "There is no such argument.", "unknown_field")
        if name in given:
            raise invalid(name, "It is there twice.")
        given[name] = value
    return given


def _instant(given: dict[str, str], name: str) -> int:
    if name not in given:
        raise invalid(name, "It is missing.", "missing_field")
    try:
        return instant(msgspec.convert(given[name], type=Instant))
    except msgspec.ValidationError as error:
        raise invalid(name, f"{error}.") from error


def _paged(
    request: Request[None], function: str, rows: Sequence[Row], key: Callable[[Row], str]
) -> tuple[Sequence[Row], Link | msgspec.UnsetType]:
    limit: int = request.query.limit
    shown = rows[:limit]
    if len(rows) <= limit:
        return shown, UNSET
    arguments = quote(request.names["arguments"], safe="=,:")
    return shown, f"{RECORDS}/{function}({arguments})?limit={limit}&cursor={cursor(key(shown[-1]))}"


def _route(function: str, handler: Any, answer: Any) -> Route:
    path = f"{RECORDS}/{function}({{arguments}})"
    return Route("GET", path, Scope.REPORTS, handler, query=LogPage, answer=answer, tag="Reports")


ROUTES = [
    _route("getPstnCalls", get_pstn_calls, PstnCalls),
    _route("getDirectRoutingCalls", get_direct_routing_calls, DirectRoutingCalls),
    _route("getPstnBlockedUsersLog", get_blocked_users, BlockedUsers),
]
