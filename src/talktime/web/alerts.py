"""Levels at which people are told, and who they are."""

from __future__ import annotations

from typing import Annotated, get_args

from msgspec import Meta, Struct

from talktime.actions import alerts
from talktime.core.emails import is_email
from talktime.core.money import decimal
from talktime.core.roles import OrganizationRole
from talktime.core.scopes import Scope
from talktime.reports.alerts import alerts_of
from talktime.storage.alert_store import Alerts
from talktime.storage.database import ReadTx, Tx
from talktime.web.fields import Amount, actor, positive
from talktime.web.problems import invalid
from talktime.web.routes import Request, Route

PATH = "/v1/alerts"
LEVELS_MAX, RECIPIENTS_MAX = 10, 50
ROLES = frozenset(get_args(OrganizationRole))
Recipient = Annotated[str, Meta(min_length=1, max_length=254, pattern=r"^[^\x00-\x20\x7f]*\Z")]


class AlertsForm(Struct, forbid_unknown_fields=True, kw_only=True):
    balance_low: Annotated[list[Amount], Meta(max_length=LEVELS_MAX)] = []
    spend_per_day: Amount | None = None
    spend_per_month: Amount | None = None
    recipients: Annotated[list[Recipient], Meta(max_length=RECIPIENTS_MAX)] = []
    """Addresses, or roles of members."""


class AlertsBody(Struct, kw_only=True):
    balance_low: list[str]
    spend_per_day: str | None
    spend_per_month: str | None
    recipients: list[str]


def alerts_body(alerts: Alerts) -> AlertsBody:
    spending = (alerts.spend_per_day, alerts.spend_per_month)
    day, month = [None if level is None else decimal(level) for level in spending]
    levels = [decimal(level) for level in alerts.balance_low]
    return AlertsBody(balance_low=levels, spend_per_day=day, spend_per_month=month, recipients=list(alerts.recipients))


def get_alerts(tx: ReadTx, request: Request[None]) -> AlertsBody:
    """At which levels people are told, and who they are."""
    return alerts_body(alerts_of(tx, request.org_id))


def put_alerts(tx: Tx, request: Request[AlertsForm]) -> AlertsBody:
    """Sets all of them: what is left out is none."""
    form = request.form
    levels = sorted({positive("balance_low", level) for level in form.balance_low}, reverse=True)
    for recipient in form.recipients:
        _check(recipient)
    wanted = Alerts(
        balance_low=tuple(levels),
        spend_per_day=_level("spend_per_day", form.spend_per_day),
        spend_per_month=_level("spend_per_month", form.spend_per_month),
        recipients=tuple(dict.fromkeys(form.recipients)),
    )
    return alerts_body(alerts.save(tx, request.org_id, wanted, actor(request)))


def _level(field: str, text: str | None) -> int | None:
    return None if text is None else positive(field, text)


def _check(recipient: str) -> None:
    if recipient not in ROLES and not is_email(recipient):
        raise invalid("recipients", f"'{recipient}' is no address and no role of members.")


ROUTES = [
    Route("GET", PATH, Scope.SETTINGS, get_alerts, answer=AlertsBody, tag="Notices"),
    Route("PUT", PATH, Scope.SETTINGS, put_alerts, form=AlertsForm, answer=AlertsBody, tag="Notices"),
]
