"""Payment options: cards, agreements, how the organization stands on its receipts and who is sent them."""

from __future__ import annotations

import secrets
from typing import Any

from talktime.actions import methods
from talktime.actions.errors import ActionError
from talktime.core.gateway import ProviderError
from talktime.core.money import micros
from talktime.portal import shown
from talktime.portal.billing.adding import leading
from talktime.portal.billing.purse import Purse
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.web.problems import Problem, problem_of

HERE = "/billing/payment-options"


def get_options(visit: Visit) -> Answer:
    return _options(visit)


def _options(visit: Visit, errors: dict[str, str] | None = None, details: Any = None) -> Answer:
    purse = Purse(visit)
    stored = visit.ask("/v1/billing-details")
    values = {
        "purse": purse,
        "details": details or _shown(visit, stored),
        "errors": errors,
        "used": {purse.recharge["payment_method"], purse.recharge["backup_payment_method"]},
    }
    return Screen("billing/options.html", values, 422 if errors else 200)


def _shown(visit: Visit, stored: Any) -> dict[str, str]:
    return {
        "legal_name": stored["legal_name"] or "",
        "address": "\n".join(stored["address"]),
        "vat_id": stored["vat_id"] or "",
        "vat_rate": shown.number(stored["vat_rate"], visit.language) if stored["vat_rate"] else "",
        "receipts_to": "\n".join(stored["receipts_to"]),
    }


def add_card(visit: Visit) -> Answer:
    """Entered on a page of the provider's: its number never comes here."""
    try:
        made = visit.send("POST", "/v1/payment-methods", {}, secrets.token_urlsafe(18))
    except Problem as problem:
        return _options(visit, visit.errors(problem))
    return leading(visit, made["redirect_url"])


def replace_card(visit: Visit) -> Answer:
    """What stood on the button is what auto-recharge may charge to the new card at once."""
    app = visit.app
    try:
        amount = micros(visit.form.get("charge"))
    except ValueError as error:
        raise Problem(400, "malformed") from error
    try:
        values = (app.terms, visit.org_id, app.new_id("pm"), visit.actor, amount)
        _, url = methods.begin(app.database, app.till, app.links, *values)
    except (ActionError, ProviderError) as error:
        problem = problem_of(error)
        assert problem is not None
        return _options(visit, visit.errors(problem))
    return leading(visit, url)


def make_default(visit: Visit) -> Answer:
    return _changed(visit, "PATCH", _card(visit), {"default": True}, "saved")


def remove_card(visit: Visit) -> Answer:
    return _changed(visit, "DELETE", _card(visit), None, "card-removed")


def add_agreement(visit: Visit) -> Answer:
    return _changed(visit, "POST", "/v1/agreements", {"number": visit.form.get("number")}, "added")


def remove_agreement(visit: Visit) -> Answer:
    return _changed(visit, "DELETE", f"/v1/agreements/{visit.named('id')}", None, "removed")


def _card(visit: Visit) -> str:
    return f"/v1/payment-methods/{visit.named('id')}"


def _changed(visit: Visit, method: str, path: str, body: Any, said: str) -> Answer:
    try:
        visit.send(method, path, body)
    except Problem as problem:
        return _options(visit, visit.errors(problem))
    return Away(HERE, said)


def save_details(visit: Visit) -> Answer:
    form = visit.form
    entered = {name: form.get(name) for name in ("legal_name", "address", "vat_id", "vat_rate", "receipts_to")}
    try:
        rate = visit.optional_amount("vat_rate")
        body = {
            "legal_name": entered["legal_name"] or None,
            "address": lines(entered["address"]),
            "vat_id": entered["vat_id"] or None,
            "vat_rate": rate,
            "receipts_to": lines(entered["receipts_to"].replace(",", "\n")),
        }
        visit.send("PUT", "/v1/billing-details", body)
    except Problem as problem:
        return _options(visit, visit.errors(problem), entered)
    return Away(HERE, "saved")


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
