"""One banner at most: the most serious problem, with the one button that mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from talktime.core.money import micros
from talktime.core.time import DAY
from talktime.portal import shown
from talktime.portal.billing.purse import Purse
from talktime.portal.visit import Visit
from talktime.portal.words import failure

EXPIRES_SOON = 7 * DAY
SETTINGS, CARDS = "/billing/credits/recharge", "/billing/payment-options"
NO_DECLINE = ("no_answer", "rejected")
"""Why a recharge has ended though no card declined."""


class Banner(NamedTuple):
    tone: str
    title: str
    text: str
    path: str
    label: str
    does: bool = False
    """The button does something by itself, it does not only lead there."""


def banner_of(visit: Visit, purse: Purse) -> Banner | None:
    looks: tuple[Callable[[Visit, Purse], Banner | None], ...] = (_recharge, _empty, _expiring)
    return next((found for look in looks if (found := look(visit, purse))), None)


def _recharge(visit: Visit, purse: Purse) -> Banner | None:
    match purse.recharge["state"]:
        case "paused" if purse.recharge["state_detail"] == "dispute":
            return _disputed(visit)
        case "paused":
            return _paused(visit, purse)
        case "retrying":
            return _retrying(visit, purse)
        case "requires_action":
            return _unconfirmed(visit, purse)
        case "limit_reached":
            return _limited(visit, purse)
        case "velocity_limited":
            return _too_fast(visit)
    return None


def _disputed(visit: Visit) -> Banner:
    _ = visit.say
    title, text = _("Auto-recharge is paused: a payment is disputed"), _("A bank decides about it.")
    return Banner("danger", title, text, SETTINGS, _("Modify recharge settings"))


def _paused(visit: Visit, purse: Purse) -> Banner:
    _, reason = visit.say, failure(visit, purse.recharge["state_detail"])
    title = _("Payment failed, and auto-recharge is paused")
    text = _("{reason} Nothing is charged until this is mended.", reason=reason)
    return Banner("danger", title, f"{text} {_lasts(visit, purse)}", CARDS, _("Replace the card"))


def _retrying(visit: Visit, purse: Purse) -> Banner:
    _, setting = visit.say, purse.recharge
    when = shown.moment_text(setting["next_attempt_at"], visit.zone, visit.language)
    title = _("The recharge of {amount} was declined", amount=_amount(visit, purse))
    if setting["state_detail"] in NO_DECLINE:
        title = _("The recharge of {amount} did not go through", amount=_amount(visit, purse))
    text = _("{reason} It is tried again on {when}.", reason=failure(visit, setting["state_detail"]), when=when)
    return Banner("danger", title, text, CARDS, _("Replace the card"))


def _unconfirmed(visit: Visit, purse: Purse) -> Banner:
    _ = visit.say
    title = _("Your bank wants to know that it is you")
    text = _("The recharge of {amount} waits for the card holder's confirmation.", amount=_amount(visit, purse))
    return Banner("danger", title, text, "/billing/credits/authenticate", _("Confirm the payment"), True)


def _limited(visit: Visit, purse: Purse) -> Banner:
    _, limit = visit.say, visit_money(visit, purse.recharge["monthly_limit"] or "0")
    title = _("The monthly limit of {amount} is reached", amount=limit)
    text = _("Nothing more is recharged this month. {lasts}", lasts=_lasts(visit, purse))
    return Banner("live", title, text, SETTINGS, _("Modify recharge settings"))


def _too_fast(visit: Visit) -> Banner:
    _ = visit.say
    title = _("Auto-recharge has paused for a while: three recharges in 24 hours")
    text = _("So fast a use may be fraud. Look at the calls; it goes on by itself.")
    return Banner("live", title, text, "/reports/usage", _("Usage report"))


def _amount(visit: Visit, purse: Purse) -> str:
    return visit_money(visit, purse.recharge["recharge_amount"] or "0")


def _empty(visit: Visit, purse: Purse) -> Banner | None:
    _, balance = visit.say, micros(purse.balance["balance"])
    if balance > 0 or not purse.balance["credits_set_up"]:
        return None
    title = _("The balance is below zero") if balance < 0 else _("The balance is zero")
    text = _("Calls that credits pay for do not begin until funds are added.")
    return Banner("danger", title, text, "/billing/credits/add", _("Add more funds"))


def _expiring(visit: Visit, purse: Purse) -> Banner | None:
    _ = visit.say
    soon = [lot for lot in purse.ending if lot.expires_at <= visit.today + EXPIRES_SOON]
    if not soon:
        return None
    first = soon[0]
    title = _(
        "{amount} expires on {day}",
        amount=visit_money(visit, first.posted_micros),
        day=shown.day(first.expires_at, visit.zone, visit.language),
    )
    text = _("What is left of it then is forfeited.")
    return Banner("live", title, text, "/billing/credits/lots", _("Show what expires"))


def _lasts(visit: Visit, purse: Purse) -> str:
    days = purse.lasts(purse.available)
    if days is None:
        return ""
    return visit.say.plural(
        "At the 7-day average the balance lasts about {count} day.",
        "At the 7-day average the balance lasts about {count} days.",
        days,
    )


def visit_money(visit: Visit, amount: str | int) -> str:
    return shown.money(amount, visit.currency, visit.language)
