"""Users: made, changed, blocked, removed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from talktime.actions import blocking, organizations, people
from talktime.core.languages import Language
from talktime.core.policies import Policy
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import people as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.user_store import UserRow
from talktime.web.fields import Country, Reason, Text, actor, given, optional
from talktime.web.lists import Page, page_of
from talktime.web.routes import Keep, Request, Route

UserKind = Literal["person", "resource_account"]
PhoneNumber = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}\Z", description="E.164.")]
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
    policy: Policy | None
    """Null: the organization's."""
    blocked: bool
    block_reason: str | None
    blocked_at: datetime | None
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
        policy=Policy(user.policy) if user.policy else None,
        blocked=user.blocked_at is not None,
        block_reason=user.block_reason,
        blocked_at=optional(user.blocked_at),
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


class UserPage(Page, kw_only=True):
    q: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """Part of a name, a sign-in name or a number."""
    location: Country | None = None
    licence: Code | None = None
    blocked: bool | None = None
    kind: UserKind | None = None


def list_users(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Users, in the order in which they came."""
    page: UserPage = request.query
    org = organizations.found(tx, request.org_id)
    wanted = reports.Wanted(page.q, page.location, page.licence, page.blocked, page.kind)
    rows = reports.page(tx, org.org_id, page.limit + 1, page.after(str), wanted)
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


class PolicyForm(Struct, forbid_unknown_fields=True):
    policy: Policy | None
    """Null: the organization's."""


def put_user_policy(tx: Tx, request: Request[PolicyForm]) -> UserBody:
    """Where this user may call."""
    policy = request.form.policy
    user_id = request.names["user_id"]
    return user_body(people.set_policy(tx, request.org_id, user_id, policy and policy.value, actor(request)))


class BlockForm(Struct, forbid_unknown_fields=True):
    reason: Reason


def block_user(request: Request[BlockForm]) -> UserBody:
    """No new calls, and the running ones are hung up; emergency calls excepted."""
    org_id, user_id = request.org_id, request.names["user_id"]
    user = request.app.database.write(org_id, blocking.block, org_id, user_id, request.form.reason, actor(request))
    # After the commit, so that no switch is told what then did not happen.
    request.app.cut_off(org_id, user_id)
    return user_body(user)


def unblock_user(tx: Tx, request: Request[None]) -> UserBody:
    """May call again."""
    return user_body(blocking.unblock(tx, request.org_id, request.names["user_id"], actor(request)))


def _route(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, path, Scope.USERS, handler, tag="People", **options)


ONE = "/v1/users/{user_id}"
USED = (409,)
ROUTES = [
    _route("POST", "/v1/users", post_user, form=UserForm, answer=UserBody, status=201, once=Keep.MONTH, problems=USED),
    _route("GET", "/v1/users", list_users, query=UserPage, answer=list[UserBody]),
    _route("GET", ONE, get_user, answer=UserBody),
    _route("PATCH", ONE, patch_user, form=UserChange, answer=UserBody, problems=USED),
    _route("DELETE", ONE, delete_user, status=204),
    _route("PUT", ONE + "/licences", put_user_licences, form=list[Code], answer=UserBody, problems=USED),
    _route("PUT", ONE + "/policy", put_user_policy, form=PolicyForm, answer=UserBody),
    _route("POST", ONE + "/block", block_user, form=BlockForm, answer=UserBody, tx=False),
    _route("POST", ONE + "/unblock", unblock_user, answer=UserBody),
]
