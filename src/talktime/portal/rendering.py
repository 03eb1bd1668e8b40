"""Templates become pages: an environment for each language, with its words and formats."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from talktime.core.phone_text import spaced
from talktime.core.time import NEVER
from talktime.languages.catalogues import translator
from talktime.languages.templates import templates
from talktime.portal import shown, words
from talktime.portal.account.devices import device
from talktime.portal.assets import asset
from talktime.portal.billing import words as billing
from talktime.portal.billing.activity import what
from talktime.portal.calls import words as calls
from talktime.portal.numbers import words as numbers
from talktime.portal.operator import words as operator
from talktime.portal.operator.corrections import may_confirm
from talktime.portal.rates import look_up
from talktime.portal.reports import usage
from talktime.portal.settings import words as settings
from talktime.portal.shell import Shell
from talktime.portal.users import policies
from talktime.portal.users import words as users
from talktime.portal.visit import DOMAIN, Visit

TEMPLATES = Path(__file__).parent / "templates"
FUNCTIONS = (
    *billing.FUNCTIONS,
    *calls.FUNCTIONS,
    *numbers.FUNCTIONS,
    *operator.FUNCTIONS,
    *policies.FUNCTIONS,
    *settings.FUNCTIONS,
    *users.FUNCTIONS,
    *words.FUNCTIONS,
    *(look_up.example_text, look_up.number_kind_name, look_up.price_kind_name, look_up.way_name),
    *(device, may_confirm, usage.change_text, what),
)
"""What templates may call besides their own macros."""
OF_ZONE = {"day": shown.day, "short_day": shown.short_day, "moment": shown.moment_text, "clock": shown.clock}
ID_SHOWN = 12
OF_MONEY = {
    "money": shown.money,
    "precise": shown.precise,
    "cents": shown.cents,
    "rounded": shown.rounded,
    "field_money": shown.field_money,
    "whole": shown.whole,
}


@cache
def environment(language: str) -> Environment:
    made = templates(TEMPLATES)
    say = translator(language, DOMAIN)
    made.globals.update({"_": say, "_n": say.plural, "asset": asset, "language": language})
    made.filters.update({name: _with_zone(function, language) for name, function in OF_ZONE.items()})
    made.filters.update({name: _with_currency(function, language) for name, function in OF_MONEY.items()})
    made.filters["exact"] = _exact(language)
    made.filters["number"] = partial(shown.number, language=language)
    made.filters["month"] = partial(shown.month, language=language)
    made.filters["date"] = partial(shown.date_text, language=language)
    made.filters["duration"] = shown.duration
    made.filters["mark"] = shown.mark
    made.filters["phone"] = spaced
    made.filters["place"] = partial(shown.place_of, language=language)
    made.filters["country"] = partial(shown.country, language=language)
    made.filters["card_end"] = partial(billing.card_end, language=language)
    made.filters["short_id"] = lambda one: one if len(one) <= ID_SHOWN else f"…{one[-ID_SHOWN:]}"
    made.filters["iso_day"] = pass_context(lambda context, at: billing.iso_day(at, context["visit"].zone))
    made.globals.update({function.__name__: function for function in FUNCTIONS}, never=NEVER)
    made.filters["card"] = lambda one: shown.card(one["brand"], one["last4"], say("ending in"))
    return made


def _with_zone(function: Callable[..., str], language: str) -> Callable[..., str]:
    @pass_context
    def told(context: Context, when: Any, zone: str | None = None) -> str:
        return function(when, zone or context["visit"].zone, language)

    return told


def _with_currency(function: Callable[..., str], language: str) -> Callable[..., str]:
    @pass_context
    def told(context: Context, amount: Any, currency: str | None = None) -> str:
        return function(amount, currency or context["visit"].currency, language)

    return told


def _exact(language: str) -> Callable[..., Markup]:
    @pass_context
    def told(context: Context, amount: Any, currency: str | None = None, sign: bool = False) -> Markup:
        return shown.exact(amount, currency or context["visit"].currency, language, sign)

    return told


def render(visit: Visit, template: str, **values: Any) -> bytes:
    page = environment(visit.language).get_template(template)
    return page.render(visit=visit, shell=Shell(visit), **values).encode()
