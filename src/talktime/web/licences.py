"""Licences of an organization: how many there are, and who has them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from talktime.actions import organizations, people, user_files
from talktime.core.scopes import Scope
from talktime.storage.database import ReadTx, Tx
from talktime.web.fields import Text, actor
from talktime.web.people import Code
from talktime.web.routes import Request, Route

Quantity = Annotated[int, Meta(ge=0, le=100_000_000)]
Codes = Annotated[list[Code], Meta(max_length=100)]


class LicenceBody(Struct, kw_only=True):
    code: str
    name: str
    purchased: int | None
    """Null: without end."""
    assigned: int


class LicencesBody(Struct, kw_only=True):
    data: list[LicenceBody]
    next: None = None


def get_licences(tx: ReadTx, request: Request[Any]) -> LicencesBody:
    """How many there are of each licence, and how many are assigned."""
    org = organizations.found(tx, request.org_id)
    names = people.names_of_licences(tx)
    rows = [
        LicenceBody(code=row.code, name=names.get(row.code, row.code), purchased=row.purchased, assigned=row.assigned)
        for row in people.owned(tx, org.org_id)
    ]
    return LicencesBody(data=rows)


def put_licences(tx: Tx, request: Request[dict[str, int | None]]) -> LicencesBody:
    """Sets the quantities of those named; null is without end."""
    people.own(tx, request.org_id, request.form, actor(request))
    return get_licences(tx, request)


class AssignForm(Struct, forbid_unknown_fields=True, kw_only=True):
    users: Annotated[list[Text], Meta(min_length=1, max_length=1000)]
    """Ids or sign-in names."""
    add: Codes = []
    remove: Codes = []


class AssignedBody(Struct, kw_only=True):
    changed: int
    unchanged: int


def assign_licences(tx: Tx, request: Request[AssignForm]) -> AssignedBody:
    """Gives licences to many users and takes others from them. All or nothing."""
    form = request.form
    done = user_files.assign_many(tx, request.org_id, form.users, form.add, form.remove, actor(request))
    return AssignedBody(changed=done.changed, unchanged=done.unchanged)


def _route(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, "/v1/licences" + path, Scope.USERS, handler, tag="Licences", **options)


ROUTES = [
    _route("GET", "", get_licences, answer=LicencesBody),
    _route("PUT", "", put_licences, form=dict[Code, Quantity | None], answer=LicencesBody),
    _route("POST", "/assign", assign_licences, form=AssignForm, answer=AssignedBody, problems=(409,)),
]
