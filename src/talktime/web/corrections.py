"""Money that the operator grants, corrects and gives back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from talktime.actions import funds
from talktime.actions.organizations import found
from talktime.core.ids import org_name
from talktime.core.money import decimal, micros
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import adjustments
from talktime.storage.adjustment_store import BOOKED, Adjustment, Reversal
from talktime.storage.database import ReadTx, Tx
from talktime.web.call_forms import CallId
from talktime.web.fields import Amount, Instant, Reason, actor, amount_of, end_of, positive
from talktime.web.funds import LotBody, lot_body
from talktime.web.lists import Page, page_of
from talktime.web.organizations import ONE
from talktime.web.problems import invalid
from talktime.web.routes import Keep, Request, Route


class GrantForm(Struct, forbid_unknown_fields=True, kw_only=True):
    amount: Amount
    expires_at: Instant | None = None
    priority: Annotated[int, Meta(ge=0, le=1000, description="Lower is spent first.")] = 100
    reason: Reason | None = None


def post_grant(tx: Tx, request: Request[GrantForm]) -> LotBody:
    """A promotional lot. What is owed is paid out of it first; the first one sets credits up."""
    form = request.form
    amount = positive("amount", form.amount)
    grant = funds.Grant(_tail(request), amount, end_of(form.expires_at), form.priority, form.reason or "")
    lot = funds.grant(tx, request.org_id, grant, actor(request))
    org = found(tx, request.org_id)
    return lot_body(lot, org.currency, org.now(request.now))


class AdjustmentForm(Struct, forbid_unknown_fields=True, kw_only=True):
    amount: Amount
    reason: Reason


class AdjustmentBody(Struct, kw_only=True):
    id: str
    amount: str
    currency: str
    reason: str
    status: Literal["booked", "awaiting_second_person"]
    asked_by: str
    confirmed_by: str | None
    created_at: datetime


def adjustment_body(adjustment: Adjustment, currency: str) -> AdjustmentBody:
    status: Any = adjustment.status
    return AdjustmentBody(
        id=adjustment.adjustment_id,
        amount=decimal(adjustment.amount_micros),
        currency=currency,
        reason=adjustment.reason,
        status=status,
        asked_by=adjustment.asked_by,
        confirmed_by=adjustment.confirmed_by,
        created_at=moment(adjustment.created_at),
    )


def post_adjustment(tx: Tx, request: Request[AdjustmentForm]) -> AdjustmentBody:
    """Corrects the balance up or down. Above the limit it waits for a second person."""
    amount = amount_of("amount", request.form.amount)
    if amount == 0:
        raise invalid("amount", "It must not be zero.", "out_of_range")
    asked = Adjustment(_id("adj", request), amount, request.form.reason, BOOKED, request.by, None, request.now)
    limit = micros(request.app.settings.adjustment_limit)
    made = funds.adjust(tx, request.org_id, asked, limit, actor(request))
    return adjustment_body(made, found(tx, request.org_id).currency)


def get_adjustment(tx: ReadTx, request: Request[None]) -> AdjustmentBody:
    """One adjustment."""
    adjustment = funds.adjustment_of(tx, request.org_id, request.names["adjustment_id"])
    return adjustment_body(adjustment, found(tx, request.org_id).currency)


def list_adjustments(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Adjustments, newest first."""
    page: Page = request.query
    org = found(tx, request.org_id)
    rows = adjustments.page(tx, org.org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.adjustment_id, lambda row: adjustment_body(row, org.currency))


def confirm_adjustment(tx: Tx, request: Request[None]) -> AdjustmentBody:
    """The second person agrees, and it is booked. One's own: 403 second_person_needed."""
    confirmed = funds.confirm(tx, request.org_id, request.names["adjustment_id"], actor(request))
    return adjustment_body(confirmed, found(tx, request.org_id).currency)


class ReversalForm(Struct, forbid_unknown_fields=True, kw_only=True):
    call_id: CallId
    amount: Amount
    reason: Reason


class ReversalBody(Struct, kw_only=True):
    id: str
    organization: str
    call_id: str
    amount: str
    currency: str
    reason: str
    asked_by: str
    created_at: datetime


def post_reversal(tx: Tx, request: Request[ReversalForm]) -> ReversalBody:
    """Gives back of what a call was charged, to the lots it was taken from. What is past its end expires again."""
    form = request.form
    amount = positive("amount", form.amount)
    asked = Reversal(form.call_id, _id("rev", request), amount, form.reason, request.by, request.now)
    made = funds.reverse(tx, request.org_id, asked, actor(request))
    return ReversalBody(
        id=made.reversal_id,
        organization=org_name(request.org_id),
        call_id=made.call_id,
        amount=decimal(made.amount_micros),
        currency=found(tx, request.org_id).currency,
        reason=made.reason,
        asked_by=made.asked_by,
        created_at=moment(made.created_at),
    )


def _id(prefix: str, request: Request[Any]) -> str:
    return request.app.new_id(prefix)


def _tail(request: Request[Any]) -> str:
    return _id("lot", request).partition("_")[2]


def _operators(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, ONE + path, Scope.OPERATOR, handler, needs_organization=False, tag=TAG, **options)


TAG = "Money of an organization"
MONEY: dict[str, Any] = {"status": 201, "once": Keep.FOREVER, "problems": (409,)}
ADJUSTMENT = "/adjustments/{adjustment_id}"
CONFIRM: dict[str, Any] = {"answer": AdjustmentBody, "once": Keep.FOREVER, "problems": (409,)}
ROUTES = [
    _operators("POST", "/grants", post_grant, form=GrantForm, answer=LotBody, **MONEY),
    _operators("POST", "/adjustments", post_adjustment, form=AdjustmentForm, answer=AdjustmentBody, **MONEY),
    _operators("GET", "/adjustments", list_adjustments, query=Page, answer=list[AdjustmentBody]),
    _operators("GET", ADJUSTMENT, get_adjustment, answer=AdjustmentBody),
    _operators("POST", ADJUSTMENT + "/confirm", confirm_adjustment, **CONFIRM),
    _operators("POST", "/reversals", post_reversal, form=ReversalForm, answer=ReversalBody, **MONEY),
]
