"""Servers that want to hear of events, and what was sent to them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from talktime.actions import deliveries, webhooks
from talktime.actions.webhooks import Wanted
from talktime.core.notices import EVENTS, EventName
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import deliveries as sent
from talktime.reports import webhooks as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.webhook_store import WebhookRow
from talktime.web.deliveries import DeliveryBody, delivery_body
from talktime.web.fields import actor, given, optional
from talktime.web.lists import Page, page_of
from talktime.web.routes import Keep, Request, Route

Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Events = Annotated[list[EventName], Meta(min_length=1, max_length=len(EVENTS))]


class WebhookForm(Struct, forbid_unknown_fields=True, kw_only=True):
    url: Url
    events: Events


class WebhookPatch(Struct, forbid_unknown_fields=True, kw_only=True):
    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET


class WebhookBody(Struct, kw_only=True):
    """The secret is not shown again."""

    id: str
    url: str
    events: list[str]
    old_secret_until: datetime | None
    """So long the secret of before signs as well."""
    created_at: datetime


class MadeWebhookBody(WebhookBody, kw_only=True):
    secret: str | None
    """Shown now, and again to the same Idempotency-Key only; null there after the secret key was replaced."""


def _values(row: WebhookRow) -> dict[str, Any]:
    return {
        "id": row.webhook_id,
        "url": row.url,
        "events": list(row.wanted),
        "old_secret_until": optional(row.old_until),
        "created_at": moment(row.created_at),
    }


def webhook_body(row: WebhookRow) -> WebhookBody:
    return WebhookBody(**_values(row))


def list_webhooks(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """The webhooks of the organization."""
    page: Page = request.query
    rows = reports.page(tx, request.org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.webhook_id, webhook_body)


def post_webhook(tx: Tx, request: Request[WebhookForm]) -> MadeWebhookBody:
    """Sends these events to this address from now on. The secret that signs them is shown once."""
    app, form = request.app, request.form
    about = (request.org_id, app.new_id("whk"), Wanted(form.url, form.events), actor(request))
    made = webhooks.add_webhook(tx, app.vault, app.post.hooks, *about)
    return MadeWebhookBody(**_values(made.row), secret=made.secret)


def get_webhook(tx: ReadTx, request: Request[None]) -> WebhookBody:
    """One webhook."""
    return webhook_body(webhooks.find_webhook(tx, request.org_id, _id(request)))


def patch_webhook(tx: Tx, request: Request[WebhookPatch]) -> WebhookBody:
    """Another address, other events."""
    about = (request.org_id, _id(request), given(request.form), actor(request))
    return webhook_body(webhooks.change_webhook(tx, request.app.post.hooks, *about))


def delete_webhook(tx: Tx, request: Request[None]) -> None:
    """Nothing is sent to it any more, nor what still waits for it."""
    webhooks.remove_webhook(tx, request.org_id, _id(request), actor(request))


def rotate_webhook(tx: Tx, request: Request[None]) -> MadeWebhookBody:
    """A new secret, shown once. The old one signs along for 24 hours."""
    about = (request.org_id, _id(request), actor(request))
    made = webhooks.rotate(tx, request.app.vault, *about)
    return MadeWebhookBody(**_values(made.row), secret=made.secret)


def test_webhook(tx: Tx, request: Request[None]) -> DeliveryBody:
    """Sends a message of type `test`, signed like all others."""
    test_id = request.app.new_id("test")
    return delivery_body(webhooks.try_webhook(tx, request.org_id, _id(request), test_id, request.now))


def list_deliveries(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """What was sent to it or waits for it, newest first."""
    page: Page = request.query
    webhook = webhooks.find_webhook(tx, request.org_id, _id(request)).webhook_id
    rows = sent.of_webhook(tx, request.org_id, webhook, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.delivery_id, delivery_body)


def replay_delivery(tx: Tx, request: Request[None]) -> DeliveryBody:
    """Sends it once more, under the same id."""
    webhook = webhooks.find_webhook(tx, request.org_id, _id(request)).webhook_id
    delivery = request.names["delivery_id"]
    return delivery_body(deliveries.replay(tx, request.org_id, delivery, request.now, webhook))


def _id(request: Request[Any]) -> str:
    return request.names["webhook_id"]


def _route(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, f"/v1/webhooks{path}", Scope.SETTINGS, handler, tag="Webhooks", **options)


ONE = "/{webhook_id}"
FORM: dict[str, Any] = {"form": WebhookForm, "answer": MadeWebhookBody, "status": 201, "problems": (409,)}
ROUTES = [
    _route("GET", "", list_webhooks, query=Page, answer=list[WebhookBody]),
    _route("POST", "", post_webhook, once=Keep.MONTH, shown_once="secret", **FORM),
    _route("GET", ONE, get_webhook, answer=WebhookBody, problems=(404,)),
    _route("PATCH", ONE, patch_webhook, form=WebhookPatch, answer=WebhookBody, problems=(404,)),
    _route("DELETE", ONE, delete_webhook, status=204, problems=(404,)),
    _route("POST", f"{ONE}/rotate", rotate_webhook, answer=MadeWebhookBody, problems=(404,)),
    _route("POST", f"{ONE}/test", test_webhook, answer=DeliveryBody, status=202, problems=(404,)),
    _route("GET", f"{ONE}/deliveries", list_deliveries, query=Page, answer=list[DeliveryBody], problems=(404,)),
    _route(
        "POST",
        f"{ONE}/deliveries/{{delivery_id}}/replay",
        replay_delivery,
        answer=DeliveryBody,
        status=202,
        problems=(404,),
    ),
]
