"""Made-up prices for every country, so that a new installation has something to begin with."""

from __future__ import annotations

from msgspec import Struct

from talktime.actions import illustrative
from talktime.actions.prices import Draft
from talktime.core.scopes import Scope
from talktime.storage.database import Tx
from talktime.web.fields import Currency, Text, actor
from talktime.web.price_list_forms import PriceListBody, price_list_body
from talktime.web.price_lists import LISTS
from talktime.web.problems import invalid
from talktime.web.routes import Keep, Request, Route
from talktime.web.sentences import sentence


class IllustrativeForm(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Text = illustrative.NAME
    currency: Currency = illustrative.CURRENCY
    default: bool = False
    """The list of organizations of its currency that have none of their own."""
    publish: bool = False
    """Put them in force at once."""


class Wanted(Struct, frozen=True):
    draft: Draft
    publish: bool
    default: bool


def prepared(request: Request[IllustrativeForm]) -> Wanted:
    form = request.form
    if form.currency != illustrative.CURRENCY:
        raise invalid("currency", sentence("illustrative_in_dollars"), "illustrative_in_dollars")
    return Wanted(illustrative.draft(form.name), form.publish, form.default)


def post_illustrative(tx: Tx, request: Request[Wanted]) -> PriceListBody:
    """A new list with a made-up price for every country, to begin with and to try."""
    form, list_id = request.form, request.app.new_id("prl")
    made = illustrative.create(tx, list_id, form.draft, actor(request), publish=form.publish, default=form.default)
    return price_list_body(made, request.now)


ROUTES = [
    Route(
        "POST",
        LISTS + "/illustrative",
        Scope.OPERATOR,
        post_illustrative,
        form=IllustrativeForm,
        prepare=prepared,
        answer=PriceListBody,
        status=201,
        once=Keep.MONTH,
        needs_organization=False,
        problems=(409,),
        tag="Price lists",
    )
]
