"""The operator's organizations and the keys of everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from talktime.actions import keys, organizations
from talktime.actions.audit import Actor
from talktime.core.ids import org_name
from talktime.core.limits import Limits
from talktime.core.policies import DEFAULT_POLICY, Policy
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import instant, moment
from talktime.reports import keys as reported_keys
from talktime.reports import organizations as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.key_store import KeyRow
from talktime.storage.org_store import Organization
from talktime.web.fields import Country, Currency, Instant, Language, Text, given, optional
from talktime.web.lists import Page, page_of
from talktime.web.routes import Keep, Request, Route

BillingAccount = Literal["prepaid", "postpaid", "partner"]
ORGANIZATIONS = "/v1/operator/organizations"


class OrganizationForm(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Text
    country: Country
    currency: Currency
    time_zone: Text = "UTC"
    language: Language = "en"
    mode: Literal["live", "test"] = "live"
    billing_account: BillingAccount = "prepaid"
    policy: Policy = DEFAULT_POLICY
    price_list: Text | None = None
    limits: Limits = Limits()


class OrganizationChange(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out keeps its value."""

    name: Text | UnsetType = UNSET
    country: Country | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    time_zone: Text | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    billing_account: BillingAccount | UnsetType = UNSET
    policy: Policy | UnsetType = UNSET
    price_list: Text | UnsetType | None = UNSET
    limits: Limits | UnsetType = UNSET


class OrganizationBody(Struct, kw_only=True):
    id: str
    name: str
    country: str
    currency: str
    time_zone: str
    language: str
    mode: str
    billing_account: str
    policy: str
    price_list: str | None
    limits: Limits
    state: Literal["open", "closed"]
    created_at: datetime
    clock_at: datetime | None
    """Where the clock of a test organization stands; null: it runs with real time."""


def organization_body(org: Organization) -> OrganizationBody:
    own = ("org_id", "limits", "created_at", "clock_at", *organizations.COLUMNS)
    values: dict[str, Any] = {name: getattr(org, name) for name in org.__struct_fields__ if name not in own}
    return OrganizationBody(
        id=org_name(org.org_id),
        limits=organizations.limits_of(org),
        created_at=moment(org.created_at),
        clock_at=optional(org.clock_at),
        **values,
    )


def post_organization(tx: Tx, request: Request[OrganizationForm]) -> OrganizationBody:
    """A new organization, without money."""
    values = {name: value for name, value in given(request.form).items() if name != "limits"}
    values["policy"] = request.form.policy.value
    return organization_body(organizations.create(tx, values, request.form.limits, actor(request)))


def get_organization(tx: ReadTx, request: Request[None]) -> OrganizationBody:
    """One organization."""
    return organization_body(organizations.found(tx, request.org_id))


def list_organizations(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """All organizations, in the order in which they came."""
    page: Page = request.query
    rows = reports.page(tx, page.limit + 1, page.after(int))
    return page_of(rows, page.limit, lambda org: org.org_id, organization_body)


def patch_organization(tx: Tx, request: Request[OrganizationChange]) -> OrganizationBody:
    """Changes single fields. The currency is fixed with the first entry."""
    values = dict(given(request.form))
    limits = values.pop("limits", UNSET)
    if "policy" in values:
        values["policy"] = values["policy"].value
    return organization_body(organizations.change(tx, request.org_id, values, limits, actor(request)))


def delete_organization(request: Request[None]) -> None:
    """Closes it: new calls are refused, running ones are hung up, and nothing is lost."""
    whose = (OPERATOR_ORG, request.org_id)
    request.app.database.write(whose, organizations.close, request.org_id, actor(request))
    # After the commit, so that no switch is told what then did not happen.
    request.app.cut_off(request.org_id)


def actor(request: Request[Any]) -> Actor:
    return Actor(request.by, request.now)


OrganizationScope = Literal["calls", "switches", "funds", "users", "reports", "rates", "settings"]
Address = Annotated[str, Meta(min_length=1, max_length=64, description="An IP address or network.")]


class OperatorKeyForm(Struct, forbid_unknown_fields=True, kw_only=True):
    expires_at: Instant | None = None
    addresses: Annotated[list[Address], Meta(max_length=100)] = []


class KeyForm(OperatorKeyForm, forbid_unknown_fields=True, kw_only=True):
    scopes: Annotated[list[OrganizationScope], Meta(min_length=1, max_length=20)]


class MadeKeyBody(Struct, kw_only=True):
    id: str
    key: str
    """Shown now and never again."""
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
    rows = reported_keys.page(tx, org_id, page.limit + 1, page.after(str))
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


def _route(method: str, path: str, handler: Any, tag: str = "Organizations", **options: Any) -> Route:
    return Route(method, path, Scope.OPERATOR, handler, needs_organization=False, tag=tag, **options)


ONE = ORGANIZATIONS + "/{org}"
KEYS = ONE + "/keys"
OPERATOR_KEYS = "/v1/operator/keys"
NEW: dict[str, Any] = {"form": OrganizationForm, "answer": OrganizationBody, "status": 201, "once": Keep.MONTH}
MADE: dict[str, Any] = {"answer": MadeKeyBody, "status": 201}
ROUTES = [
    _route("POST", ORGANIZATIONS, post_organization, spans=True, **NEW),
    _route("GET", ORGANIZATIONS, list_organizations, spans=True, query=Page, answer=list[OrganizationBody]),
    _route("GET", ONE, get_organization, answer=OrganizationBody),
    _route("PATCH", ONE, patch_organization, form=OrganizationChange, answer=OrganizationBody, problems=(409,)),
    _route("DELETE", ONE, delete_organization, tx=False, status=204),
    _route("POST", KEYS, post_key, "Keys", form=KeyForm, **MADE),
    _route("GET", KEYS, list_keys, "Keys", query=Page, answer=list[KeyBody]),
    _route("DELETE", KEYS + "/{key_id}", delete_key, "Keys", status=204),
    _route("POST", OPERATOR_KEYS, post_operator_key, "Keys", form=OperatorKeyForm, **MADE),
    _route("GET", OPERATOR_KEYS, list_operator_keys, "Keys", query=Page, answer=list[KeyBody]),
    _route("DELETE", OPERATOR_KEYS + "/{key_id}", delete_operator_key, "Keys", status=204),
]
