"""Sentences about money with the real figures in them."""

from __future__ import annotations

from datetime import date
from typing import Any

from talktime.core.money import micros
from talktime.portal import shown
from talktime.portal.billing.purse import Purse
from talktime.portal.meters import Meter, meter
from talktime.portal.visit import Visit

TONES = {
    **dict.fromkeys(("on", "charging"), "ok"),
    **dict.fromkeys(("retrying", "paused", "requires_action"), "danger"),
    **dict.fromkeys(("limit_reached", "velocity_limited"), "live"),
}


def state_name(visit: Visit, state: str) -> str:
    """Of auto-recharge."""
    _ = visit.say
    names = {
        "off": _("Off"),
        "on": _("On"),
        "charging": _("Charging"),
        "retrying": _("Trying again"),
        "requires_action": _("Waiting for you"),
        "paused": _("Paused"),
        "limit_reached": _("Limit reached"),
        "velocity_limited": _("Slowed down"),
    }
    return names.get(state, state)


def state_tone(state: str) -> str:
    return TONES.get(state, "")


def card_text(visit: Visit, card: Any) -> str:
    if not card:
        return visit.say("the default card")
    return f"{card['brand']}\N{NO-BREAK SPACE}••••\N{NO-BREAK SPACE}{card['last4']}"


def card_end(expires: str, language: str) -> str:
    """`2028-08` as 08/2028."""
    year, _, month = expires.partition("-")
    return f"{month}/{year}" if month else expires


def recharge_sentence(visit: Visit, purse: Purse) -> str:
    """Exactly what auto-recharge will do. Figures stand in **bold**."""
    _, setting = visit.say, purse.recharge
    if not setting["enabled"]:
        return _("Auto-recharge is off. When the balance is spent, calls that credits pay for no longer begin.")
    values = {
        "trigger": _money(visit, setting["trigger"]),
        "card": card_text(visit, purse.recharge_card),
        "amount": _money(visit, setting["recharge_amount"]),
        "used": _money(visit, setting["used_this_month"]),
        "month": shown.month(str(purse.today)[:7], visit.language),
    }
    if setting["monthly_limit"] is None:
        return _(
            "When the balance falls below **{trigger}** we charge **{card}** **{amount}**; **{used}** used in {month}.",
            **values,
        )
    return _(
        "When the balance falls below **{trigger}** we charge **{card}** **{amount}**, at most **{limit}** a month; "
        "**{used}** used in {month}.",
        limit=_money(visit, setting["monthly_limit"]),
        **values,
    )


def consent_sentence(visit: Visit, purse: Purse, wish: Any, panel: Any) -> str:
    """What somebody agrees to, with what stands in the fields."""
    _ = visit.say
    values = {
        "amount": _entered(visit, wish.recharge_amount),
        "trigger": _entered(visit, wish.trigger),
        "card": card_text(visit, panel["card"]),
    }
    told = _(
        "I agree that **{card}** is charged **{amount}** each time the balance falls below **{trigger}**, at most 3 "
        "times in 24 hours, until this is switched off.",
        **values,
    )
    if wish.limit:
        told = _(
            "I agree that **{card}** is charged **{amount}** each time the balance falls below **{trigger}**, at most "
            "3 times in 24 hours and **{limit}** a month, until this is switched off.",
            limit=_entered(visit, wish.limit),
            **values,
        )
    if panel["backup"]:
        told += " " + _("Where it is declined, **{card}** is charged.", card=card_text(visit, panel["backup"]))
    return told


def _entered(visit: Visit, text: str) -> str:
    return f"{visit.currency}\N{NO-BREAK SPACE}{text}" if text else visit.say("the amount above")


def _money(visit: Visit, amount: str | None) -> str:
    return shown.money(amount or "0", visit.currency, visit.language)


def limit_meter(visit: Visit, purse: Purse) -> Meter:
    _, setting = visit.say, purse.recharge
    used, limit = setting["used_this_month"], setting["monthly_limit"]
    figures = f"{_money(visit, used)} / {_money(visit, limit)}"
    return meter(_("Monthly limit"), micros(used), micros(limit), figures)


def cards_to_choose(visit: Visit, purse: Purse, nothing: str) -> list[tuple[str, str]]:
    return [("", nothing), *((card["id"], card_text(visit, card)) for card in purse.cards)]


def iso_day(at: int, zone: str) -> date:
    return shown.at(at, zone).date()


FUNCTIONS = (card_text, cards_to_choose, consent_sentence, limit_meter, recharge_sentence, state_name, state_tone)
"""What templates may call."""
