"""What providers tell late, early or not quite as it was: nothing is charged twice for it, and nothing goes missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from talktime.core.gateway import Event, EventKind, State, Told
from talktime.core.ids import org_number
from talktime.core.time import SECOND
from tests.web.client import World
from tests.web.money import SECOND as BACKUP
from tests.web.money import Payer

LOST = {"result": "unanswered", "charged": True, "webhook": "never"}
NOT_TAKEN = {"result": "unanswered", "webhook": "never"}


@pytest.fixture
def payer(anywhere: World) -> Payer:
    made = Payer(anywhere)
    made.card()
    return made


def tell(payer: Payer, payment: Any, about: Mapping[str, Any] | None = None, **values: Any) -> None:
    """The provider's own words, signed. `about`: what it is about, where it is no payment."""
    fields: dict[str, Any] = {"state": State.SUCCEEDED, "amount": 120 * SECOND, "currency": "USD", "live": False}
    told = Told(**fields | {"organization": payer.org.id, "payment": payment["id"]} | values)
    event: dict[str, Any] = {"kind": EventKind.PAYMENT, **(about or {})}
    body = msgspec.json.encode(Event(event_id=f"evt_{told}_{about}", told=told, **event))
    signed = {"simulator_signature": payer.world.app.simulator.sign(body)}
    assert payer.world.nobody.send("POST", "/v1/providers/simulator/events", body, **signed).status == 204
    payer.settle()


def test_a_failure_of_an_earlier_try_is_no_decline(payer: Payer) -> None:
    payer.script(LOST)
    payer.recharge()
    payer.tell("events", type="payment_failed", top_up=payer.payments[0]["id"])
    payer.move("2030-05-03T08:00:00Z")
    assert (payer.state, payer.money[0], len(payer.charges)) == ("on", "120", 1)
    assert payer.told("recharge_failed") == []


def test_a_failure_that_is_one_is_heard_of_at_once(payer: Payer) -> None:
    payer.script(NOT_TAKEN, {"result": "declined", "code": "lost_card"})
    payer.recharge()
    payer.tell("events", type="payment_failed", top_up=payer.payments[0]["id"])
    payer.settle()
    assert (payer.state, payer.ended) == ("paused", ["failed"])


def test_who_pays_by_both_cards_is_credited_once_and_looked_at(payer: Payer) -> None:
    payer.script({"result": "declined", "code": "insufficient_funds"}, {"result": "succeeded"})
    payer.recharge(backup_payment_method=payer.card(BACKUP))
    [made] = payer.payments
    tell(payer, made, order=f"{made['id']}-2", reference="sim_second")
    assert list(payer.items) == []
    tell(payer, made, order=f"{made['id']}-1", reference="sim_first")
    assert (payer.money[0], list(payer.items)) == ("120", ["taken_twice"])


def test_money_in_another_currency_than_the_organizations_is_credited_to_nobody(payer: Payer) -> None:
    payer.script(LOST)
    made = payer.pay("120")
    other = text("UPDATE organizations SET currency = 'JPY' WHERE org_id = :org")
    org_id = org_number(payer.org.id) or 0
    payer.world.app.database.write(org_id, lambda tx: tx.execute(other, {"org": org_id}))
    payer.settle()
    tell(payer, made)
    assert (payer.money[0], payer.top_up(made)["status"], list(payer.items)) == ("0", "pending", ["other_currency"])


def test_a_first_card_that_pays_after_all_is_the_one_that_is_named(payer: Payer) -> None:
    first = payer.api.get("/v1/payment-methods").json["data"][0]["id"]
    payer.script({"result": "declined", "code": "insufficient_funds"}, NOT_TAKEN)
    payer.recharge(backup_payment_method=payer.card(BACKUP))
    [made] = payer.payments
    tell(payer, made, order=f"{made['id']}-1")
    assert (payer.money[0], payer.top_up(made)["payment_method"]) == ("120", first)
    assert payer.told("recharge_succeeded")[0]["card"] == "Visa **** 4242"


def test_a_top_up_that_begins_to_wait_for_its_holder_blocks_nothing_any_longer(payer: Payer) -> None:
    payer.pay("100")
    payer.recharge()
    payer.script(NOT_TAKEN, {"result": "requires_action"})
    waiting = payer.pay("100")
    payer.spend("50")
    assert len(payer.payments) == 2
    payer.move("2030-05-02T08:01:00Z")
    assert payer.top_up(waiting)["status"] == "requires_action"
    assert (payer.state, payer.money[0]) == ("on", "170")


def test_a_provider_whose_clock_is_ahead_does_not_get_past_the_monthly_limit(payer: Payer) -> None:
    payer.script(LOST)
    payer.recharge(monthly_limit="120")
    tell(payer, payer.payments[0], at=payer.world.app.now() + 2**50)
    payer.spend("119")
    assert (payer.state, len(payer.charges)) == ("limit_reached", 1)


def test_a_message_that_waits_for_its_payment_is_not_parked_for_what_others_tell(payer: Payer) -> None:
    payer.script(NOT_TAKEN)
    late = payer.pay("100")
    payer.tell("events", type="refund_succeeded", top_up=late["id"], amount="30")
    for _ in range(10):
        made = payer.pay("60")
        payer.tell("events", type="payment_succeeded", top_up=made["id"])
    payer.move("2030-05-02T12:00:00Z")
    assert (payer.top_up(late)["refunded"], list(payer.items)) == ("30", [])


def test_a_message_that_cannot_be_worked_off_keeps_no_other_waiting(payer: Payer) -> None:
    payer.script(NOT_TAKEN, LOST)
    strange, usual = payer.pay("120"), payer.pay("120")
    tell(payer, strange, at=2**62)
    tell(payer, usual)
    assert (payer.top_up(strange)["status"], payer.top_up(usual)["status"]) == ("pending", "succeeded")
    payer.move("2030-05-04T08:00:00Z")
    assert (payer.top_up(strange)["status"], list(payer.items)) == ("succeeded", [])


def test_a_refund_at_the_desk_that_comes_back_is_in_the_lots_that_it_was_taken_from(payer: Payer) -> None:
    made, desk = payer.pay("120"), {"kind": EventKind.REFUND, "refund": "re_1"}
    payer.spend("120")
    payer.pay("60")
    tell(payer, made, desk, state=State.DECLINED, amount=90 * SECOND, code="lost_or_stolen_card")
    assert payer.money[0] == "60"
    tell(payer, made, desk, amount=90 * SECOND)
    payer.move("2030-05-02T09:00:00Z")
    assert (payer.org.remaining, payer.money[0]) == (["60", "0"], "60")  # The newest first.
    assert payer.statement[3:] == [("refund", "-90"), ("refund", "90")]


@pytest.mark.parametrize("verdict", ["won", "lost"])
def test_a_second_dispute_is_looked_at_and_an_opening_that_comes_late_is_none(payer: Payer, verdict: str) -> None:
    made = payer.pay("120")
    for name, states in {"du_1": (verdict, "opened"), "du_2": ("opened",)}.items():
        assert list(payer.items) == []
        for state in states:
            tell(payer, made, {"kind": EventKind.DISPUTE, "dispute": state, "dispute_id": name})
    assert list(payer.items) == ["disputed_again"]
    assert payer.top_up(made)["dispute"] == verdict
