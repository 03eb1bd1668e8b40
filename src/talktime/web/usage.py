"""What calls were made and what they cost; those over an organization's own carriers are a list of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, field

from talktime.actions.organizations import found
from talktime.core.call_types import CallType
from talktime.core.masking import digits_hidden
from talktime.core.money import decimal
from talktime.core.scopes import Scope
from talktime.core.time import instant, moment
from talktime.core.usage import Payer
from talktime.reports import usage
from talktime.reports.usage import Wanted
from talktime.reports.usage_lines import UsageLine, usage_line
from talktime.storage.database import ReadTx
from talktime.web.fields import Instant, Text
from talktime.web.lists import Page, page_of
from talktime.web.routes import Request, Route


class UsagePage(Page, kw_only=True):
    call_id: Text | None = None
    user: Text | None = None
    """Id, sign-in name or number."""
    call_type: CallType | None = None
    payer: Payer | None = None
    from_: Instant | None = field(name="from", default=None)
    """When the call began; inclusive."""
    to: Instant | None = None
    """Exclusive."""

    def wanted(self, *, own_carrier: bool) -> Wanted:
        return Wanted(
            own_carrier=own_carrier,
            call_id=self.call_id,
            user=self.user,
            call_type=self.call_type,
            payer=self.payer,
            begin=None if self.from_ is None else instant(self.from_),
            end=None if self.to is None else instant(self.to),
        )


class UsageBody(Struct, kw_only=True):
    usage_id: str
    call_id: str
    conference_id: str
    user_location: str
    aad_object_id: str
    upn: str
    user_display_name: str
    caller_id: str
    call_type: str
    number_type: str
    domestic_international: str
    destination_dialed: str
    destination_number: str
    start_time: datetime
    end_time: datetime
    duration_seconds: int
    connection_fee: str
    charge: str
    currency: str
    capability: str
    payer: Payer
    minutes: int


_TRANSLATED = ("start_time", "end_time", "connection_fee", "charge", "payer")


def usage_body(line: UsageLine) -> UsageBody:
    same = {name: getattr(line, name) for name in UsageBody.__struct_fields__ if name not in _TRANSLATED}
    return UsageBody(
        **same,
        start_time=moment(line.started_at),
        end_time=moment(line.ended_at),
        connection_fee=decimal(line.connection_fee),
        charge=decimal(line.charge),
        payer=Payer(line.payer),
    )


class OwnCarrierBody(Struct, kw_only=True):
    """What a switch reports of a call over an organization's own carrier. No money."""

    usage_id: str
    correlation_id: str
    aad_object_id: str
    upn: str
    display_name: str
    user_country: str
    start_time: datetime
    end_time: datetime
    duration_seconds: int
    caller_number: str
    callee_number: str
    call_type: str


def own_carrier_body(line: UsageLine) -> OwnCarrierBody:
    return OwnCarrierBody(
        usage_id=line.usage_id,
        correlation_id=line.call_id,
        aad_object_id=line.aad_object_id,
        upn=line.upn,
        display_name=line.user_display_name,
        user_country=line.user_location,
        start_time=moment(line.started_at),
        end_time=moment(line.ended_at),
        duration_seconds=line.duration_seconds,
        caller_number=line.caller_id,
        callee_number=line.destination_number,
        call_type=line.call_type,
    )


def list_usage(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """A row for each who paid a part of a call, newest first."""
    return _listed(tx, request, own_carrier=False, body=usage_body)


def list_own_carrier(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Calls over the organization's own carriers, newest first. They cost nothing here."""
    return _listed(tx, request, own_carrier=True, body=own_carrier_body)


def _listed(tx: ReadTx, request: Request[None], *, own_carrier: bool, body: Any) -> dict[str, Any]:
    page: UsagePage = request.query
    digits = digits_hidden(found(tx, request.org_id).country)
    wanted = page.wanted(own_carrier=own_carrier)
    rows = usage.page(tx, request.org_id, wanted, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.usage_id, lambda row: body(usage_line(row, digits)))


def _route(path: str, handler: Any, **options: Any) -> Route:
    return Route("GET", path, Scope.REPORTS, handler, query=UsagePage, tag="Reports", **options)


ROUTES = [
    _route("/v1/usage", list_usage, answer=list[UsageBody]),
    _route("/v1/usage/own-carrier", list_own_carrier, answer=list[OwnCarrierBody]),
]
