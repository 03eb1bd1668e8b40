"""Agreement numbers for payment by invoice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from talktime.actions import agreements
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import agreements as reports
from talktime.storage.agreement_store import Agreement
from talktime.storage.database import ReadTx, Tx
from talktime.web.fields import Text, actor
from talktime.web.lists import Page, page_of
from talktime.web.routes import Keep, Request, Route

AGREEMENTS = "/v1/agreements"
ONE = AGREEMENTS + "/{agreement_id}"


class AgreementForm(Struct, forbid_unknown_fields=True):
    number: Text


class AgreementBody(Struct):
    id: str
    number: str
    created_at: datetime


def agreement_body(agreement: Agreement) -> AgreementBody:
    return AgreementBody(agreement.agreement_id, agreement.number, moment(agreement.created_at))


def post_agreement(tx: Tx, request: Request[AgreementForm]) -> AgreementBody:
    """A number to pay on by invoice."""
    made = Agreement(request.org_id, request.app.new_id("agr"), request.form.number, request.now)
    return agreement_body(agreements.add(tx, made, actor(request)))


def list_agreements(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """All agreement numbers, oldest first."""
    page: Page = request.query
    rows = reports.page(tx, request.org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.agreement_id, agreement_body)


def delete_agreement(tx: Tx, request: Request[None]) -> None:
    """Nobody pays on it any more."""
    agreements.remove(tx, request.org_id, request.names["agreement_id"], actor(request))


NEW: dict[str, Any] = {"status": 201, "once": Keep.MONTH, "problems": (409,)}
ROUTES = [
    Route(
        "POST", AGREEMENTS, Scope.FUNDS, post_agreement, form=AgreementForm, answer=AgreementBody, tag="Money", **NEW
    ),
    Route("GET", AGREEMENTS, Scope.FUNDS, list_agreements, query=Page, answer=list[AgreementBody], tag="Money"),
    Route("DELETE", ONE, Scope.FUNDS, delete_agreement, status=204, tag="Money"),
]
