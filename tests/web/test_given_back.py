"""Refunds and disputes beside the provider's lists: what he told and nobody heard is booked, once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from talktime.core.ids import org_number
from talktime.core.time import SECOND
from tests.support.fault_proxy import Fault
from tests.web.client import World
from tests.web.money import Payer
from tests.web.shopper import Shopper

RUN = "/v1/operator/reconciliation"


def compare(payer: Payer) -> Any:
    """And what follows from it."""
    done = payer.operator.post(RUN).json
    payer.settle()
    return done


@pytest.fixture
def payer(anywhere: World) -> Payer:
    made = Payer(anywhere, None)
    made.card()
    return made


def test_a_refund_that_a_backup_has_forgotten_is_not_given_back_again(payer: Payer) -> None:
    made = payer.pay("80")
    with payer.world.app.simulator.notebook.open(payer.org.id) as page:
        given = {"reference": "sim_ref_1", "amount": 30 * SECOND, "payment": made["id"], "at": page.now}
        page.add("refund", "ref_1", "used", given)
    for _ in range(2):
        compare(payer)
        assert (payer.statement, payer.top_up(made)["refunded"]) == ([("top_up", "80"), ("refund", "-30")], "30")
    assert payer.api.post(f"/v1/top-ups/{made['id']}/refund", {"amount": "51"}).code == "more_than_left"
    assert list(payer.items) == []


def test_a_refund_of_which_the_provider_says_nothing_is_looked_at_by_people(payer: Payer) -> None:
    made = payer.pay("80")
    assert payer.api.post(f"/v1/top-ups/{made['id']}/refund", {"amount": "30"}).json["status"] == "succeeded"
    assert compare(payer)["differences"] == 0
    forget = text("DELETE FROM simulator WHERE org_id = :org AND kind = 'refund'")
    number = org_number(payer.org.id) or 0
    payer.world.app.database.write(number, lambda tx: tx.execute(forget, {"org": number}))
    for _ in range(2):
        assert compare(payer)["differences"] == 1
    assert list(payer.items) == ["refunded_but_not_given_back"]


# ---------------------------------------------------------------- with Stripe


def test_a_refund_at_the_providers_desk_is_followed_though_no_message_comes(shopper: Shopper) -> None:
    made = shopper.pay("80")
    shopper.stripe.account.refund({"payment_intent": shopper.reference, "amount": "3000"})
    compare(shopper)
    assert (shopper.money[0], shopper.top_up(made)["refunded"], list(shopper.items)) == ("50", "30", [])


def test_a_refund_that_fails_later_is_in_the_balance_again_though_no_message_comes(shopper: Shopper) -> None:
    made = shopper.pay("80")
    shopper.api.post(f"/v1/top-ups/{made['id']}/refund", {"amount": "30"})
    compare(shopper)
    assert shopper.money[0] == "50"
    shopper.stripe.account.fail_refund(shopper.stripe.account.of_kind("refund")[0]["id"])
    compare(shopper)
    assert (shopper.money[0], list(shopper.items)) == ("80", [])


@pytest.mark.parametrize(("verdict", "balance"), [("won", "80"), ("lost", "0")])
def test_a_dispute_is_followed_though_no_message_comes(shopper: Shopper, verdict: str, balance: str) -> None:
    made, account = shopper.pay("80"), shopper.stripe.account
    dispute = account.dispute(shopper.reference)
    compare(shopper)
    assert (shopper.money[:2], shopper.top_up(made)["dispute"]) == (("80", "80"), "opened")
    account.close_dispute(dispute, verdict)
    compare(shopper)
    assert (shopper.money[:2], shopper.top_up(made)["dispute"]) == ((balance, "0"), verdict)
    assert list(shopper.items) == []


def test_what_is_booked_is_told_nobody_again(shopper: Shopper) -> None:
    made, account = shopper.pay("80"), shopper.stripe.account
    shopper.api.post(f"/v1/top-ups/{made['id']}/refund", {"amount": "30"})
    account.refund({"payment_intent": shopper.reference, "amount": "1000"})
    account.fail_refund(account.refund({"payment_intent": shopper.reference, "amount": "1000"})["id"])
    account.dispute(shopper.reference)
    compare(shopper)
    # The refund at the desk, and the dispute.
    assert shopper.messages == 2
    compare(shopper)
    assert (shopper.messages, shopper.money[0]) == (2, "40")


def test_what_the_account_sells_besides_is_passed_over(shopper: Shopper) -> None:
    account = shopper.stripe.account
    sold = account.intent({"amount": "500", "currency": "usd", "confirm": "true", **account.card()})
    account.refund({"payment_intent": sold["id"], "amount": "100"})
    account.dispute(sold["id"])
    assert compare(shopper)["differences"] == 0
    assert (shopper.messages, list(shopper.items)) == (0, [])


def test_what_was_taken_is_compared_though_disputes_cannot_be(shopper: Shopper) -> None:
    shopper.stripe.fault_next([Fault.LOSE_ANSWER], on="POST /v1/payment_intents")
    made = shopper.pay("80")
    assert made["status"] == "pending"
    shopper.stripe.fault_next([Fault.FAIL_BEFORE], on="GET /v1/disputes")
    assert compare(shopper)["settled"] == 1
    assert shopper.top_up(made)["status"] == "succeeded"
