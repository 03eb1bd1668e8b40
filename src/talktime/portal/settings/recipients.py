"""Alerts: at which levels somebody is told, and who hears of what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from talktime.actions.errors import Invalid
from talktime.core.emails import is_email
from talktime.core.notices import EVENTS, ROLES
from talktime.portal import forms, shown
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.settings.changing import REFUSED, errors_of, lines
from talktime.portal.visit import Visit
from talktime.web.fields import positive

HERE, API = "/settings/recipients", "/v1/alerts"
LEVELS_LEAST, LEVELS_MOST = 3, 10


class Wish(Struct, frozen=True):
    """What is in the fields. `levels` has one more than is filled in."""

    levels: list[str]
    spend_per_day: str
    spend_per_month: str
    roles: list[str]
    addresses: str


def get_recipients(visit: Visit) -> Answer:
    return _shown(visit, _stored(visit))


def _stored(visit: Visit) -> Wish:
    told = visit.ask(API)

    def amount(value: str | None) -> str:
        return shown.field_money(value, visit.currency, visit.language)

    return Wish(
        levels=[amount(level) for level in told["balance_low"]],
        spend_per_day=amount(told["spend_per_day"]),
        spend_per_month=amount(told["spend_per_month"]),
        roles=[one for one in told["recipients"] if one in ROLES],
        addresses="\n".join(one for one in told["recipients"] if one not in ROLES),
    )


def _shown(visit: Visit, wish: Wish, errors: dict[str, str] | None = None) -> Answer:
    fields = min(max(len(wish.levels) + 1, LEVELS_LEAST), LEVELS_MOST)
    values = {
        "wish": wish,
        "errors": errors,
        "levels": [*wish.levels, *[""] * fields][: max(fields, len(wish.levels))],
        "roles": ROLES,
        "usual": [(event, kind.roles) for event, kind in EVENTS.items()],
    }
    return Screen("settings/recipients.html", values, 422 if errors else 200)


def save(visit: Visit) -> Answer:
    form = visit.form
    levels = [level for level in form.all("balance_low") if level]
    spending = (form.get("spend_per_day"), form.get("spend_per_month"))
    wish = Wish(levels, *spending, form.all("roles"), form.get("addresses"))
    try:
        visit.send("PUT", API, _body(visit, wish))
    except REFUSED as error:
        return _shown(visit, wish, errors_of(visit, error))
    return Away(HERE, "saved")


def _body(visit: Visit, wish: Wish) -> dict[str, Any]:
    return {
        "balance_low": [_level(visit, number, text) for number, text in enumerate(wish.levels, 1)],
        "spend_per_day": visit.optional_amount("spend_per_day"),
        "spend_per_month": visit.optional_amount("spend_per_month"),
        "recipients": [*wish.roles, *_addresses(wish)],
    }


def _level(visit: Visit, number: int, text: str) -> str:
    """What is wrong is said beside the one that is."""
    field = f"balance_low-{number}"
    amount = forms.amount(text, visit.language, field)
    positive(field, amount)
    return amount


def _addresses(wish: Wish) -> Iterator[str]:
    for address in lines(wish.addresses):
        if not is_email(address):
            raise Invalid("no_email", "addresses", address=address)
        yield address
