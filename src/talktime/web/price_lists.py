"""The operator's price lists: as JSON or as a file, drafted, compared, published."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct

from talktime.actions import prices
from talktime.actions.errors import InvalidMany
from talktime.actions.prices import Draft
from talktime.core import price_files
from talktime.core.price_files import BadRows
from talktime.core.prices import Row
from talktime.core.scopes import Scope
from talktime.core.time import instant
from talktime.reports import prices as reports
from talktime.storage.database import ReadTx, Tx
from talktime.web.fields import Text, actor
from talktime.web.lists import Page, page_of
from talktime.web.price_changes import DifferenceBody, difference_body
from talktime.web.price_list_forms import (
    FileQuery,
    PriceListBody,
    PriceListChange,
    PriceListDraft,
    PriceListForm,
    PublishForm,
    RowBody,
    RowForm,
    price_list_body,
    row_body,
)
from talktime.web.problems import invalid
from talktime.web.routes import IMPORT_BYTES_MAX, Keep, Request, Route

CSV = "text/csv"
LISTS = "/v1/operator/price-lists"


def new_list(request: Request[Any]) -> Draft:
    """Of rows, or of a file; what a file does not say of itself is in the address."""
    if request.kind != CSV:
        form: PriceListForm = request.form
        return prices.draft_of(_rows(form.rows), form.name, form.currency, form.charge_decimals, form.default)
    query: FileQuery = request.query
    for name in ("currency", "charge_decimals"):
        if getattr(query, name) is None:
            raise invalid(name, "Say it in the address.", "missing_field")
    return _draft_of_file(request)


def new_version(request: Request[Any]) -> Draft:
    if request.kind == CSV:
        return _draft_of_file(request)
    form: PriceListDraft = request.form
    return prices.draft_of(_rows(form.rows), form.name, form.currency, form.charge_decimals, form.default)


def _draft_of_file(request: Request[Any]) -> Draft:
    query: FileQuery = request.query
    rows = _file(request.body)
    return prices.draft_of(rows, query.name, query.currency, query.charge_decimals, query.default)


def post_price_list(tx: Tx, request: Request[Draft]) -> PriceListBody:
    """A new list, from rows or from a file. It is a draft until it is published. With one bad line nothing is made."""
    made = prices.create(tx, request.app.new_id("prl"), request.form, actor(request))
    return price_list_body(made, request.now)


def put_price_list(tx: Tx, request: Request[Draft]) -> PriceListBody:
    """A draft of a new version, instead of the draft before. What is published stays in force."""
    drafted = prices.draft_version(tx, request.names["list_id"], request.form, actor(request))
    return price_list_body(drafted, request.now)


def _rows(rows: list[RowForm]) -> list[Row]:
    try:
        return price_files.read_rows(row.text() for row in rows)
    except BadRows as error:
        raise InvalidMany([(one.field, one.code, one.detail) for one in error.errors]) from error


def _file(content: bytes) -> list[Row]:
    try:
        return price_files.read_csv(content)
    except BadRows as error:
        raise InvalidMany([(one.field, one.code, one.detail) for one in error.errors]) from error


def get_price_list(tx: ReadTx, request: Request[None]) -> PriceListBody:
    """One list with its versions; the rows have a route of their own."""
    return price_list_body(prices.found(tx, request.names["list_id"]), request.now)


def list_price_lists(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """All lists, in the order in which they came."""
    page: Page = request.query
    rows = prices.known(tx, reports.page(tx, page.limit + 1, page.after(str)))
    return page_of(rows, page.limit, lambda one: one.head.list_id, lambda one: price_list_body(one, request.now))


class RowPage(Page, kw_only=True):
    version: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    """Missing: the one in force, or else the draft."""


def list_rows(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """The rows of a version, in their order."""
    page: RowPage = request.query
    first: int = max(page.after(int) or 0, 0)
    rows = prices.rows(tx, prices.found(tx, request.names["list_id"]), page.version, request.now)
    numbered = list(enumerate(rows[first : first + page.limit + 1], first + 1))
    return page_of(numbered, page.limit, lambda one: one[0], lambda one: row_body(one[1]))


def patch_price_list(tx: Tx, request: Request[PriceListChange]) -> PriceListBody:
    """Its name, and whether it is the default of its currency: making one the default takes that from the other."""
    form = request.form
    name = None if form.name is UNSET else form.name
    default = None if form.default is UNSET else form.default
    changed = prices.change(tx, request.names["list_id"], name, default, actor(request))
    return price_list_body(changed, request.now)


def publish_price_list(tx: Tx, request: Request[PublishForm]) -> PriceListBody:
    """The draft replaces the whole list at this instant. Calls that are under way keep their price."""
    at = instant(request.form.at) if request.form.at else None
    return price_list_body(prices.publish(tx, request.names["list_id"], at, actor(request)), request.now)


def preview_price_list(tx: ReadTx, request: Request[None]) -> DifferenceBody:
    """What publishing the draft would change of what is in force, told like a comparison."""
    return difference_body(prices.preview(tx, request.names["list_id"], request.now))


class CompareQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    other: Text = msgspec.field(name="with")


def compare_price_lists(tx: ReadTx, request: Request[None]) -> DifferenceBody:
    """What is different in the other list: by how much each price, the largest changes first, and in all."""
    query: CompareQuery = request.query
    return difference_body(prices.compare_with(tx, request.names["list_id"], query.other, request.now))


def _route(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, LISTS + path, Scope.OPERATOR, handler, needs_organization=False, tag="Price lists", **options)


ONE = "/{list_id}"
FILE: dict[str, Any] = {"query": FileQuery, "bytes_max": IMPORT_BYTES_MAX, "also_kinds": (CSV,), "problems": (409,)}
LIST: dict[str, Any] = {"answer": PriceListBody}
ROUTES = [
    _route(
        "POST", "", post_price_list, form=PriceListForm, prepare=new_list, status=201, once=Keep.MONTH, **FILE, **LIST
    ),
    _route("GET", "", list_price_lists, query=Page, answer=list[PriceListBody]),
    _route("GET", ONE, get_price_list, **LIST),
    _route("PUT", ONE, put_price_list, form=PriceListDraft, prepare=new_version, **FILE, **LIST),
    _route("PATCH", ONE, patch_price_list, form=PriceListChange, problems=(409,), **LIST),
    _route("GET", ONE + "/rows", list_rows, query=RowPage, answer=list[RowBody]),
    _route("POST", ONE + "/publish", publish_price_list, form=PublishForm, problems=(409,), once=Keep.MONTH, **LIST),
    _route("GET", ONE + "/preview", preview_price_list, answer=DifferenceBody, problems=(409,)),
    _route("GET", ONE + "/compare", compare_price_lists, query=CompareQuery, answer=DifferenceBody),
]
