"""Funds: added by hand, given back, and the list of all payments."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Literal

from msgspec import Struct

from talktime.actions import payments, refunds
from talktime.actions.organizations import found
from talktime.actions.payments import TopUp
from talktime.core.ids import org_name
from talktime.core.money import decimal
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import moment
from talktime.reports import top_ups as reports
from talktime.storage.database import EVERYBODY, ReadTx, Tx
from talktime.storage.payment_store import Payment
from talktime.storage.refund_store import Refund
from talktime.web.fields import Amount, Text, actor, optional, positive
from talktime.web.lists import Page, page_of
from talktime.web.problems import Problem
from talktime.web.routes import Keep, Request, Route

TOP_UPS = "/v1/top-ups"
Status = Literal["pending", "succeeded", "failed", "requires_action", "awaiting_confirmation"]


class TopUpForm(Struct, forbid_unknown_fields=True, kw_only=True):
    amount: Amount
    payment_method: Text | None = None
    agreement: Text | None = None
    po_number: Text | None = None


class TopUpBody(Struct, kw_only=True):
    id: str
    organization: str
    kind: Literal["top_up", "recharge"]
    amount: str
    currency: str
    status: Status
    payment_method: str | None
    agreement: str | None
    po_number: str | None
    failure_code: str | None
    redirect_url: str | None
    """Where the card holder says who he is."""
    refunded: str
    dispute: Literal["opened", "won", "lost"] | None
    receipt: str | None
    created_at: datetime
    settled_at: datetime | None


def top_up_body(payment: Payment, receipt: str | None) -> TopUpBody:
    words: dict[str, Any] = {"kind": payment.kind, "status": payment.state, "dispute": payment.dispute}
    return TopUpBody(
        id=payment.payment_id,
        organization=org_name(payment.org_id),
        amount=decimal(payment.amount_micros),
        currency=payment.currency,
        payment_method=payment.asked_method,
        agreement=payment.agreement,
        po_number=payment.po_number,
        failure_code=payment.failure_code,
        redirect_url=payment.redirect_url,
        refunded=decimal(payment.refunded_micros),
        receipt=receipt,
        created_at=moment(payment.created_at),
        settled_at=optional(payment.settled_at),
        **words,
    )


def post_top_up(tx: Tx, request: Request[TopUpForm]) -> str:
    """Adds funds. The answer says how it stands; `pending` is decided later, and never twice."""
    form = request.form
    amount = positive("amount", form.amount)
    payment_id = request.app.new_timed_id("pay", found(tx, request.org_id).now(request.now))
    asked = TopUp(payment_id, amount, form.payment_method, form.agreement, form.po_number)
    return payments.begin(tx, request.org_id, asked, request.app.terms, actor(request)).payment_id


def decided(request: Request[Any], payment_id: str) -> TopUpBody:
    """The provider is asked after the commit: what it does is then known to whoever comes next."""
    request.app.till.decide(request.org_id, payment_id)
    return request.app.database.read(request.org_id, _read, request.org_id, payment_id)


def get_top_up(tx: ReadTx, request: Request[None]) -> TopUpBody:
    """One payment."""
    return _read(tx, request.org_id, request.names["top_up_id"])


def _read(tx: ReadTx, org_id: int, payment_id: str) -> TopUpBody:
    payment = payments.found(tx, org_id, payment_id)
    return top_up_body(payment, reports.receipt_of(tx, org_id, payment_id))


def list_top_ups(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Top-ups and recharges, newest first."""
    page: Page = request.query
    rows = reports.page(tx, request.org_id, page.limit + 1, page.after(str))
    receipts = reports.receipts_of(tx, request.org_id, [row.payment_id for row in rows])
    return page_of(
        rows, page.limit, lambda row: row.payment_id, lambda row: top_up_body(row, receipts.get(row.payment_id))
    )


class RefundForm(Struct, forbid_unknown_fields=True):
    amount: Amount


class RefundBody(Struct, kw_only=True):
    id: str
    top_up: str
    amount: str
    currency: str
    status: Literal["pending", "succeeded", "failed"]
    failure_code: str | None
    created_at: datetime


def post_refund(tx: Tx, request: Request[RefundForm]) -> str:
    """Gives back what is left of a payment, or part of it, to where it came from."""
    amount = positive("amount", request.form.amount)
    refund_id, payment_id = request.app.new_id("ref"), request.names["top_up_id"]
    return refunds.begin(tx, request.app.terms, request.org_id, refund_id, payment_id, amount, actor(request)).refund_id


def refunded(request: Request[Any], refund_id: str) -> RefundBody:
    app, org_id = request.app, request.org_id
    app.till.refund(org_id, refund_id)
    return app.database.read(org_id, lambda tx: _refund_body(tx, refunds.found(tx, org_id, refund_id)))


def _refund_body(tx: ReadTx, refund: Refund) -> RefundBody:
    status: Any = refund.state
    return RefundBody(
        id=refund.refund_id,
        top_up=refund.payment_id,
        amount=decimal(refund.amount_micros),
        currency=payments.found(tx, refund.org_id, refund.payment_id).currency,
        status=status,
        failure_code=refund.failure_code,
        created_at=moment(refund.created_at),
    )


def confirm_payment(request: Request[None]) -> TopUpBody:
    """The operator has the money of an invoice: its funds are credited, if they were not before."""
    return _decided_by_operator(request, partial(payments.confirm, terms=request.app.terms))


def reject_payment(request: Request[None]) -> TopUpBody:
    """The money of an invoice will not come, or nobody could say for three days how a payment stands: nothing is
    credited. Its provider, if he answers, is told first."""
    request.app.till.stop(_whose(request), request.names["payment_id"])
    return _decided_by_operator(request, payments.reject)


def _whose(request: Request[None]) -> int:
    org_id = request.app.database.read(EVERYBODY, reports.organization_of, request.names["payment_id"])
    if org_id is None or request.org_id not in (OPERATOR_ORG, org_id):
        raise Problem(404, "not_found")
    return org_id


def _decided_by_operator(request: Request[None], decide: Any) -> TopUpBody:
    database, payment_id, org_id = request.app.database, request.names["payment_id"], _whose(request)
    database.write((OPERATOR_ORG, org_id), decide, org_id=org_id, payment_id=payment_id, actor=actor(request))
    return database.read(org_id, _read, org_id, payment_id)


ONE = TOP_UPS + "/{top_up_id}"
MONEY: dict[str, Any] = {"status": 201, "once": Keep.FOREVER, "problems": (409,), "tag": "Money"}
PAYMENT = "/v1/operator/payments/{payment_id}"
OPERATORS: dict[str, Any] = {"tx": False, "needs_organization": False, "answer": TopUpBody, "problems": (404, 409)}
ROUTES = [
    Route("POST", TOP_UPS, Scope.FUNDS, post_top_up, form=TopUpForm, answer=TopUpBody, follow=decided, **MONEY),
    Route("GET", TOP_UPS, Scope.FUNDS, list_top_ups, query=Page, answer=list[TopUpBody], tag="Money"),
    Route("GET", ONE, Scope.FUNDS, get_top_up, answer=TopUpBody, tag="Money"),
    Route(
        "POST",
        f"{ONE}/refund",
        Scope.FUNDS,
        post_refund,
        form=RefundForm,
        answer=RefundBody,
        follow=refunded,
        **MONEY,
    ),
    Route("POST", f"{PAYMENT}/confirm", Scope.OPERATOR, confirm_payment, tag="Money of an organization", **OPERATORS),
    Route("POST", f"{PAYMENT}/reject", Scope.OPERATOR, reject_payment, tag="Money of an organization", **OPERATORS),
]
