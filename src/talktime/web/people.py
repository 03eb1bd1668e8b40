"""Users and their licences."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from talktime.actions import organizations, people
from talktime.core.licences import CATALOGUE
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import people as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.user_store import UserRow
from talktime.web.fields import Country, Language, Text, actor, given
from talktime.web.lists import Page, page_of
from talktime.web.routes import Keep, Request, Route

UserKind = Literal["person", "resource_account"]
PhoneNumber = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}\Z", description="E.164.")]
Quantity = Annotated[int, Meta(ge=0, le=100_000_000)]
Code = Annotated[str, Meta(min_length=1, max_length=64)]


class UserForm(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Text
    sign_in_name: Text
    usage_location: Country
    number: PhoneNumber | None = None
    kind: UserKind = "person"
    language: Language = "en"


class UserChange(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out keeps its value."""

    name: Text | UnsetType = UNSET
    sign_in_name: Text | UnsetType = UNSET
    usage_location: Country | UnsetType = UNSET
    number: PhoneNumber | UnsetType | None = UNSET
    kind: UserKind | UnsetType = UNSET
    language: Language | UnsetType = UNSET


class UserBody(Struct, kw_only=True):
    id: str
    name: str
    sign_in_name: str
    usage_location: str
    number: str | None
    kind: UserKind
    language: str
    licences: list[str]
    created_at: datetime


def user_body(user: UserRow) -> UserBody:
    kind: Any = user.kind
    return UserBody(
        id=user.user_id,
        name=user.name,
        sign_in_name=user.sign_in_name,
        usage_location=user.usage_location,
        number=user.number,
        kind=kind,
        language=user.language,
        licences=list(user.codes),
        created_at=moment(user.created_at),
    )


def post_user(tx: Tx, request: Request[UserForm]) -> UserBody:
    """A person or a resource account that calls."""
    values = dict(given(request.form))
    user = UserRow(user_id=request.app.new_id("usr"), licences="[]", created_at=request.now, **values)
    return user_body(people.create(tx, request.org_id, user, actor(request)))


def get_user(tx: ReadTx, request: Request[None]) -> UserBody:
    """One user."""
    return user_body(people.found(tx, request.org_id, request.names["user_id"]))


def list_users(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Users, in the order in which they came."""
    page: Page = request.query
    org = organizations.found(tx, request.org_id)
    rows = reports.page(tx, org.org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda user: user.user_id, user_body)


def patch_user(tx: Tx, request: Request[UserChange]) -> UserBody:
    """Changes single fields."""
    values = given(request.form)
    return user_body(people.change(tx, request.org_id, request.names["user_id"], values, actor(request)))


def delete_user(tx: Tx, request: Request[None]) -> None:
    """Removes a user; the licences are free again."""
    people.remove(tx, request.org_id, request.names["user_id"], actor(request))


def put_user_licences(tx: Tx, request: Request[list[str]]) -> UserBody:
    """These licences and no others. More than were bought: 409 no_licence_left."""
    return user_body(people.assign(tx, request.org_id, request.names["user_id"], request.form, actor(request)))


class LicenceBody(Struct, kw_only=True):
    code: str
    name: str
    purchased: int | None
    """Null: without end."""
    assigned: int


class LicencesBody(Struct, kw_only=True):
    data: list[LicenceBody]
    next: None = None


def get_licences(tx: ReadTx, request: Request[None]) -> LicencesBody:
    """How many there are of each licence, and how many are assigned."""
    org = organizations.found(tx, request.org_id)
    rows = people.owned(tx, org.org_id)
    return LicencesBody(
        data=[
            LicenceBody(code=row.code, name=CATALOGUE[row.code], purchased=row.purchased, assigned=row.assigned)
            for row in rows
        ]
    )


def put_licences(tx: Tx, request: Request[dict[str, int | None]]) -> LicencesBody:
    """Sets the quantities of those named; null is without end."""
    people.own(tx, request.org_id, request.form, actor(request))
    return get_licences(tx, request)  # type: ignore[arg-type]


class CatalogueEntry(Struct):
    code: str
    name: str


def get_catalogue(request: Request[None]) -> dict[str, Any]:
    """The licences that there are."""
    return {"data": [CatalogueEntry(code, name) for code, name in CATALOGUE.items()], "next": None}


def _route(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, path, Scope.USERS, handler, tag="People", **options)


ONE = "/v1/users/{user_id}"
USED = (409,)
ROUTES = [
    _route("POST", "/v1/users", post_user, form=UserForm, answer=UserBody, status=201, once=Keep.MONTH, problems=USED),
    _route("GET", "/v1/users", list_users, query=Page, answer=list[UserBody]),
    _route("GET", ONE, get_user, answer=UserBody),
    _route("PATCH", ONE, patch_user, form=UserChange, answer=UserBody, problems=USED),
    _route("DELETE", ONE, delete_user, status=204),
    _route("PUT", ONE + "/licences", put_user_licences, form=list[Code], answer=UserBody, problems=USED),
    _route("GET", "/v1/licences", get_licences, answer=LicencesBody),
    _route("PUT", "/v1/licences", put_licences, form=dict[Code, Quantity | None], answer=LicencesBody),
    Route(
        "GET",
        "/v1/operator/licence-catalogue",
        Scope.OPERATOR,
        get_catalogue,
        tx=False,
        answer=list[CatalogueEntry],
        needs_organization=False,
        tag="Operator",
    ),
]
