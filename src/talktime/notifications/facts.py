"""What is known of an event, as its reader writes it. Details are texts that others chose: they stay one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from talktime.core.money import micros
from talktime.core.time import NEVER
from talktime.languages import formats
from talktime.languages.catalogues import Translator

LENGTH_MAX = 200


def marked(text: str) -> str:
    """For the catalogue: translated where it is shown."""
    return text


_ = marked
LABELS: Mapping[str, str] = {
    "amount": _("Amount"),
    "balance": _("Balance"),
    "level": _("Alert level"),
    "spent": _("Spent"),
    "card": _("Card"),
    "receipt": _("Receipt"),
    "reason": _("Reason"),
    "next_attempt_at": _("Next attempt"),
    "until": _("Continues on"),
    "expires_at": _("Expires on"),
    "expires": _("Valid until"),
    "pool": _("Minute pool"),
    "kind": _("Destinations"),
    "month": _("Month"),
    "user": _("User"),
    "call": _("Call"),
    "top_up": _("Payment"),
    "what": _("What changed"),
    "by": _("Changed by"),
    "good_until": _("The link works until"),
}
"""In the order in which they are shown."""

WORDS: Mapping[str, Mapping[str, str]] = {
    "reason": {
        "insufficient_funds": _("not enough money on the account"),
        "card_declined": _("the bank declined the card"),
        "generic_decline": _("the bank declined the card"),
        "expired_card": _("the card has expired"),
        "authentication_required": _("the bank asks for a confirmation"),
        "concurrent_calls": _("too many calls at once"),
        "spend_per_hour": _("too much spent within an hour"),
        "spend_per_day": _("too much spent within a day"),
        "new_destinations_per_day": _("too many new countries in one day"),
    },
    "pool": {"MCOMEETADD": _("Audio Conferencing")},
    "kind": {"second": _("International")},
    "what": {
        "recharge_settings": _("Auto recharge settings"),
        "payment_methods": _("Payment options"),
        "alerts": _("Alerts"),
        "webhooks": _("Webhooks"),
        "members": _("Members and roles"),
    },
}
"""Codes that have words of their own; others are shown as they are."""


class Reader(Struct, frozen=True):
    """For whom it is written."""

    language: str
    time_zone: str
    organization: str


def facts_of(details: Mapping[str, str], reader: Reader, say: Translator) -> dict[str, str]:
    """What is missing or cannot be read is left out."""
    given = {name: text for name, value in details.items() if (text := one_line(value))}
    given |= {
        "reason": given.get("reason") or given.get("code", ""),
        "user": given.get("user_name") or given.get("user", ""),
    }
    shown = {name: _shown(name, given, reader, say) for name in LABELS if given.get(name)}
    return {name: value for name, value in shown.items() if value}


def one_line(text: str) -> str:
    """Nothing in it can begin another line, or turn the direction of what follows."""
    visible = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(visible.split())[:LENGTH_MAX]


def _shown(name: str, given: Mapping[str, str], reader: Reader, say: Translator) -> str:
    value = given[name]
    if name in WORDS:
        return _in_words(name, value, say)
    if shape := SHAPES.get(name):
        try:
            return shape(value, given.get("currency", ""), reader)
        except (ValueError, OverflowError):
            return ""
    return value


def _in_words(name: str, value: str, say: Translator) -> str:
    """The first kind of minutes is the usual one, and not told."""
    code = value.removesuffix(".changed")
    if name == "kind" and code == "first":
        return ""
    return say(WORDS[name][code]) if code in WORDS[name] else value


def _money(value: str, currency: str, reader: Reader) -> str:
    return formats.money(micros(value), currency, reader.language) if currency else ""


def _day(value: str, currency: str, reader: Reader) -> str:
    at = int(value)
    return formats.day(at, reader.time_zone, reader.language) if at < NEVER else ""


def _day_and_time(value: str, currency: str, reader: Reader) -> str:
    return formats.day_and_time(int(value), reader.time_zone, reader.language)


def _month(value: str, currency: str, reader: Reader) -> str:
    year, _, month = value.partition("-")
    return f"{int(month):02d}/{int(year)}"


Shape = Callable[[str, str, Reader], str]
SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(("amount", "balance", "level", "spent"), _money),
    "expires_at": _day,
    **dict.fromkeys(("next_attempt_at", "until", "good_until"), _day_and_time),
    **dict.fromkeys(("expires", "month"), _month),
}
