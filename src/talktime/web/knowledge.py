"""What the operator knows better than what is shipped: licences, and rows about numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct, convert

from talktime.actions import knowledge
from talktime.actions.errors import InvalidMany
from talktime.core.licence_rows import read_licence_file, read_licences
from talktime.core.licence_terms import Licence
from talktime.core.licence_text import cells_of
from talktime.core.number_rows import NumberLine, read_number_file, read_number_rows
from talktime.core.price_files import BadRows
from talktime.core.scopes import Scope
from talktime.storage.database import ReadTx, Tx
from talktime.web.fields import actor
from talktime.web.routes import IMPORT_BYTES_MAX, Request, Route

CSV = "text/csv"
CATALOGUE, NUMBER_ROWS = "/v1/operator/licence-catalogue", "/v1/operator/number-rows"
Lines = Annotated[list[dict[str, str]], Meta(max_length=100_000)]
T = TypeVar("T")


class CatalogueForm(Struct, forbid_unknown_fields=True):
    licences: Lines
    """As the file has them: each column by its name."""


class LicenceEntry(Struct, kw_only=True):
    """Cells of the file; an empty one says nothing."""

    code: str
    name: str
    ability: str
    order: str
    counts_as: str
    includes: str
    conference: str
    domestic: str
    international: str
    counted: str
    shared: str
    destinations: str
    caps: str
    source: Literal["shipped", "own"]


class CatalogueBody(Struct, kw_only=True):
    data: list[LicenceEntry]
    next: None = None


class NumberRowsForm(Struct, forbid_unknown_fields=True):
    rows: Lines


class NumberRowBody(Struct, kw_only=True):
    prefix: str
    kind: str = ""
    premium: str = ""
    high_risk: str = ""
    digits: str = ""
    country: str = ""
    reason: str = ""


class NumberRowsBody(Struct, kw_only=True):
    data: list[NumberRowBody]
    next: None = None


def get_catalogue(tx: ReadTx, request: Request[Any]) -> CatalogueBody:
    """All licences that there are, shipped and your own, with every term."""
    return CatalogueBody(data=[_entry(licence, is_own) for licence, is_own in knowledge.catalogue(tx)])


def _entry(licence: Licence, is_own: bool) -> LicenceEntry:
    return convert(cells_of(licence) | {"source": "own" if is_own else "shipped"}, LicenceEntry)


def read_catalogue(request: Request[Any]) -> list[Licence]:
    known = knowledge.SHIPPED_CODES
    if request.kind == CSV:
        return _read(lambda: read_licence_file(request.body, known))
    return _read(lambda: read_licences(request.form.licences, known))


def put_catalogue(request: Request[list[Licence]]) -> CatalogueBody:
    """Licences of your own, instead of those before. With one bad line nothing is changed. Pools follow at once."""
    knowledge.replace_licences(request.app.database, request.form, actor(request))
    return request.app.database.read((), get_catalogue, request)


def delete_licence(request: Request[None]) -> None:
    """Takes one of your own away. 409 while somebody holds or bought it and no shipped one takes its place."""
    knowledge.remove_licence(request.app.database, request.names["code"], actor(request))


def get_number_rows(tx: ReadTx, request: Request[Any]) -> NumberRowsBody:
    """What you say about numbers, over what is shipped."""
    return NumberRowsBody(data=[convert(dict(line), NumberRowBody) for line in knowledge.number_rows(tx)])


def read_rows(request: Request[Any]) -> list[NumberLine]:
    if request.kind == CSV:
        return _read(lambda: read_number_file(request.body))
    return _read(lambda: read_number_rows(request.form.rows))


def put_number_rows(tx: Tx, request: Request[list[NumberLine]]) -> NumberRowsBody:
    """Rows of your own, instead of those before. With one bad line nothing is changed."""
    knowledge.replace_numbers(tx, request.form, actor(request))
    return get_number_rows(tx, request)


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except BadRows as error:
        raise InvalidMany([(one.field, one.code, one.detail) for one in error.errors]) from error


def _route(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, path, Scope.OPERATOR, handler, needs_organization=False, tag="Operator", **options)


FILE: Mapping[str, Any] = {"bytes_max": IMPORT_BYTES_MAX, "also_kinds": (CSV,)}
LICENCES: dict[str, Any] = {"form": CatalogueForm, "prepare": read_catalogue, "problems": (409,), **FILE}
ROWS: dict[str, Any] = {"form": NumberRowsForm, "prepare": read_rows, **FILE}
ROUTES = [
    _route("GET", CATALOGUE, get_catalogue, answer=CatalogueBody),
    _route("PUT", CATALOGUE, put_catalogue, answer=CatalogueBody, tx=False, **LICENCES),
    _route("DELETE", CATALOGUE + "/{code}", delete_licence, status=204, tx=False, problems=(409,)),
    _route("GET", NUMBER_ROWS, get_number_rows, answer=NumberRowsBody),
    _route("PUT", NUMBER_ROWS, put_number_rows, answer=NumberRowsBody, **ROWS),
]
