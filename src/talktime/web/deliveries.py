"""Mails and webhooks on their way: the operator sees what did not arrive, and sends it once more."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from talktime.actions import deliveries
from talktime.core.ids import org_name
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import deliveries as reports
from talktime.reports.deliveries import Place
from talktime.storage.database import ReadTx, Tx
from talktime.storage.delivery_store import DeliveryRow
from talktime.web.fields import optional
from talktime.web.lists import Page, page_of
from talktime.web.routes import Request, Route

State = Literal["waiting", "sent", "parked", "cancelled", "nobody"]


class DeliveryBody(Struct, kw_only=True):
    id: str
    organization: str
    notice: str
    event: str
    channel: Literal["email", "webhook"]
    recipients: list[str]
    language: str
    state: State
    status: int | None
    """What the other server answered last."""
    error: str | None
    tries: int
    next_try_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class DeliveryPage(Page, kw_only=True):
    state: State | None = None
    """Left out: what has not arrived, parked ones first."""


def delivery_body(row: DeliveryRow) -> DeliveryBody:
    channel: Any = row.channel
    state: Any = row.state
    return DeliveryBody(
        id=row.delivery_id,
        organization=org_name(row.org_id),
        notice=row.notice_id,
        event=row.event,
        channel=channel,
        recipients=row.told,
        language=row.language,
        state=state,
        status=row.status,
        error=row.error,
        tries=row.tries,
        next_try_at=optional(row.due_at),
        created_at=moment(row.created_at),
        ended_at=optional(row.ended_at),
    )


def list_deliveries(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Mails and webhooks of all organizations that have not arrived, parked ones first; or those in one state."""
    page: DeliveryPage = request.query
    rows = reports.everywhere(tx, page.state, page.limit + 1, page.after(Place))
    return page_of(rows, page.limit, reports.place_of, delivery_body)


def replay_delivery(tx: Tx, request: Request[None]) -> DeliveryBody:
    """Sends it once more, under the same id."""
    return delivery_body(deliveries.replay(tx, request.org_id, request.names["delivery_id"], request.now))


ALL = "/v1/operator/deliveries"
COMMON: dict[str, Any] = {"needs_organization": False, "tag": "Operator"}
ANSWER: dict[str, Any] = {"answer": DeliveryBody, "status": 202, "problems": (404,)}
REPLAY = f"{ALL}/{{org}}/{{delivery_id}}/replay"
ROUTES = [
    Route(
        "GET",
        ALL,
        Scope.OPERATOR,
        list_deliveries,
        query=DeliveryPage,
        answer=list[DeliveryBody],
        spans=True,
        **COMMON,
    ),
    Route("POST", REPLAY, Scope.OPERATOR, replay_delivery, **ANSWER, **COMMON),
]
