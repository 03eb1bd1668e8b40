"""The operator's organizations and the keys of everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from talktime.actions import organizations
from talktime.actions.seal import seal_one
from talktime.core.ids import org_name
from talktime.core.languages import Language
from talktime.core.limits import Limits
from talktime.core.policies import DEFAULT_POLICY, Policy
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import moment
from talktime.reports import organizations as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.org_store import Organization
from talktime.web.fields import Country, Currency, Text, actor, given, optional
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
    """Closes it: new calls are refused, running ones are hung up, and nothing is lost. What was written is sealed."""
    whose = (OPERATOR_ORG, request.org_id)
    request.app.database.write(whose, organizations.close, request.org_id, actor(request))
    # After the commit, so that no switch is told what then did not happen.
    request.app.cut_off(request.org_id)
    seal_one(request.app.database, request.org_id, request.app.now)


def _route(method: str, path: str, handler: Any, tag: str = "Organizations", **options: Any) -> Route:
    return Route(method, path, Scope.OPERATOR, handler, needs_organization=False, tag=tag, **options)


ONE = ORGANIZATIONS + "/{org}"
NEW: dict[str, Any] = {"form": OrganizationForm, "answer": OrganizationBody, "status": 201, "once": Keep.MONTH}
ROUTES = [
    _route("POST", ORGANIZATIONS, post_organization, spans=True, **NEW),
    _route("GET", ORGANIZATIONS, list_organizations, spans=True, query=Page, answer=list[OrganizationBody]),
    _route("GET", ONE, get_organization, answer=OrganizationBody),
    _route("PATCH", ONE, patch_organization, form=OrganizationChange, answer=OrganizationBody, problems=(409,)),
    _route("DELETE", ONE, delete_organization, tx=False, status=204),
]
