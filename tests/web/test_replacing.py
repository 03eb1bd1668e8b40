"""Another card in place of the one that declines."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from talktime.actions import methods
from talktime.actions.audit import Actor
from talktime.core.ids import org_number
from talktime.core.money import micros
from tests.web.client import World
from tests.web.money import GOOD, LOST, SECOND, Payer

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def payer(world: World) -> Payer:
    return Payer(world)


def replacing(payer: Payer, amount: str = "120") -> str:
    """The page on which the new card is entered."""
    app, number = payer.world.app, org_number(payer.org.id)
    assert number is not None
    actor = Actor("mem_ann", app.now())
    values = (app.terms, number, app.new_id("pm"), actor, micros(amount))
    return urlsplit(methods.begin(app.database, app.till, app.links, *values)[1]).path


def enter(payer: Payer, page: str, number: str = GOOD) -> None:
    back = payer.world.nobody.send("POST", page, urlencode({"number": number}).encode(), FORM)
    assert payer.world.nobody.get(urlsplit(back.headers["location"]).path).status == 200
    payer.settle()


def cards(payer: Payer) -> list[Any]:
    return list(payer.api.get("/v1/payment-methods").json["data"])


def paused(payer: Payer, **fields: Any) -> str:
    card = payer.card(LOST)
    payer.recharge(**{name: card if value == "it" else value for name, value in fields.items()})
    assert payer.state == "paused"
    return card


def test_the_new_card_takes_the_place_of_the_default_and_is_charged_at_once(payer: Payer) -> None:
    old = paused(payer)
    enter(payer, replacing(payer))
    new = next(card for card in cards(payer) if card["id"] != old)
    assert (payer.state, payer.money[0], new["default"]) == ("on", "120", True)
    told = payer.org.api.get("/v1/audit", limit=100).json["data"]
    by_her = {one["action"] for one in told if one["actor"] == "mem_ann"}
    assert {"recharge.retried", "payment_method.changed"} <= by_her


def test_the_new_card_takes_the_place_of_the_one_that_was_named(payer: Payer) -> None:
    default = payer.card(SECOND)
    paused(payer, payment_method="it")
    enter(payer, replacing(payer))
    assert (payer.state, payer.money[0]) == ("on", "120")
    assert payer.setting["payment_method"] not in (default, None)
    assert next(card for card in cards(payer) if card["default"])["id"] == default


def test_a_card_that_is_tried_again_later_is_replaced_at_once(payer: Payer) -> None:
    payer.card()
    payer.decline("insufficient_funds")
    payer.recharge()
    assert payer.state == "retrying"
    enter(payer, replacing(payer), SECOND)
    assert (payer.state, payer.money[0]) == ("on", "120")


def test_a_new_card_that_declines_too_pauses_it_again(payer: Payer) -> None:
    paused(payer)
    enter(payer, replacing(payer), LOST)
    assert (payer.state, payer.ended) == ("paused", ["failed", "failed"])


def test_what_was_set_otherwise_meanwhile_is_charged_to_no_new_card(payer: Payer) -> None:
    paused(payer)
    page = replacing(payer)
    assert payer.save(amount="300").status == 200
    enter(payer, page)
    assert (payer.state, payer.money[0], len(cards(payer))) == ("paused", "0", 2)


def test_another_amount_than_the_one_that_was_shown_is_not_charged(payer: Payer) -> None:
    paused(payer)
    enter(payer, replacing(payer, "100"))
    assert (payer.state, payer.money[0]) == ("paused", "0")


def test_where_nothing_waits_for_a_card_it_is_only_saved(payer: Payer) -> None:
    old = payer.card()
    payer.recharge()
    enter(payer, replacing(payer), SECOND)
    assert (payer.state, payer.money[0]) == ("on", "120")
    assert next(card for card in cards(payer) if card["default"])["id"] == old


def test_a_dispute_ends_by_no_other_card(payer: Payer) -> None:
    payer.card()
    payer.recharge()
    payer.tell("disputes", top_up=payer.payments[0]["id"], result="opened")
    payer.settle()
    assert payer.setting["state_detail"] == "dispute"
    enter(payer, replacing(payer), SECOND)
    assert payer.state == "paused"
