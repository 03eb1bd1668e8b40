"""Keys: of an organization, and of the operator."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from talktime.actions import keys, organizations
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import instant, moment
from talktime.reports import keys as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.key_store import KeyRow
from talktime.web.fields import Instant, actor, optional
from talktime.web.lists import Page, page_of
from talktime.web.organizations import ONE
from talktime.web.routes import Keep, Request, Route

OrganizationScope = Literal["calls", "switches", "funds", "users", "reports", "rates", "settings"]
Address = Annotated[str, Meta(min_length=1, max_length=64, description="An IP address or network.")]


class OperatorKeyForm(Struct, forbid_unknown_fields=True, kw_only=True):
    expires_at: Instant | None = None
    addresses: Annotated[list[Address], Meta(max_length=100)] = []


class KeyForm(OperatorKeyForm, forbid_unknown_fields=True, kw_only=True):
    scopes: Annotated[list[OrganizationScope], Meta(min_length=1, max_length=20)]


class MadeKeyBody(Struct, kw_only=True):
    id: str
    key: str | None
    """Shown now, and again to the same Idempotency-Key only; null there after the secret key was replaced."""
    scopes: list[str]
    addresses: list[str]
    expires_at: datetime | None


class KeyBody(Struct, kw_only=True):
    id: str
    scopes: list[str]
    addresses: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    created_by: str


def post_key(tx: Tx, request: Request[KeyForm]) -> MadeKeyBody:
    """A new key of an organization; what it opens is its scopes. The key is shown once."""
    org = organizations.locked(tx, request.org_id)
    scopes = [Scope(one) for one in dict.fromkeys(request.form.scopes)]
    return _made(tx, request, org.org_id, org.mode, scopes)


def post_operator_key(tx: Tx, request: Request[OperatorKeyForm]) -> MadeKeyBody:
    """A new key of the operator, which opens everything. The key is shown once."""
    return _made(tx, request, OPERATOR_ORG, "live", [Scope.OPERATOR])


def _made(tx: Tx, request: Request[Any], org_id: int, mode: str, scopes: list[Scope]) -> MadeKeyBody:
    form: OperatorKeyForm = request.form
    expires_at = instant(form.expires_at) if form.expires_at else None
    made = keys.issue(tx, org_id, mode, scopes, actor(request), form.addresses, expires_at)
    return MadeKeyBody(
        id=made.key_id,
        key=made.key,
        scopes=[one.value for one in made.scopes],
        addresses=form.addresses,
        expires_at=optional(expires_at),
    )


def list_keys(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """The keys of an organization, without what makes them keys."""
    organizations.found(tx, request.org_id)
    return _page(tx, request, request.org_id)


def list_operator_keys(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """The operator's keys."""
    return _page(tx, request, OPERATOR_ORG)


def _page(tx: ReadTx, request: Request[None], org_id: int) -> dict[str, Any]:
    page: Page = request.query
    rows = reports.page(tx, org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.key_id, _key_body)


def _key_body(row: KeyRow) -> KeyBody:
    return KeyBody(
        id=row.key_id,
        scopes=[one for one in row.scopes.split(",") if one],
        addresses=[one for one in row.addresses.split(",") if one],
        expires_at=optional(row.expires_at),
        revoked_at=optional(row.revoked_at),
        created_at=moment(row.created_at),
        created_by=row.created_by,
    )


def delete_key(tx: Tx, request: Request[None]) -> None:
    """Revokes it at once: the next request with it is refused."""
    keys.withdraw(tx, request.org_id, request.names["key_id"], actor(request))


def delete_operator_key(tx: Tx, request: Request[None]) -> None:
    """Revokes it at once: the next request with it is refused."""
    keys.withdraw(tx, OPERATOR_ORG, request.names["key_id"], actor(request))


def _route(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, path, Scope.OPERATOR, handler, needs_organization=False, tag="Keys", **options)


KEYS = ONE + "/keys"
OPERATOR_KEYS = "/v1/operator/keys"
NEW: dict[str, Any] = {
    "answer": MadeKeyBody,
    "status": 201,
    "once": Keep.MONTH,
    "shown_once": "key",
    "problems": (409,),
}
ROUTES = [
    _route("POST", KEYS, post_key, form=KeyForm, **NEW),
    _route("GET", KEYS, list_keys, query=Page, answer=list[KeyBody]),
    _route("DELETE", KEYS + "/{key_id}", delete_key, status=204),
    _route("POST", OPERATOR_KEYS, post_operator_key, form=OperatorKeyForm, **NEW),
    _route("GET", OPERATOR_KEYS, list_operator_keys, query=Page, answer=list[KeyBody]),
    _route("DELETE", OPERATOR_KEYS + "/{key_id}", delete_operator_key, status=204),
]
