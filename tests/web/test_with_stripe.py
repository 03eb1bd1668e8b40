"""The whole product with cards of Stripe's: what its messages, its silences and its refusals make of our books."""

from __future__ import annotations

from typing import Any

import pytest

from talktime.payments.stripe.adapter import Stripe
from tests.support.fake_stripe_account import ASKS_THE_HOLDER
from tests.support.fault_proxy import Fault
from tests.web.money import providers_of
from tests.web.shopper import Shopper

EXPIRED = "4000000000000069"
REFUNDING = "POST /v1/refunds"
HOUR = 3600
UNHEARD = [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER]


@pytest.fixture
def asked(shopper: Shopper) -> Any:
    """A recharge whose first card is expired, and whose second has a holder who must say who he is."""
    cards = {"payment_method": shopper.card(EXPIRED), "backup_payment_method": shopper.card(ASKS_THE_HOLDER)}
    shopper.recharge(**cards)
    [made] = shopper.payments
    assert made["status"] == "requires_action"
    return made


# ---------------------------------------------------------------- two cards


def test_what_stripe_tells_of_the_first_card_is_no_word_about_the_second(shopper: Shopper, asked: Any) -> None:
    shopper.hear()
    assert (shopper.top_up(asked)["status"], shopper.state) == ("requires_action", "requires_action")
    bank = shopper.follow_link(asked).headers["location"]
    shopper.stripe.account.authenticate(bank.rpartition("/")[2], succeeds=True)
    shopper.hear()
    assert (shopper.ended, shopper.state, shopper.money[0]) == (["succeeded"], "on", "120")
    assert shopper.told("recharge_paused") == []


def test_a_second_card_that_declines_is_not_judged_by_the_code_of_the_first(shopper: Shopper, asked: Any) -> None:
    bank = shopper.follow_link(asked).headers["location"]
    shopper.stripe.account.authenticate(bank.rpartition("/")[2], succeeds=False)
    shopper.hear()
    assert (shopper.ended, shopper.state) == (["failed"], "retrying")
    assert shopper.top_up(asked)["failure_code"] == "payment_intent_authentication_failure"


def test_when_both_cards_were_charged_people_look_at_it(shopper: Shopper) -> None:
    first, second = shopper.card(EXPIRED), shopper.card()
    shopper.recharge(payment_method=first, backup_payment_method=second)
    shopper.hear()
    intents = {one["metadata"]["order"][-1]: one["id"] for one in shopper.stripe.account.of_kind("payment_intent")}
    shopper.stripe.account.succeed(intents["1"])
    shopper.hear()
    assert (shopper.money[0], list(shopper.items)) == ("120", ["taken_twice"])


# ---------------------------------------------------------------- the link in the mail


@pytest.mark.parametrize("fault", UNHEARD)
def test_a_link_that_nobody_answered_works_once_more(shopper: Shopper, asked: Any, fault: Fault) -> None:
    shopper.stripe.fault_next([fault], on="POST /v1/payment_intents/")
    assert shopper.follow_link(asked).status == 503
    shopper.later(HOUR)
    assert (shopper.top_up(asked)["status"], shopper.state) == ("requires_action", "requires_action")
    assert shopper.follow_link(asked).status == 303
    assert shopper.follow_link(asked).status == 409


# ---------------------------------------------------------------- a key that is not accepted


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_stripe_refuses_is_nobodys_decline(shopper: Shopper, status: int) -> None:
    first = shopper.card()
    shopper.stripe.turns_away = status
    shopper.recharge(payment_method=first, backup_payment_method=shopper.card())
    for _ in range(8):
        shopper.later(HOUR)
    assert (shopper.ended, shopper.state, shopper.told("recharge_failed")) == (["pending"], "charging", [])
    shopper.stripe.turns_away = None
    for _ in range(2):
        shopper.later(HOUR)
    assert (shopper.ended, shopper.state, shopper.money[0]) == (["succeeded"], "on", "120")
    assert [one.order for one in shopper.stripe.charges] == [f"{shopper.payments[0]['id']}-1"]


def test_a_key_of_the_other_mode_is_nobodys_decline_either(shopper: Shopper) -> None:
    providers = providers_of(shopper.world)
    right = providers["stripe"]
    providers["stripe"] = Stripe("sk_live_example", [], shopper.stripe.url)
    shopper.recharge(payment_method=shopper.card())
    for _ in range(8):
        shopper.later(HOUR)
    assert (shopper.ended, shopper.state, shopper.told("recharge_failed")) == (["pending"], "charging", [])
    providers["stripe"] = right
    for _ in range(2):
        shopper.later(HOUR)
    assert (shopper.ended, shopper.state, shopper.money[0]) == (["succeeded"], "on", "120")


def test_a_card_that_stripe_no_longer_knows_gives_way_to_the_backup(shopper: Shopper) -> None:
    gone = shopper.card()
    shopper.stripe.account.objects.clear()
    shopper.recharge(payment_method=gone, backup_payment_method=shopper.card())
    assert [one.order for one in shopper.stripe.charges] == [f"{shopper.payments[0]['id']}-2"]


# ---------------------------------------------------------------- refunds


def test_a_refund_that_a_refused_key_interrupts_is_given_back_once(shopper: Shopper) -> None:
    made = shopper.pay("100")
    shopper.stripe.fault_next([Fault.LOSE_ANSWER], on=REFUNDING)
    shopper.refund(made, "40")
    shopper.stripe.turns_away = 401
    shopper.later(HOUR)
    assert (shopper.refunds, shopper.money[0]) == (["pending"], "60")
    shopper.stripe.turns_away = None
    shopper.later(HOUR)
    assert (shopper.refunds, shopper.money[0]) == (["succeeded"], "60")
    assert [one.units for one in shopper.stripe.refunds] == [4000]


def test_a_refund_is_not_undone_before_its_first_try_was_looked_up(shopper: Shopper) -> None:
    made = shopper.pay("100")
    shopper.stripe.fault_next([Fault.LOSE_REQUEST], on=REFUNDING)
    shopper.refund(made, "40")
    shopper.stripe.account.refund({"payment_intent": shopper.reference, "amount": "10000"})
    shopper.later(HOUR)
    assert (shopper.refunds, shopper.money[0]) == (["pending"], "60")
    shopper.later(20 * HOUR)
    assert (shopper.refunds, shopper.money[0]) == (["failed"], "100")


def test_a_refund_that_stripe_refuses_at_once_is_undone_at_once(shopper: Shopper) -> None:
    made = shopper.pay("100")
    shopper.stripe.account.refund({"payment_intent": shopper.reference, "amount": "10000"})
    assert (shopper.refund(made, "40")["status"], shopper.money[0]) == ("failed", "100")


def test_a_refund_that_succeeded_after_all_is_taken_back_again(shopper: Shopper) -> None:
    made, names = shopper.pay("100"), {"metadata[organization]": shopper.org.id}
    shopper.stripe.fault_next([Fault.LOSE_REQUEST], on=REFUNDING)
    refund = shopper.refund(made, "40")
    shopper.later(21 * HOUR)
    assert (shopper.refunds, shopper.money[0]) == (["failed"], "100")
    names |= {"metadata[payment]": made["id"], "metadata[refund]": refund["id"]}
    late = shopper.stripe.account.refund({"payment_intent": shopper.reference, "amount": "4000", **names})
    shopper.hear()
    assert (shopper.refunds, shopper.money[0]) == (["succeeded"], "60")
    shopper.stripe.account.fail_refund(late["id"])
    shopper.hear()
    assert (shopper.refunds, shopper.money[0], list(shopper.items)) == (["failed"], "100", [])


def test_a_refund_that_failed_later_stays_failed_whatever_comes_late(shopper: Shopper) -> None:
    made = shopper.pay("100")
    shopper.hear()
    shopper.refund(made, "40")
    shopper.stripe.account.fail_refund(shopper.stripe.account.of_kind("refund")[0]["id"])
    shopper.hear(shopper.stripe.events()[::-1])
    assert (shopper.refunds, shopper.money[0], list(shopper.items)) == (["failed"], "100", [])


@pytest.mark.parametrize("in_order", [True, False])
def test_a_refund_at_stripes_desk_that_fails_later_is_in_the_balance_again(shopper: Shopper, in_order: bool) -> None:
    shopper.pay("100")
    shopper.hear()
    made = shopper.stripe.account.refund({"payment_intent": shopper.reference, "amount": "4000"})
    shopper.stripe.account.fail_refund(made["id"])
    told = [one for one in shopper.stripe.events() if b'"refund.' in one.body]
    for delivery in told if in_order else told[::-1]:
        shopper.hear([delivery])
    shopper.later(HOUR)
    assert (shopper.refunds, shopper.money[0], list(shopper.items)) == (["failed"], "100", [])
    assert shopper.statement[1:] == [("refund", "-40"), ("refund", "40")]


def test_what_comes_back_is_in_the_lots_that_it_was_taken_from(shopper: Shopper) -> None:
    shopper.pay("100")
    first = shopper.reference
    shopper.hear()
    shopper.spend("100")
    shopper.pay("60")
    made = shopper.stripe.account.refund({"payment_intent": first, "amount": "9000"})
    shopper.hear()
    assert (shopper.org.remaining, shopper.money[0]) == (["0", "0"], "-30")
    shopper.stripe.account.fail_refund(made["id"])
    shopper.hear()
    assert (shopper.org.remaining, shopper.money[0]) == (["60", "0"], "60")  # The newest first.


# ---------------------------------------------------------------- disputes


@pytest.mark.parametrize("verdict", ["won", "warning_closed", "lost"])
def test_a_payment_that_is_disputed_again_is_looked_at_by_people(shopper: Shopper, verdict: str) -> None:
    account = shopper.stripe.account
    shopper.pay("100")
    account.close_dispute(account.dispute(shopper.reference), verdict)
    shopper.hear()
    assert list(shopper.items) == []
    again = account.dispute(shopper.reference)
    shopper.hear()
    assert list(shopper.items) == ["disputed_again"]
    account.close_dispute(again, "lost")
    shopper.hear()
    assert sorted(shopper.items) == ["another_verdict", "disputed_again"]
    assert shopper.money[0] == ("0" if verdict == "lost" else "100")


def test_the_opening_of_a_dispute_may_be_heard_after_its_verdict(shopper: Shopper) -> None:
    account = shopper.stripe.account
    shopper.pay("100")
    shopper.hear()
    account.close_dispute(account.dispute(shopper.reference), "won")
    shopper.hear(shopper.stripe.events()[::-1])
    assert (shopper.money[:2], list(shopper.items)) == (("100", "0"), [])


def test_a_verdict_that_is_changed_is_looked_at_by_people(shopper: Shopper) -> None:
    account = shopper.stripe.account
    shopper.pay("100")
    dispute = account.dispute(shopper.reference)
    for verdict in ("won", "lost"):
        account.close_dispute(dispute, verdict)
    shopper.hear()
    assert (shopper.money[0], list(shopper.items)) == ("100", ["another_verdict"])
