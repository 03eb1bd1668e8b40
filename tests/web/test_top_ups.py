"""Funds that somebody adds by hand: once and only once, whatever the gateway does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from talktime.core.gateway import Order, ProviderError, Told
from talktime.payments.simulator import Simulator
from tests.web.client import World
from tests.web.money import ASKS, GOOD, LOST, POOR, SECOND, START, Payer, providers_of

UNANSWERED = {"result": "unanswered", "webhook": "later"}


def test_a_card_pays_and_a_lot_of_a_year_comes_of_it(anywhere: World) -> None:
    payer = Payer(anywhere)
    payer.card()
    made = payer.pay("80.5")
    assert (made["status"], made["kind"], made["amount"]) == ("succeeded", "top_up", "80.5")
    [lot] = payer.org.lots
    assert (lot["kind"], lot["amount"], lot["purchased_at"], lot["expires_at"]) == (
        "paid",
        "80.5",
        START,
        "2031-05-02T08:00:00Z",
    )
    assert payer.statement == [("top_up", "80.5")]
    assert payer.api.get("/v1/balance").json["credits_set_up"] is True
    assert [charge["amount"] for charge in payer.charges] == ["80.5"]


def test_a_lot_of_the_29th_of_february_ends_with_the_28th(world: World) -> None:
    payer = Payer(world, "2032-02-29T12:00:00Z", time_zone="Europe/Riga")
    payer.card()
    payer.pay("60")
    assert payer.org.lots[0]["expires_at"] == "2033-02-28T12:00:00Z"


@pytest.mark.parametrize(
    ("currency", "good", "bad"),
    [
        ("USD", ["50", "10000", "50.01"], ["49.99", "10000.01", "60.001"]),
        ("JPY", ["5000", "1000000"], ["4999", "5000.5", "1000001"]),
        ("KWD", ["15", "3000", "15.125"], ["14.999", "15.1255", "3000.001"]),
        ("RON", ["250"], ["249.99", "50000.01"]),
    ],
)
def test_limits_and_decimals_are_those_of_the_currency(
    world: World, currency: str, good: list[str], bad: list[str]
) -> None:
    payer = Payer(world, currency=currency)
    payer.card()
    for amount in good:
        assert payer.pay(amount)["status"] == "succeeded"
    for amount in bad:
        refused = payer.api.post("/v1/top-ups", {"amount": amount})
        assert (refused.status, refused.fields) == (422, ["amount"])
    assert len(payer.charges) == len(good)


def test_an_organization_may_have_limits_of_its_own(world: World) -> None:
    payer = Payer(world, limits={"top_up_min": "10", "top_up_max": "20"})
    payer.card()
    assert payer.pay("10")["status"] == "succeeded"
    refused = payer.api.post("/v1/top-ups", {"amount": "50"})
    assert refused.status == 422
    assert "from 10 to 20 USD" in refused.json["detail"]


def test_a_declined_card_says_why_and_nothing_is_booked(anywhere: World) -> None:
    payer = Payer(anywhere)
    payer.card(POOR)
    made = payer.pay("55")
    assert (made["status"], made["failure_code"]) == ("failed", "insufficient_funds")
    assert (payer.statement, payer.charges) == ([], [])


def test_without_a_card_nothing_begins(world: World) -> None:
    payer = Payer(world)
    refused = payer.api.post("/v1/top-ups", {"amount": "60"})
    assert (refused.code, refused.fields) == ("no_payment_method", ["payment_method"])
    unknown = payer.api.post("/v1/top-ups", {"amount": "60", "payment_method": "pm_nobody"})
    assert (unknown.code, unknown.fields) == ("unknown_payment_method", ["payment_method"])
    assert payer.payments == []


def test_the_card_that_is_named_is_asked_and_else_the_default(world: World) -> None:
    payer = Payer(world)
    default, other = payer.card(GOOD), payer.card(LOST)
    assert payer.pay("60")["payment_method"] == default
    assert payer.pay("60", payment_method=other)["failure_code"] == "lost_card"


def test_the_same_key_pays_once_and_answers_the_same(anywhere: World) -> None:
    payer = Payer(anywhere)
    payer.card()
    first, again = [payer.api.post("/v1/top-ups", {"amount": "60"}, idempotency_key="form-1") for _ in range(2)]
    assert (again.status, again.json) == (first.status, first.json)
    assert first.json["status"] == "succeeded"
    assert again.headers["idempotent-replayed"] == "true"
    assert payer.api.post("/v1/top-ups", {"amount": "70"}, idempotency_key="form-1").code == "idempotency_conflict"
    assert len(payer.charges) == 1


def test_a_double_click_is_one_payment(anywhere: World) -> None:
    payer = Payer(anywhere)
    payer.card()
    answers = payer.api.at_once("POST", "/v1/top-ups", [{"amount": "60"}] * 5, idempotency_key="click")
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert (len(payer.charges), payer.money[0]) == (1, "60")


@pytest.mark.parametrize("charged", [True, False])
def test_a_lost_answer_is_found_and_never_charged_twice(anywhere: World, charged: bool) -> None:
    payer = Payer(anywhere)
    payer.card()
    payer.script(UNANSWERED | {"charged": charged})
    made = payer.pay("55")
    assert (made["status"], payer.money) == ("pending", ("0", "0", "55"))
    payer.move("2030-05-02T08:00:30Z")
    assert payer.top_up(made)["status"] == "succeeded"
    assert (len(payer.charges), payer.money) == (1, ("55", "0", "0"))
    assert {attempt["idempotency_key"] for attempt in payer.attempts} == {f"{made['id']}-1"}


def test_the_message_may_come_before_we_ask_again(anywhere: World) -> None:
    payer = Payer(anywhere)
    payer.card()
    payer.script(UNANSWERED | {"charged": True})
    made = payer.pay("55")
    payer.tell("deliver", copies=5, shuffle=True)
    assert payer.top_up(made)["status"] == "succeeded"
    payer.move("2030-05-03T08:00:00Z")
    assert (len(payer.charges), payer.statement) == (1, [("top_up", "55")])


def test_an_outage_of_days_ends_as_soon_as_the_provider_answers(world: World) -> None:
    payer = Payer(world)
    payer.card()
    payer.script(*[UNANSWERED | {"webhook": "never"}] * 12, {"result": "succeeded"})
    made = payer.pay("55")
    payer.move("2030-05-02T20:00:00Z")
    assert payer.top_up(made)["status"] == "succeeded"
    assert len(payer.charges) == 1


def test_who_never_answered_and_took_nothing_has_failed_after_a_day(world: World) -> None:
    payer = Payer(world)
    payer.card()
    payer.script(*[UNANSWERED | {"webhook": "never"}] * 1000)
    made = payer.pay("55")
    payer.move("2030-05-04T08:00:00Z")
    assert payer.top_up(made)["failure_code"] == "no_answer"
    assert (payer.charges, payer.money) == ([], ("0", "0", "0"))


def test_a_card_may_ask_who_holds_it(anywhere: World) -> None:
    payer = Payer(anywhere)
    payer.card(ASKS)
    made = payer.pay("55")
    assert (made["status"], payer.money[2]) == ("requires_action", "55")
    assert made["redirect_url"].startswith("http")
    assert payer.tell("authenticate", top_up=made["id"]).status == 200
    assert payer.top_up(made)["status"] == "succeeded"
    assert payer.top_up(made)["redirect_url"] is None
    assert payer.tell("authenticate", top_up=made["id"]).code == "nothing_to_authenticate"


def test_a_holder_who_never_comes_lets_it_fail_after_a_day(world: World) -> None:
    payer = Payer(world)
    payer.card(ASKS)
    made = payer.pay("55")
    payer.move("2030-05-03T07:59:59Z")
    assert payer.top_up(made)["status"] == "requires_action"
    payer.move("2030-05-03T08:00:00Z")
    assert payer.top_up(made)["failure_code"] == "authentication_expired"
    # Too late: nothing is taken any more.
    assert payer.tell("authenticate", top_up=made["id"]).code == "nothing_to_authenticate"
    assert payer.charges == []


def test_what_was_given_up_and_is_paid_after_all_is_credited(world: World) -> None:
    payer = Payer(world)
    payer.card()
    payer.decline("generic_decline")
    made = payer.pay("55")
    payer.tell("events", type="payment_succeeded", top_up=made["id"])
    assert payer.top_up(made)["status"] == "succeeded"
    assert payer.money[0] == "55"


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"amount": "56"}, "other_amount"),
        ({"currency": "EUR"}, "other_currency"),
        ({"live": True}, "other_mode"),
        ({"top_up": "pay_nobody"}, "unknown_payment"),
    ],
)
def test_a_message_that_does_not_fit_credits_nothing(anywhere: World, lie: dict[str, Any], reason: str) -> None:
    payer = Payer(anywhere)
    payer.card()
    payer.script(UNANSWERED)
    made = payer.pay("55")
    payer.tell("events", **{"type": "payment_succeeded", "top_up": made["id"]} | lie)
    assert (payer.statement, list(payer.items)) == ([], [reason])
    assert payer.top_up(made)["status"] == "pending"


def test_a_message_about_another_organization_credits_nobody(anywhere: World) -> None:
    payer, other = Payer(anywhere), Payer(anywhere)
    payer.card()
    payer.script(UNANSWERED)
    made = payer.pay("55")
    payer.tell("events", type="payment_succeeded", top_up=made["id"], organization=other.org.id)
    assert (payer.money[0], other.money[0]) == ("0", "0")
    assert list(payer.items) == ["other_organization"]


def test_an_item_is_closed_by_who_has_looked_at_it(world: World) -> None:
    payer = Payer(world)
    payer.tell("events", type="payment_succeeded", top_up="pay_nobody", amount="5")
    [item] = payer.operator.get("/v1/operator/reconciliation").json["data"]
    closed = payer.operator.post(f"/v1/operator/reconciliation/{payer.org.id}/{item['id']}/close")
    assert closed.json["closed_at"] is not None
    assert list(payer.items) == []
    assert payer.operator.post(f"/v1/operator/reconciliation/{payer.org.id}/rec_nobody/close").status == 404


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"billing_account": "postpaid"}, "credits_not_sold"),
        ({"billing_account": "partner"}, "partner_funds"),
        ({"country": "KR"}, "credits_not_available"),
    ],
)
def test_who_cannot_have_credits_cannot_add_funds(world: World, fields: dict[str, Any], code: str) -> None:
    payer = Payer(world, **fields)
    payer.card()
    assert payer.api.post("/v1/top-ups", {"amount": "60"}).code == code
    assert payer.save(confirm_charge=True).code == code


def test_a_closed_organization_adds_nothing(world: World) -> None:
    payer = Payer(world)
    payer.card()
    payer.operator.delete(payer.org.path)
    assert payer.api.post("/v1/top-ups", {"amount": "60"}).code == "organization_closed"


def test_a_live_organization_needs_a_provider_and_takes_no_trial_card(world: World) -> None:
    payer = Payer(world, None, mode="live")
    assert payer.api.post("/v1/payment-methods", {"simulator_card": GOOD}).code == "not_a_test_organization"
    assert payer.api.post("/v1/payment-methods", {}).code == "no_payment_provider"


def test_debt_is_paid_first(world: World) -> None:
    payer = Payer(world)
    payer.card()
    payer.org.adjust("-20")
    payer.pay("60")
    assert (payer.money[0], payer.org.remaining) == ("40", ["40"])


def test_top_ups_are_told_with_what_people_want_to_know(world: World) -> None:
    payer = Payer(world)
    payer.card()
    made = payer.pay("60")
    [told] = payer.told("funds_added")
    assert told["amount"] == "60"
    assert told["top_up"] == made["id"]
    assert told["card"] == "Visa **** 4242"
    assert told["balance"] == "60"


# ---------------------------------------------------------------- cards


def test_the_first_card_is_the_default_until_another_is(anywhere: World) -> None:
    payer = Payer(anywhere)
    first, second = payer.card(), payer.card(SECOND)
    assert defaults(payer) == {first: True, second: False}
    assert payer.api.patch(f"/v1/payment-methods/{second}", {"default": True}).status == 200
    assert defaults(payer) == {first: False, second: True}
    assert payer.api.delete(f"/v1/payment-methods/{second}").status == 204
    assert defaults(payer) == {first: True}
    assert payer.api.get(f"/v1/payment-methods/{second}").status == 404


def defaults(payer: Payer) -> dict[str, bool]:
    return {row["id"]: row["default"] for row in payer.api.get("/v1/payment-methods").json["data"]}


def test_no_other_number_than_the_published_ones_is_a_card(world: World) -> None:
    payer = Payer(world)
    refused = payer.api.post("/v1/payment-methods", {"simulator_card": "4111111111111111"})
    assert (refused.code, refused.fields) == ("no_trial_card", ["simulator_card"])
    assert "4111111111111111" not in refused.content.decode()


def test_a_card_that_auto_recharge_needs_is_not_removed(world: World) -> None:
    payer = Payer(world)
    first, second = payer.card(), payer.card(SECOND)
    payer.recharge(payment_method=second, backup_payment_method=first)
    for card in (first, second):
        assert payer.api.delete(f"/v1/payment-methods/{card}").code == "used_by_recharge"


def test_a_card_is_entered_on_a_page_of_the_providers(world: World) -> None:
    payer = Payer(world)
    begun = payer.api.post("/v1/payment-methods", {}).json
    assert (begun["state"], begun["brand"], begun["default"]) == ("waiting", "", False)
    assert begun["redirect_url"].startswith("http")
    assert payer.api.post("/v1/top-ups", {"amount": "60"}).code == "no_payment_method"
    simulator = world.app.simulator
    name = begun["redirect_url"].split("/")[-2]
    assert simulator.enter_card(payer.org.id, name, "4111111111111111") is None
    back = simulator.enter_card(payer.org.id, name, GOOD)
    assert back is not None
    assert begun["id"] in back
    payer.settle()
    shown = payer.api.get(f"/v1/payment-methods/{begun['id']}").json
    assert (shown["state"], shown["brand"], shown["last4"], shown["default"]) == ("active", "Visa", "4242", True)
    assert payer.pay("60")["status"] == "succeeded"


def test_the_page_may_be_looked_after_by_whoever_comes_back(world: World) -> None:
    payer = Payer(world)
    begun = payer.api.post("/v1/payment-methods", {}).json
    assert payer.api.post(f"/v1/payment-methods/{begun['id']}/finish").json["state"] == "waiting"
    world.app.simulator.enter_card(payer.org.id, begun["redirect_url"].split("/")[-2], SECOND)
    assert payer.api.post(f"/v1/payment-methods/{begun['id']}/finish").json["brand"] == "Mastercard"


# ---------------------------------------------------------------- invoices


def test_an_invoice_is_credited_when_the_operator_has_the_money(anywhere: World) -> None:
    payer = Payer(anywhere)
    payer.api.post("/v1/agreements", {"number": "EA-17"})
    made = payer.pay("90", agreement="EA-17", po_number="PO-1")
    assert (made["status"], payer.money) == ("awaiting_confirmation", ("0", "0", "90"))
    for _ in range(2):
        confirmed = payer.operator.post(f"/v1/operator/payments/{made['id']}/confirm")
        assert (confirmed.status, confirmed.json["status"]) == (200, "succeeded")
    assert (payer.money, payer.statement) == (("90", "0", "0"), [("top_up", "90")])


def test_up_to_its_limit_an_invoice_is_credited_at_once(world: World) -> None:
    payer = Payer(world, limits={"invoice_limit": "150"})
    payer.api.post("/v1/agreements", {"number": "EA-17"})
    first, second = [payer.pay("100", agreement="EA-17") for _ in range(2)]
    assert (first["status"], second["status"]) == ("succeeded", "awaiting_confirmation")
    payer.operator.post(f"/v1/operator/payments/{first['id']}/confirm")
    assert payer.pay("60", agreement="EA-17")["status"] == "succeeded"
    assert payer.money[0] == "160"


def test_an_invoice_that_is_not_paid_can_be_rejected(world: World) -> None:
    payer = Payer(world)
    payer.api.post("/v1/agreements", {"number": "EA-17"})
    made = payer.pay("90", agreement="EA-17")
    rejected = payer.operator.post(f"/v1/operator/payments/{made['id']}/reject")
    assert (rejected.json["status"], rejected.json["failure_code"]) == ("failed", "rejected")
    for what in ("confirm", "reject"):
        assert payer.operator.post(f"/v1/operator/payments/{made['id']}/{what}").code == "not_awaited"
    assert payer.money == ("0", "0", "0")


# ---------------------------------------------------------------- what nobody can say


@dataclass(frozen=True, slots=True)
class Mute(Simulator):
    """It no longer looks anything up."""

    def look_up(self, order: Order, reference: str | None) -> Told:
        raise ProviderError("this card was removed")


@pytest.fixture
def undecided(world: World) -> Payer:
    """With a recharge that was taken, or not, and a provider who does not say so."""
    payer = Payer(world)
    payer.card()
    heard = world.app.simulator
    providers_of(world)["simulator"] = Mute(heard.notebook, heard.public_url, heard.secret)
    return payer


def test_what_nobody_can_say_for_three_days_is_looked_at_by_people(undecided: Payer) -> None:
    undecided.script(*[UNANSWERED] * 1000)
    undecided.recharge()
    undecided.move("2030-05-05T07:00:00Z")
    assert (undecided.state, list(undecided.items)) == ("charging", [])
    undecided.move("2030-05-09T08:00:00Z")
    assert (undecided.state, list(undecided.items)) == ("charging", ["undecided"])


def test_a_payment_whose_provider_is_no_longer_set_up_is_looked_at_by_people_too(world: World) -> None:
    payer = Payer(world)
    payer.card()
    payer.script(UNANSWERED)
    payer.pay("55")
    providers_of(world).pop("simulator")
    payer.move("2030-05-05T09:00:00Z")
    assert list(payer.items) == ["undecided"]


def test_the_operator_may_end_what_nobody_can_say_and_it_counts_for_nothing(undecided: Payer) -> None:
    undecided.script(*[UNANSWERED] * 1000)
    undecided.recharge()
    [made] = undecided.payments
    early = undecided.operator.post(f"/v1/operator/payments/{made['id']}/reject")
    assert (early.status, early.code) == (409, "on_its_way")
    undecided.move("2030-05-06T08:00:00Z")
    ended = undecided.operator.post(f"/v1/operator/payments/{made['id']}/reject").json
    assert (ended["status"], ended["failure_code"]) == ("failed", "rejected")
    assert (undecided.state, undecided.told("recharge_failed")) == ("retrying", [])
    undecided.script({"result": "succeeded"})
    undecided.move("2030-05-06T09:00:00Z")
    assert (undecided.state, undecided.money[0], len(undecided.charges)) == ("on", "120", 1)


def test_what_was_taken_after_all_is_credited_and_not_rejected(world: World) -> None:
    payer = Payer(world, None)
    payer.card()
    payer.script(UNANSWERED | {"charged": True, "webhook": "never"})
    made = payer.pay("55")
    world.clock.pass_days(4)
    refused = payer.operator.post(f"/v1/operator/payments/{made['id']}/reject")
    assert (refused.code, payer.top_up(made)["status"], payer.money[0]) == ("not_awaited", "succeeded", "55")


def test_a_recharge_that_nobody_answered_is_tried_again_and_is_no_decline(world: World) -> None:
    payer = Payer(world)
    payer.card()
    payer.script(*[UNANSWERED | {"webhook": "never"}] * 1000)
    payer.recharge()
    for day in (3, 4, 5, 6, 7, 8):
        payer.move(f"2030-05-0{day}T08:00:00Z")
    assert {payment["failure_code"] for payment in payer.payments[1:]} == {"no_answer"}
    assert (payer.state, payer.told("recharge_failed"), payer.told("recharge_paused")) == ("charging", [], [])
    payer.script({"result": "succeeded"})
    payer.move("2030-05-09T08:00:00Z")
    assert (payer.state, payer.money[0], len(payer.charges)) == ("on", "120", 1)


def test_a_card_payment_is_not_the_operators_to_confirm(world: World) -> None:
    payer = Payer(world)
    payer.card()
    made = payer.pay("90")
    assert payer.operator.post(f"/v1/operator/payments/{made['id']}/confirm").code == "not_awaited"
    assert payer.operator.post("/v1/operator/payments/pay_nobody/confirm").status == 404


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"agreement": "EA-18"}, "agreement"),
        ({"po_number": "PO-1"}, "po_number"),
        ({"agreement": "EA-17", "payment_method": "pm_1"}, "payment_method"),
    ],
)
def test_what_does_not_go_together_names_its_field(world: World, fields: dict[str, str], field: str) -> None:
    payer = Payer(world)
    payer.card()
    payer.api.post("/v1/agreements", {"number": "EA-17"})
    assert payer.api.post("/v1/top-ups", {"amount": "60"} | fields).fields == [field]


def test_agreements_come_and_go(world: World) -> None:
    payer = Payer(world)
    made = payer.api.post("/v1/agreements", {"number": "EA-17"})
    assert payer.api.post("/v1/agreements", {"number": "EA-17"}).code == "already_used"
    assert payer.api.delete(f"/v1/agreements/{made.json['id']}").status == 204
    assert payer.api.delete(f"/v1/agreements/{made.json['id']}").status == 404
    assert payer.api.get("/v1/agreements").json["data"] == []
