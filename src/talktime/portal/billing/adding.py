"""Add more funds: how much and with what, then a step that says what happens, then the payment, once."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import quote, urlparse

from msgspec import Struct

from talktime.actions import payments, tender
from talktime.actions.errors import ActionError
from talktime.actions.payments import TopUp
from talktime.core.money import micros
from talktime.core.recharges import a_year_after
from talktime.portal import forms, shown
from talktime.portal.billing.purse import Purse
from talktime.portal.pages import Answer, Away, Outside, Screen
from talktime.portal.visit import Visit
from talktime.portal.words import failure
from talktime.web.problems import Problem, invalid, problem_of

CREDITS = "/billing/credits"
PICKS = (1, 2, 5, 10, 20)
"""Times the least that may be added, twice of it."""
# What the API calls a field, and what the form does.
FIELDS = {"payment_method": "pay", "agreement": "pay", "po_number": "po"}
SAID = {"succeeded": "paid", "pending": "pending", "awaiting_confirmation": "invoiced"}


class Wish(Struct, frozen=True):
    """What was entered, as it was entered."""

    amount: str = ""
    pay: str = ""
    """`card:` or `agreement:`, and which."""
    po: str = ""

    @property
    def card(self) -> str | None:
        return self._named("card")

    @property
    def agreement(self) -> str | None:
        return self._named("agreement")

    def _named(self, wanted: str) -> str | None:
        kind, _, name = self.pay.partition(":")
        return name if kind == wanted else None


def get_adding(visit: Visit) -> Answer:
    return _form(visit, Wish(visit.query.get("amount"), visit.query.get("pay"), ""))


def _form(visit: Visit, wish: Wish, errors: dict[str, str] | None = None) -> Answer:
    refused = _refused(visit)
    if refused:
        return Screen("billing/not-sold.html", {"reason": refused})
    purse = Purse(visit)
    least, most = tender.bounds(visit.organization, visit.app.terms)
    usual = shown.field_money(2 * least, visit.currency, visit.language)
    entered = wish.amount or ("" if errors else usual)
    values = {
        "purse": purse,
        "wish": Wish(entered, wish.pay or _usual(purse), wish.po),
        "errors": errors,
        "least": least,
        "most": most,
        "picks": [one for times in PICKS if (one := 2 * least * times) <= most],
        "until": a_year_after(visit.today, visit.zone),
        "amount": _amount_or_none(visit, entered),
    }
    return Screen("billing/add.html", values, 422 if errors else 200)


def _refused(visit: Visit) -> str:
    """Why this organization cannot add funds at all."""
    try:
        tender.may_fund(visit.organization)
    except ActionError as error:
        problem = problem_of(error)
        assert problem is not None
        return visit.sentence(problem, problem.detail, problem.code)
    return ""


def _usual(purse: Purse) -> str:
    if purse.default_card:
        return f"card:{purse.default_card['id']}"
    return f"agreement:{purse.agreements[0]['number']}" if purse.agreements else ""


def _amount_or_none(visit: Visit, entered: str) -> int | None:
    try:
        return micros(forms.amount(entered, visit.language, "amount"))
    except (Problem, ValueError):
        return None


def confirm(visit: Visit) -> Answer:
    """The second step: nothing is charged yet."""
    wish = _wished(visit)
    try:
        amount = _checked(visit, wish)
    except (Problem, ActionError) as error:
        problem = problem_of(error)
        assert problem is not None
        return _form(visit, wish, _by_field(visit.errors(problem)))
    return _confirmation(visit, wish, amount)


def _wished(visit: Visit) -> Wish:
    return Wish(visit.form.get("amount"), visit.form.get("pay"), visit.form.get("po"))


def _checked(visit: Visit, wish: Wish) -> int:
    amount = micros(_plain(visit, wish))
    _check_means(wish)
    asked = TopUp("", amount, wish.card, wish.agreement, wish.po or None)
    visit.read(payments.check, visit.organization, asked, visit.app.terms)
    return amount


def _check_means(wish: Wish) -> None:
    """Who chose nothing does not pay with what is usual."""
    if not (wish.card or wish.agreement):
        raise invalid("pay", "Choose how to pay.", "no_payment_method")


def _by_field(errors: dict[str, str]) -> dict[str, str]:
    return {FIELDS.get(field, field): text for field, text in errors.items()}


def _plain(visit: Visit, wish: Wish) -> str:
    text = forms.amount(wish.amount, visit.language, "amount")
    try:
        micros(text)
    except ValueError as error:
        raise invalid("amount", "This is no amount.", "no_amount") from error
    return text


def _confirmation(visit: Visit, wish: Wish, amount: int, error: str = "") -> Answer:
    purse = Purse(visit)
    values = {
        "purse": purse,
        "wish": wish,
        "amount": amount,
        "card": purse.card(wish.card) if wish.card else None,
        "agreement": wish.agreement,
        "until": a_year_after(visit.today, visit.zone),
        "once": secrets.token_urlsafe(18),
        "back": f"?amount={quote(wish.amount)}&pay={quote(wish.pay)}",
        "error": error,
    }
    return Screen("billing/confirm.html", values, 422 if error else 200)


def pay(visit: Visit) -> Answer:
    """Pressed twice, or sent again: the key makes one payment of it."""
    wish = _wished(visit)
    try:
        _check_means(wish)
        body: dict[str, Any] = {"amount": _plain(visit, wish), "po_number": wish.po or None}
        body |= {"payment_method": wish.card, "agreement": wish.agreement}
        made = visit.send("POST", "/v1/top-ups", body, visit.form.get("once") or secrets.token_urlsafe(18))
    except Problem as problem:
        return _form(visit, wish, _by_field(visit.errors(problem)))
    if made["status"] == "failed":
        return _confirmation(visit, wish, micros(made["amount"]), failure(visit, made["failure_code"]))
    return onwards(visit, made)


def onwards(visit: Visit, made: Any) -> Answer:
    """Back to the page, or on to the bank."""
    if made["status"] == "requires_action" and made["redirect_url"]:
        return leading(visit, made["redirect_url"])
    return Away(CREDITS, SAID.get(made["status"], ""))


def leading(visit: Visit, url: str) -> Answer:
    """A page of our own is gone to at once."""
    ours = visit.app.settings.reached_at
    if url.startswith(f"{ours}/"):
        return Away(url[len(ours) :])
    return Outside(url) if urlparse(url).scheme in ("https", "http") else Away(CREDITS)
