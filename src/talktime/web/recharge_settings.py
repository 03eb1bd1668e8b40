"""Auto-recharge as people set it and see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from talktime.actions import recharges
from talktime.actions.recharges import Asker
from talktime.core.money import decimal
from talktime.core.scopes import Scope
from talktime.reports.recharges import Standing, standing
from talktime.storage.database import ReadTx, Tx
from talktime.web.fields import Amount, Text, actor, given, optional, positive
from talktime.web.routes import Request, Route

PATH = "/v1/recharge-settings"
AMOUNTS = {"recharge_amount": "amount", "trigger": "trigger", "monthly_limit": "monthly_limit"}
METHODS = {"payment_method": "method_id", "backup_payment_method": "backup_method_id"}
RechargeState = Literal[
    "off", "on", "charging", "retrying", "requires_action", "paused", "limit_reached", "velocity_limited"
]


class RechargeForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out keeps its value."""

    enabled: bool
    recharge_amount: Amount | UnsetType | None = UNSET
    trigger: Amount | UnsetType | None = UNSET
    payment_method: Text | UnsetType | None = UNSET
    backup_payment_method: Text | UnsetType | None = UNSET
    monthly_limit: Amount | UnsetType | None = UNSET
    confirm_charge: bool = False


class RechargeBody(Struct, kw_only=True):
    enabled: bool
    recharge_amount: str | None
    trigger: str | None
    currency: str
    payment_method: str | None
    backup_payment_method: str | None
    monthly_limit: str | None
    state: RechargeState
    state_detail: str | None
    next_attempt_at: datetime | None
    used_this_month: str


def recharge_body(now: Standing) -> RechargeBody:
    setting = now.setting
    amounts = {ours: _shown(getattr(setting, theirs)) for ours, theirs in AMOUNTS.items()}
    state: Any = setting.state.value
    return RechargeBody(
        enabled=setting.enabled,
        currency=now.currency,
        payment_method=setting.method_id,
        backup_payment_method=setting.backup_method_id,
        state=state,
        state_detail=setting.state_detail,
        next_attempt_at=optional(setting.next_attempt_at),
        used_this_month=decimal(now.used_this_month),
        **amounts,
    )


def _shown(amount: int | None) -> str | None:
    return None if amount is None else decimal(amount)


def get_settings(tx: ReadTx, request: Request[None]) -> RechargeBody:
    """What was set, where it stands, and what was recharged in this calendar month."""
    return recharge_body(standing(tx, request.org_id, request.now))


def put_settings(tx: Tx, request: Request[RechargeForm]) -> RechargeBody:
    """Changes them. Where that would charge at once, 409 `would_charge_now` unless `confirm_charge` is true."""
    values, asked_by = _values(request.form), Asker(request.address, request.form.confirm_charge)
    recharges.save(tx, request.org_id, values, request.app.terms, asked_by, actor(request))
    return recharge_body(standing(tx, request.org_id, request.now))


def _values(form: RechargeForm) -> dict[str, Any]:
    sent = given(form)
    values: dict[str, Any] = {"enabled": form.enabled}
    values |= {theirs: sent[ours] for ours, theirs in METHODS.items() if ours in sent}
    amounts = {ours: sent[ours] for ours in AMOUNTS if ours in sent}
    return values | {AMOUNTS[ours]: None if text is None else positive(ours, text) for ours, text in amounts.items()}


def post_retry(tx: Tx, request: Request[None]) -> RechargeBody:
    """After a pause, or without waiting for the next attempt: look at once whether to charge."""
    recharges.retry(tx, request.org_id, actor(request))
    return recharge_body(standing(tx, request.org_id, request.now))


ROUTES = [
    Route("GET", PATH, Scope.FUNDS, get_settings, answer=RechargeBody, tag="Money"),
    Route("PUT", PATH, Scope.FUNDS, put_settings, form=RechargeForm, answer=RechargeBody, problems=(409,), tag="Money"),
    Route("POST", f"{PATH}/retry", Scope.FUNDS, post_retry, answer=RechargeBody, problems=(409,), tag="Money"),
]
