"""The panel of auto-recharge: one for both doors that lead to it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from talktime.core.money import micros
from talktime.portal import forms, shown
from talktime.portal.billing.credits import page_values
from talktime.portal.billing.purse import Purse
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.web.problems import Problem, invalid

CREDITS = "/billing/credits"
SETTINGS = "/v1/recharge-settings"
# What the API calls a field, and what the form does.
FIELDS = {
    "recharge_amount": "recharge_amount",
    "trigger": "trigger",
    "payment_method": "method",
    "backup_payment_method": "backup",
    "monthly_limit": "limit",
}


class Wish(Struct, frozen=True):
    """What is in the fields."""

    enabled: bool
    recharge_amount: str
    trigger: str
    method: str
    backup: str
    limit: str
    consent: bool


def get_panel(visit: Visit) -> Answer:
    return _panel(visit, _stored(visit))


def _stored(visit: Visit) -> Wish:
    told = visit.ask(SETTINGS)

    def amount(name: str) -> str:
        return shown.field_money(told[name], visit.currency, visit.language)

    # Whoever opens it while it is off wants to switch it on.
    return Wish(
        enabled=True,
        recharge_amount=amount("recharge_amount"),
        trigger=amount("trigger"),
        method=told["payment_method"] or "",
        backup=told["backup_payment_method"] or "",
        limit=amount("monthly_limit"),
        consent=told["enabled"],
    )


def _sent(visit: Visit) -> Wish:
    form = visit.form
    return Wish(
        enabled=form.is_on("enabled"),
        recharge_amount=form.get("recharge_amount"),
        trigger=form.get("trigger"),
        method=form.get("method"),
        backup=form.get("backup"),
        limit=form.get("limit"),
        consent=form.is_on("consent"),
    )


def save(visit: Visit) -> Answer:
    """Where saving charges at once, that is said first, with the amount on the button."""
    wish = _sent(visit)
    try:
        body = _body(visit, wish)
        visit.send("PUT", SETTINGS, body)
    except Problem as problem:
        if problem.code == "would_charge_now":
            return _panel(visit, wish, charges=body["recharge_amount"])
        return _panel(visit, wish, _by_field(visit.errors(problem)))
    return Away(CREDITS, "charged" if body["confirm_charge"] else "saved")


def _body(visit: Visit, wish: Wish) -> dict[str, Any]:
    if not wish.enabled:
        return {"enabled": False, "confirm_charge": False}
    if not wish.consent:
        raise invalid("consent", "Without your consent nothing may be charged.", "no_consent")
    amount = forms.amount(wish.recharge_amount, visit.language, "recharge_amount")
    return {
        "enabled": True,
        "recharge_amount": amount,
        "trigger": forms.amount(wish.trigger, visit.language, "trigger"),
        "payment_method": wish.method or None,
        "backup_payment_method": wish.backup or None,
        "monthly_limit": forms.optional_amount(wish.limit, visit.language, "limit"),
        # Of another amount than the one that stood on the button nobody has agreed to anything.
        "confirm_charge": visit.form.get("charge") == amount,
    }


def _by_field(errors: dict[str, str]) -> dict[str, str]:
    return {FIELDS.get(field, field): text for field, text in errors.items()}


def _panel(visit: Visit, wish: Wish, errors: dict[str, str] | None = None, charges: str | None = None) -> Answer:
    values = page_values(visit)
    purse: Purse = values["purse"]
    panel = {
        "wish": wish,
        "errors": errors,
        "charges": charges or (None if errors else _would_charge(purse, wish, visit)),
        "every": _every(visit, purse, wish),
        "card": purse.card(wish.method) or purse.default_card,
        "backup": purse.card(wish.backup),
    }
    return Screen("billing/credits.html", {**values, "panel": panel}, 422 if errors else 200)


def _would_charge(purse: Purse, wish: Wish, visit: Visit) -> str | None:
    """What switching it on like this charges at once, as far as it can be read."""
    if purse.recharge["enabled"] or not wish.enabled:
        return None
    try:
        amount = forms.amount(wish.recharge_amount, visit.language, "recharge_amount")
        trigger = micros(forms.amount(wish.trigger, visit.language, "trigger"))
    except (Problem, ValueError):
        return None
    return amount if micros(purse.balance["balance"]) < trigger else None


def _every(visit: Visit, purse: Purse, wish: Wish) -> int | None:
    """After so many days each recharge is spent, at the average."""
    try:
        amount = micros(forms.amount(wish.recharge_amount, visit.language, "recharge_amount"))
    except (Problem, ValueError):
        return None
    return purse.lasts(amount) or None


def retry(visit: Visit) -> Answer:
    """After a pause, or without waiting for the next attempt."""
    visit.send("POST", f"{SETTINGS}/retry")
    return Away(CREDITS, "retried")
