"""The operator's price lists: as JSON or as a file, drafted, compared, published."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from talktime.actions import prices
from talktime.actions.errors import InvalidMany
from talktime.actions.prices import Draft, Known
from talktime.core import price_files
from talktime.core.money import decimal
from talktime.core.price_files import BadRows, Difference, RowText, WindowText
from talktime.core.prices import PriceKind, Row, Window
from talktime.core.scopes import Scope
from talktime.core.time import instant, moment
from talktime.reports import prices as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.price_store import Version
from talktime.web.fields import Currency, Instant, Text, optional
from talktime.web.lists import Page, page_of
from talktime.web.organizations import actor
from talktime.web.problems import invalid
from talktime.web.routes import IMPORT_BYTES_MAX, Keep, Request, Route

CSV = "text/csv"
LISTS = "/v1/operator/price-lists"
Price = Annotated[str, Meta(description="A decimal string, not below zero.")]
Decimals = Annotated[int, Meta(ge=0, le=6, description="To how many decimals a charge is rounded.")]
Step = Annotated[int, Meta(ge=1, le=price_files.SECONDS_MAX)]


class WindowForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """Another price at some hours of the week, in the organization's zone."""

    days: Annotated[str, Meta(description='Monday is 1: "1-5" or "6,7".')]
    begins: str = msgspec.field(name="from")
    ends: str = msgspec.field(name="to")
    per_minute: Price
    connection_fee: Price = "0"

    def text(self) -> WindowText:
        return WindowText(self.days, self.begins, self.ends, self.per_minute, self.connection_fee)


class RowForm(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    prefix: Annotated[str, Meta(description="1 to 15 digits, without +.")]
    per_minute: Price
    destination: str = ""
    connection_fee: Price = "0"
    initial_seconds: Step = 60
    step_seconds: Step = 60
    kind: PriceKind = PriceKind.OUTBOUND
    valid_from: Instant | None = None
    """Null: from the publication on."""
    windows: Annotated[list[WindowForm], Meta(max_length=50)] = []

    def text(self) -> RowText:
        return RowText(
            self.prefix,
            self.per_minute,
            self.destination,
            self.connection_fee,
            self.initial_seconds,
            self.step_seconds,
            self.kind.value,
            instant(self.valid_from) if self.valid_from else 0,
            tuple([window.text() for window in self.windows]),
        )


class PriceListForm(Struct, forbid_unknown_fields=True, kw_only=True):
    currency: Currency
    charge_decimals: Decimals
    rows: Annotated[list[RowForm], Meta(min_length=1)]
    name: Text = "Price list"
    default: bool = False
    """The list of organizations of its currency that have none of their own."""


class PriceListDraft(Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of POST; what is left out stays as it is. Name and default change at once, prices by publication."""

    rows: Annotated[list[RowForm], Meta(min_length=1)]
    currency: Currency | None = None
    charge_decimals: Decimals | None = None
    name: Text | None = None
    default: bool | None = None


class FileQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a file does not say of itself; for text/csv only."""

    name: Text | None = None
    currency: Currency | None = None
    charge_decimals: Decimals | None = None
    default: bool | None = None


class PriceListChange(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Text | UnsetType = UNSET
    default: bool | UnsetType = UNSET


class PublishForm(Struct, forbid_unknown_fields=True, kw_only=True):
    at: Instant | None = None
    """Missing, or not in the future: now."""


class VersionBody(Struct, kw_only=True):
    version: int
    state: Literal["draft", "scheduled", "published"]
    charge_decimals: int
    published_at: datetime | None
    rows: int
    created_at: datetime


class PriceListBody(Struct, kw_only=True):
    id: str
    name: str
    currency: str
    charge_decimals: int
    default: bool
    created_at: datetime
    published_at: datetime | None
    """Since when the version in force is in force."""
    versions: list[VersionBody]


def price_list_body(known: Known, now: int) -> PriceListBody:
    head, current = known.head, known.in_force(now)
    shown = current or known.draft or known.versions[-1]
    return PriceListBody(
        id=head.list_id,
        name=head.name,
        currency=head.currency,
        charge_decimals=shown.charge_decimals,
        default=head.is_default,
        created_at=moment(head.created_at),
        published_at=optional(current.published_at if current else None),
        versions=[_version_body(version, now) for version in known.versions],
    )


def _version_body(version: Version, now: int) -> VersionBody:
    at = version.published_at
    return VersionBody(
        version=version.version,
        state="draft" if at is None else "published" if at <= now else "scheduled",
        charge_decimals=version.charge_decimals,
        published_at=optional(at),
        rows=version.row_count,
        created_at=moment(version.created_at),
    )


class WindowBody(Struct, kw_only=True):
    days: str
    begins: str = msgspec.field(name="from")
    ends: str = msgspec.field(name="to")
    per_minute: str
    connection_fee: str


class RowBody(Struct, kw_only=True):
    prefix: str
    destination: str
    per_minute: str
    connection_fee: str
    initial_seconds: int
    step_seconds: int
    kind: PriceKind
    valid_from: datetime | None
    windows: list[WindowBody]


def row_body(row: Row) -> RowBody:
    return RowBody(
        prefix=row.prefix,
        destination=row.destination,
        per_minute=decimal(row.per_minute),
        connection_fee=decimal(row.connection_fee),
        initial_seconds=row.initial_seconds,
        step_seconds=row.step_seconds,
        kind=row.kind,
        valid_from=moment(row.valid_from) if row.valid_from else None,
        windows=[_window_body(window) for window in row.windows],
    )


def _window_body(window: Window) -> WindowBody:
    return WindowBody(
        days=price_files.days_text(window.days),
        begins=price_files.clock_text(window.begins),
        ends=price_files.clock_text(window.ends),
        per_minute=decimal(window.per_minute),
        connection_fee=decimal(window.connection_fee),
    )


class DifferenceBody(Struct, kw_only=True):
    added: list[RowBody]
    removed: list[RowBody]
    changed: list[RowBody]


def difference_body(difference: Difference) -> DifferenceBody:
    added, removed, changed = ([row_body(row) for row in rows] for rows in difference)
    return DifferenceBody(added=added, removed=removed, changed=changed)


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
    """What publishing the draft would change of what is in force."""
    return difference_body(prices.preview(tx, request.names["list_id"], request.now))


class CompareQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    other: Text = msgspec.field(name="with")


def compare_price_lists(tx: ReadTx, request: Request[None]) -> DifferenceBody:
    """What is different in the other list."""
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
