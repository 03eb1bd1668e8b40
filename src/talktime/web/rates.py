"""What calls cost an organization: one call, and all destinations that have a price."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from talktime.actions import knowledge
from talktime.actions.organizations import found
from talktime.core import price_lookup
from talktime.core.call_types import CallType
from talktime.core.money import decimal
from talktime.core.numbers import Number, NumberKind
from talktime.core.price_lookup import Asked, Nothing, Terms
from talktime.core.prices import Row
from talktime.core.rates import Rate
from talktime.core.scopes import Scope
from talktime.core.zones import is_zone_a
from talktime.reports import rates as reports
from talktime.storage.database import ReadTx
from talktime.storage.org_store import Organization
from talktime.web.call_answers import RateBody, rate_body
from talktime.web.fields import Text
from talktime.web.lists import Page, page_of
from talktime.web.people import PhoneNumber
from talktime.web.price_list_forms import RowBody, row_body
from talktime.web.problems import Problem
from talktime.web.routes import Request, Route
from talktime.web.sentences import sentence


class LookupQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    call_type: CallType
    to: PhoneNumber
    """The number called; on inbound calls it is ours."""
    caller: Text | None = msgspec.field(default=None, name="from")
    """No price depends on it so far."""


class ExampleBody(Struct):
    minutes: int
    charge: str


class LookupBody(Struct, kw_only=True):
    rate: RateBody
    examples: list[ExampleBody]
    currency: str
    country: str | None
    """Of the number called; null for satellite and international networks."""
    zone_a: bool
    number_kind: NumberKind


def get_lookup(tx: ReadTx, request: Request[None]) -> LookupBody:
    """What a call of this type would cost if it began now and were paid from credits, with worked examples."""
    org, asked = found(tx, request.org_id), request.query
    known = knowledge.known(tx).numbers.of(asked.to)
    rate = _rate(tx, org, asked, known, org.now(request.now))
    return LookupBody(
        rate=rate_body(rate),
        examples=[ExampleBody(minutes, decimal(charge)) for minutes, charge in price_lookup.examples(rate)],
        currency=org.currency,
        country=known.country,
        zone_a=is_zone_a(known.country),
        number_kind=known.kind,
    )


def _rate(tx: ReadTx, org: Organization, asked: LookupQuery, known: Number, now: int) -> Rate:
    toll_free = price_lookup.is_toll_free(known, reports.service_number_type(tx, org.org_id, asked.to))
    current = reports.in_force(tx, org, now)
    terms = Terms(current.rows if current else [], current.charge_decimals if current else 0, org.time_zone)
    answer = price_lookup.look_up(terms, Asked(asked.call_type, asked.to, known, toll_free), now)
    if isinstance(answer, Nothing):
        raise Problem(404, "no_rate", sentence(answer.reason))
    return answer


class RatesPage(Page, kw_only=True):
    q: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    """Part of a destination's name, or the beginning of a number; of a whole number all that could price it."""


class PricedBody(RowBody, kw_only=True):
    currency: str


def list_rates(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """The destinations that have a price now, by prefix."""
    page: RatesPage = request.query
    org = found(tx, request.org_id)
    now = org.now(request.now)
    current = reports.in_force(tx, org, now)
    rows = price_lookup.in_force(current.rows, now) if current else []
    wanted = price_lookup.matching(rows, page.q) if page.q else rows
    after: tuple[str, str] | None = page.after(tuple[str, str])
    following = [row for row in wanted if after is None or _key(row) > after]
    return page_of(following[: page.limit + 1], page.limit, _key, lambda row: priced_body(row, org.currency))


def _key(row: Row) -> tuple[str, str]:
    return row.prefix, row.kind.value


def priced_body(row: Row, currency: str) -> PricedBody:
    return PricedBody(**msgspec.structs.asdict(row_body(row)), currency=currency)


def _route(path: str, handler: Any, **options: Any) -> Route:
    return Route("GET", path, Scope.RATES, handler, tag="Rates", **options)


ROUTES = [
    _route("/v1/rates/lookup", get_lookup, query=LookupQuery, answer=LookupBody, problems=(404,)),
    _route("/v1/rates", list_rates, query=RatesPage, answer=list[PricedBody]),
]
