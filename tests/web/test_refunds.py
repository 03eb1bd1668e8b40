"""Money that goes back: by an administrator, at the provider's desk, by a bank's verdict."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.client import World
from tests.web.money import Payer

DISPUTED = "4000000000000259"


ON_BOTH = frozenset(
    {
        *("test_what_is_left_of_a_payment_goes_back_and_no_more", "test_what_a_call_holds_is_not_given_back"),
        *("test_a_dispute_freezes_what_is_left_and_pauses_auto_recharge", "test_frozen_money_pays_for_no_call"),
        *("test_a_call_that_holds_of_a_lot_when_it_is_frozen_is_still_charged",),
        *("test_a_dispute_that_is_lost_takes_what_was_paid_less_refunds_and_may_leave_debt",),
        *("test_a_refund_at_the_providers_desk_is_followed_once",),
    }
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What the database itself decides is tried on both; the rest on one, so that there is time for it."""
    if "where" in metafunc.fixturenames:
        both = metafunc.function.__name__ in ON_BOTH
        metafunc.parametrize("where", ["world", "postgres_world"] if both else ["world"])


@pytest.fixture
def payer(request: pytest.FixtureRequest, where: str) -> Payer:
    world: World = request.getfixturevalue(where)
    made = Payer(world, price_list=world.price_list())
    made.card()
    return made


def refund(payer: Payer, top_up: Any, amount: str, **headers: str) -> Any:
    return payer.api.post(f"/v1/top-ups/{top_up['id']}/refund", {"amount": amount}, **headers)


def test_what_is_left_of_a_payment_goes_back_and_no_more(payer: Payer) -> None:
    made = payer.pay("80")
    payer.spend("30")
    assert refund(payer, made, "50.01").code == "more_than_left"
    done = refund(payer, made, "20")
    assert (done.status, done.json["status"]) == (201, "succeeded")
    assert refund(payer, made, "30.01").code == "more_than_left"
    assert refund(payer, made, "30").status == 201
    assert (payer.money[0], payer.statement[2:]) == ("0", [("refund", "-20"), ("refund", "-30")])
    assert payer.top_up(made)["refunded"] == "50"


def test_what_a_call_holds_is_not_given_back(payer: Payer) -> None:
    made = payer.pay("60")
    call = {"call_id": "c1", "call_type": "ucap_out", "user": payer.org.caller(), "to": "+12025550117"}
    payer.api.post("/v1/calls/authorize", call)
    assert refund(payer, made, "59.41").code == "more_than_left"
    assert refund(payer, made, "59.4").status == 201


def test_one_payment_is_not_given_back_from_another(payer: Payer) -> None:
    first = payer.pay("60")
    payer.move("2030-05-02T09:00:00Z")
    payer.pay("60")
    payer.spend("60")
    assert refund(payer, first, "1").code == "more_than_left"
    assert payer.money[0] == "60"


def test_what_never_succeeded_is_not_given_back(payer: Payer) -> None:
    payer.decline("generic_decline")
    made = payer.pay("60")
    assert refund(payer, made, "1").code == "not_paid"
    assert refund(payer, {"id": "pay_nobody"}, "1").status == 404


def test_a_refund_asked_twice_under_one_key_happens_once(payer: Payer) -> None:
    made = payer.pay("60")
    first, again = [refund(payer, made, "10", idempotency_key="back") for _ in range(2)]
    assert first.json == again.json
    assert payer.money[0] == "50"


def test_one_key_does_not_give_back_two_payments(payer: Payer) -> None:
    first, second = payer.pay("60"), payer.pay("70")
    done = refund(payer, first, "10", idempotency_key="back")
    assert refund(payer, second, "10", idempotency_key="back").code == "idempotency_conflict"
    assert refund(payer, first, "10", idempotency_key="back").json == done.json
    assert [payer.top_up(one)["refunded"] for one in (first, second)] == ["10", "0"]


def test_an_invoice_is_given_back_by_the_operator_without_a_provider(payer: Payer) -> None:
    payer.api.post("/v1/agreements", {"number": "EA-17"})
    made = payer.pay("90", agreement="EA-17")
    payer.operator.post(f"/v1/operator/payments/{made['id']}/confirm")
    assert refund(payer, made, "90").json["status"] == "succeeded"


def test_a_refund_at_the_providers_desk_is_followed_once(payer: Payer) -> None:
    made = payer.pay("80")
    payer.spend("70")
    payer.tell("events", type="refund_succeeded", top_up=made["id"], amount="30")
    assert (payer.money[0], payer.statement[-1]) == ("-20", ("refund", "-30"))
    assert payer.top_up(made)["refunded"] == "30"
    payer.tell("events", type="refund_succeeded", top_up=made["id"], amount="50.01")
    assert (payer.money[0], list(payer.items)) == ("-20", ["refunded_too_much"])


def test_a_refund_that_is_heard_of_before_its_payment_waits_for_it(payer: Payer) -> None:
    payer.script({"result": "unanswered", "charged": True, "webhook": "later"})
    made = payer.pay("80")
    payer.tell("events", type="refund_succeeded", top_up=made["id"], amount="30")
    assert payer.statement == []
    payer.tell("deliver")
    payer.settle()
    assert payer.statement == [("top_up", "80"), ("refund", "-30")]


def test_a_dispute_freezes_what_is_left_and_pauses_auto_recharge(payer: Payer) -> None:
    made = payer.pay("100")
    payer.move("2030-05-02T09:00:00Z")
    payer.pay("60")
    payer.recharge()
    payer.spend("30")
    payer.tell("disputes", top_up=made["id"], result="opened")
    now = payer.api.get("/v1/balance").json
    assert (now["balance"], now["held"], now["available"]) == ("130", "70", "60")
    assert (payer.state, payer.setting["state_detail"]) == ("paused", "dispute")
    frozen = next(lot for lot in payer.org.lots if lot["state"] == "frozen")
    assert (frozen["remaining"], frozen["held"]) == ("70", "70")
    assert refund(payer, made, "1").code == "disputed"
    assert payer.told("dispute")[0]["state"] == "opened"


def test_frozen_money_pays_for_no_call(payer: Payer) -> None:
    made = payer.pay("60")
    payer.tell("disputes", top_up=made["id"], result="opened")
    call = {"call_id": "c1", "call_type": "ucap_out", "user": payer.org.caller(), "to": "+12025550117"}
    assert payer.api.post("/v1/calls/authorize", call).json["reason"] == "no_balance"


def test_a_call_that_holds_of_a_lot_when_it_is_frozen_is_still_charged(payer: Payer) -> None:
    made = payer.pay("60")
    call = {"call_id": "c1", "call_type": "ucap_out", "user": payer.org.caller(), "to": "+12025550117"}
    payer.api.post("/v1/calls/authorize", call)
    payer.tell("disputes", top_up=made["id"], result="opened")
    settled = payer.api.post("/v1/calls/settle", {"call_id": "c1", "duration_seconds": 60}).json
    assert (settled["charge"], settled["balance"]["available"]) == ("0.12", "0")
    assert payer.money[:2] == ("59.88", "59.88")


def test_a_dispute_that_is_won_gives_the_money_back_to_its_lot(payer: Payer) -> None:
    made = payer.pay("100")
    payer.tell("disputes", top_up=made["id"], result="opened")
    payer.tell("disputes", top_up=made["id"], result="won")
    assert payer.money[:2] == ("100", "0")
    assert payer.top_up(made)["dispute"] == "won"
    payer.tell("disputes", top_up=made["id"], result="lost")
    assert payer.money[0] == "100"


def test_a_dispute_that_is_lost_takes_what_was_paid_less_refunds_and_may_leave_debt(payer: Payer) -> None:
    made = payer.pay("100")
    refund(payer, made, "10")
    payer.spend("60")
    payer.tell("disputes", top_up=made["id"], result="opened")
    payer.tell("disputes", top_up=made["id"], result="lost")
    assert (payer.money, payer.statement[-1]) == (("-60", "0", "0"), ("dispute", "-90"))
    assert payer.told("balance_negative") == [{"balance": "-60"}]


def test_a_lost_dispute_takes_other_lots_before_it_leaves_debt(payer: Payer) -> None:
    made = payer.pay("100")
    payer.spend("100")
    payer.pay("60")
    payer.tell("disputes", top_up=made["id"], result="lost")
    assert (payer.money[0], payer.org.remaining) == ("-40", ["0", "0"])


def test_a_verdict_that_is_heard_before_the_dispute_stands(payer: Payer) -> None:
    made = payer.pay("100")
    payer.tell("disputes", top_up=made["id"], result="lost")
    payer.tell("disputes", top_up=made["id"], result="opened")
    assert (payer.money[:2], payer.top_up(made)["dispute"]) == (("0", "0"), "lost")


def test_a_disputed_lot_whose_year_is_over_expires_when_it_is_given_free(payer: Payer) -> None:
    made = payer.pay("100")
    payer.tell("disputes", top_up=made["id"], result="opened")
    payer.move("2031-06-01T00:00:00Z")
    assert payer.money[:2] == ("100", "100")
    payer.tell("disputes", top_up=made["id"], result="won")
    payer.move("2031-06-01T00:00:01Z")
    assert (payer.money[0], payer.statement[-1]) == ("0", ("expiry", "-100"))


def test_a_card_for_trying_disputes_is_disputed_at_once(world: World) -> None:
    payer = Payer(world)
    payer.card(DISPUTED)
    made = payer.pay("60")
    payer.settle()
    assert payer.top_up(made)["dispute"] == "opened"
