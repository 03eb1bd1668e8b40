"""Money as an organization sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from talktime.actions.organizations import found
from talktime.core.money import decimal
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import lots
from talktime.reports.balance import balance
from talktime.storage.database import ReadTx
from talktime.storage.lot_store import FROZEN, LotRow
from talktime.web.fields import shown_end
from talktime.web.lists import Page, page_of
from talktime.web.routes import Request, Route


class ExpiryBody(Struct):
    amount: str
    at: datetime


class BalanceBody(Struct, kw_only=True):
    currency: str
    balance: str
    held: str
    available: str
    pending: str
    average_daily_7d: str
    next_expiry: ExpiryBody | None
    credits_set_up: bool
    recharge_state: str


def get_balance(tx: ReadTx, request: Request[None]) -> BalanceBody:
    """The money of now: what has expired is not counted."""
    org = found(tx, request.org_id)
    now = balance(tx, org.org_id, org.now(request.now))
    expiry = now.next_expiry
    return BalanceBody(
        currency=now.currency,
        balance=decimal(now.posted),
        held=decimal(now.held),
        available=decimal(now.available),
        pending=decimal(now.pending),
        average_daily_7d=decimal(now.average_daily),
        next_expiry=ExpiryBody(decimal(expiry[0]), moment(expiry[1])) if expiry else None,
        credits_set_up=now.credits_set_up,
        recharge_state=now.recharge_state,
    )


class LotBody(Struct, kw_only=True):
    id: str
    kind: Literal["paid", "promotional"]
    amount: str
    remaining: str
    held: str
    currency: str
    purchased_at: datetime
    expires_at: datetime | None
    priority: int
    state: Literal["open", "spent", "expired", "frozen"]


def lot_body(lot: LotRow, currency: str, now: int) -> LotBody:
    """What a call holds of a lot that has ended is still there."""
    over = lot.state == "open" and lot.expires_at <= now
    values: dict[str, Any] = {"kind": lot.kind, "state": "expired" if over else lot.state}
    frozen = lot.state == FROZEN
    return LotBody(
        id=lot.lot_id,
        amount=decimal(lot.amount_micros),
        remaining=decimal(lot.held_micros if over else lot.posted_micros),
        held=decimal(lot.posted_micros if frozen else lot.held_micros),
        currency=currency,
        purchased_at=moment(lot.purchased_at),
        expires_at=shown_end(lot.expires_at),
        priority=lot.priority,
        **values,
    )


def list_lots(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """All lots, newest first, also those that are spent or have expired."""
    page: Page = request.query
    org = found(tx, request.org_id)
    now = org.now(request.now)
    rows = lots.page(tx, org.org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda lot: lot.lot_id, lambda lot: lot_body(lot, org.currency, now))


ROUTES = [
    Route("GET", "/v1/balance", Scope.FUNDS, get_balance, answer=BalanceBody, tag="Money"),
    Route("GET", "/v1/lots", Scope.FUNDS, list_lots, query=Page, answer=list[LotBody], tag="Money"),
]
