"""Where providers and our books differ, for the operator."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from talktime.actions import reconciler
from talktime.core.ids import org_name, org_number
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import moment
from talktime.reports import reconciliation as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.reconciliation_store import Item
from talktime.web.fields import actor, optional
from talktime.web.lists import Page, page_of
from talktime.web.problems import Problem
from talktime.web.routes import Request, Route

PATH = "/v1/operator/reconciliation"


class ItemBody(Struct, kw_only=True):
    id: str
    organization: str | None
    """None: of nobody that we know."""
    top_up: str | None
    reason: str
    details: dict[str, Any]
    at: datetime
    closed_at: datetime | None


class ReconciledBody(Struct):
    looked_at: int
    settled: int
    differences: int


def item_body(item: Item) -> ItemBody:
    return ItemBody(
        id=item.item_id,
        organization=org_name(item.org_id) if item.org_id != OPERATOR_ORG else None,
        top_up=item.top_up,
        reason=item.reason,
        details=msgspec.json.decode(item.details),
        at=moment(item.at),
        closed_at=optional(item.closed_at),
    )


def list_items(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Differences that somebody has to look at, newest first."""
    page: Page = request.query
    rows = reports.page(tx, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda item: item.item_id, item_body)


def run(request: Request[None]) -> ReconciledBody:
    """Asks every provider what it has taken, and compares. After a restore nothing is charged before."""
    done = request.app.reconciler.run()
    return ReconciledBody(done.looked_at, done.settled, done.differences)


class CloseForm(Struct, forbid_unknown_fields=True):
    note: Annotated[str, Meta(max_length=500)] = ""
    """What came of it; it is kept in the audit log."""


def close_item(tx: Tx, request: Request[CloseForm]) -> ItemBody:
    """Somebody has looked at it."""
    named = request.names["organization"]
    org_id = OPERATOR_ORG if named == "none" else org_number(named)
    if org_id is None or request.org_id not in (OPERATOR_ORG, org_id):
        raise Problem(404, "not_found")
    return item_body(reconciler.close(tx, org_id, request.names["item_id"], request.form.note, actor(request)))


OPERATORS: dict[str, Any] = {"needs_organization": False, "spans": True, "tag": "Money of an organization"}
ROUTES = [
    Route("GET", PATH, Scope.OPERATOR, list_items, query=Page, answer=list[ItemBody], **OPERATORS),
    Route(
        "POST",
        PATH,
        Scope.OPERATOR,
        run,
        tx=False,
        answer=ReconciledBody,
        needs_organization=False,
        tag="Money of an organization",
    ),
    Route(
        "POST",
        PATH + "/{organization}/{item_id}/close",
        Scope.OPERATOR,
        close_item,
        form=CloseForm,
        answer=ItemBody,
        **OPERATORS,
    ),
]
