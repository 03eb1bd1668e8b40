"""Service numbers: of bridges, attendants and queues."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, convert

from talktime.actions import numbers, organizations
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import numbers as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.number_store import ServiceNumber
from talktime.web.fields import actor
from talktime.web.lists import Page, page_of
from talktime.web.people import PhoneNumber
from talktime.web.routes import Keep, Request, Route

NumberType = Literal["toll", "toll_free"]
Serves = Literal["conference", "attendant", "queue"]


class NumberForm(Struct, forbid_unknown_fields=True, kw_only=True):
    number: PhoneNumber
    type: NumberType
    serves: Serves


class NumberChange(Struct, forbid_unknown_fields=True, kw_only=True):
    serves: Serves


class NumberBody(Struct, kw_only=True):
    id: str
    number: str
    type: NumberType
    serves: Serves
    created_at: datetime


def number_body(row: ServiceNumber) -> NumberBody:
    fields = {"id": row.number_id, "number": row.number, "type": row.type, "serves": row.serves}
    return convert(fields | {"created_at": moment(row.created_at)}, NumberBody)


def post_number(tx: Tx, request: Request[NumberForm]) -> NumberBody:
    """A service number. A toll-free one before credits are set up: 409 credits_not_set_up."""
    form = request.form
    made = ServiceNumber(request.app.new_id("num"), form.number, form.type, form.serves, request.now)
    return number_body(numbers.create(tx, request.org_id, made, actor(request)))


def get_number(tx: ReadTx, request: Request[None]) -> NumberBody:
    """One service number."""
    return number_body(numbers.found(tx, request.org_id, request.names["number_id"]))


def list_numbers(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Service numbers, in the order in which they came."""
    page: Page = request.query
    org = organizations.found(tx, request.org_id)
    rows = reports.page(tx, org.org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda one: one.number_id, number_body)


def patch_number(tx: Tx, request: Request[NumberChange]) -> NumberBody:
    """What it serves."""
    number_id = request.names["number_id"]
    return number_body(numbers.change(tx, request.org_id, number_id, request.form.serves, actor(request)))


def delete_number(tx: Tx, request: Request[None]) -> None:
    """Gives the number up."""
    numbers.remove(tx, request.org_id, request.names["number_id"], actor(request))


def _route(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, "/v1/numbers" + path, Scope.USERS, handler, tag="Service numbers", **options)


ONE = "/{number_id}"
NEW: dict[str, Any] = {"form": NumberForm, "status": 201, "once": Keep.MONTH, "problems": (409,)}
ROUTES = [
    _route("POST", "", post_number, answer=NumberBody, **NEW),
    _route("GET", "", list_numbers, query=Page, answer=list[NumberBody]),
    _route("GET", ONE, get_number, answer=NumberBody),
    _route("PATCH", ONE, patch_number, form=NumberChange, answer=NumberBody),
    _route("DELETE", ONE, delete_number, status=204),
]
