"""Cards. Their numbers never come here: they are entered on a page of the provider's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from talktime.actions import methods
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import payment_methods as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.method_store import Method
from talktime.web.fields import actor
from talktime.web.lists import Page, page_of
from talktime.web.problems import invalid
from talktime.web.routes import Keep, Request, Route

METHODS = "/v1/payment-methods"
ONE = METHODS + "/{method_id}"
TrialNumber = Annotated[str, Meta(pattern=r"^[0-9]{12,19}\Z", description="One of the numbers for trying out.")]


class MethodForm(Struct, forbid_unknown_fields=True):
    """Empty: the answer names a page of the provider's where the card is entered."""

    simulator_card: TrialNumber | None = None


class MethodChange(Struct, forbid_unknown_fields=True):
    default: bool


class MethodBody(Struct, kw_only=True):
    id: str
    provider: str
    state: Literal["waiting", "active", "removed"]
    brand: str
    last4: str
    expires: str | None
    default: bool
    redirect_url: str | None
    created_at: datetime


def method_body(method: Method, redirect_url: str | None = None) -> MethodBody:
    state: Any = method.state
    return MethodBody(
        id=method.method_id,
        provider=method.provider,
        state=state,
        brand=method.brand,
        last4=method.last4,
        expires=method.expires,
        default=method.is_default,
        redirect_url=redirect_url,
        created_at=moment(method.created_at),
    )


def post_method(tx: Tx, request: Request[MethodForm]) -> str:
    """Adds a card: on the provider's own page, or on a test organization by one of the numbers for trying out."""
    method_id = request.app.new_id("pm")
    if request.form.simulator_card is not None:
        methods.add_trial_card(tx, request.org_id, method_id, request.form.simulator_card, actor(request))
    return method_id


def added(request: Request[MethodForm], method_id: str) -> MethodBody:
    """After the commit, since the provider may have to be asked for a page."""
    app, org_id = request.app, request.org_id
    method = app.database.read(org_id, reports.find, org_id, method_id)
    if method is not None:
        return method_body(method)
    begun, url = methods.begin(app.database, app.till, app.terms, org_id, method_id, actor(request))
    return method_body(begun, url)


def finish_method(request: Request[None]) -> MethodBody:
    """The page was filled in, or not: what the provider knows of the card by now."""
    app, org_id, method_id = request.app, request.org_id, request.names["method_id"]
    return method_body(methods.finish(app.database, app.till, org_id, method_id, actor(request)))


def list_methods(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Cards that can be used, oldest first."""
    page: Page = request.query
    rows = reports.page(tx, request.org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.method_id, method_body)


def get_method(tx: ReadTx, request: Request[None]) -> MethodBody:
    """One card."""
    return method_body(methods.found(tx, request.org_id, request.names["method_id"]))


def patch_method(tx: Tx, request: Request[MethodChange]) -> MethodBody:
    """Makes it the default, which is used where none is named."""
    if not request.form.default:
        raise invalid("default", "Make another card the default instead.")
    return method_body(methods.make_default(tx, request.org_id, request.names["method_id"], actor(request)))


def delete_method(request: Request[None]) -> None:
    """Removes it, here and at the provider. Not while auto-recharge needs it."""
    app, org_id = request.app, request.org_id
    method = app.database.write(org_id, methods.remove, org_id, request.names["method_id"], actor(request))
    methods.forget(app.till, method)


ADD: dict[str, Any] = {"form": MethodForm, "answer": MethodBody, "status": 201, "once": Keep.MONTH, "problems": (409,)}
ROUTES = [
    Route("POST", METHODS, Scope.FUNDS, post_method, follow=added, tag="Money", **ADD),
    Route("GET", METHODS, Scope.FUNDS, list_methods, query=Page, answer=list[MethodBody], tag="Money"),
    Route("GET", ONE, Scope.FUNDS, get_method, answer=MethodBody, tag="Money"),
    Route("PATCH", ONE, Scope.FUNDS, patch_method, form=MethodChange, answer=MethodBody, problems=(409,), tag="Money"),
    Route("DELETE", ONE, Scope.FUNDS, delete_method, tx=False, status=204, problems=(409,), tag="Money"),
    Route("POST", f"{ONE}/finish", Scope.FUNDS, finish_method, tx=False, answer=MethodBody, tag="Money"),
]
