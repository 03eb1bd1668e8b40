"""Orders of events about money that nobody had thought of, until somebody looked."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from talktime.actions import falling_due
from talktime.core.gateway import DisputeState, Event, EventKind, ProviderError, State, Told
from talktime.core.money import micros
from talktime.core.time import instant, moment
from talktime.payments.simulator import Simulator
from talktime.web.asgi import Api
from tests.web.client import World
from tests.web.money import POOR, SECOND, Payer

UN, ASK = {"result": "unanswered"}, {"result": "requires_action"}
NEXT_DAY = "2030-05-03T08:00:00Z"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def payer(world: World) -> Payer:
    made = Payer(world, price_list=world.price_list())
    made.card()
    return made


def number(p: Payer) -> int:
    return int(p.org.id.removeprefix("org_"))


def hear(p: Payer, kind: EventKind, told: dict[str, Any], **event: Any) -> None:
    """A signed message, as over the network."""
    values: dict[str, Any] = {"currency": "USD", "organization": p.org.id, "live": False} | told
    said = Told(**values)
    body = msgspec.json.encode(Event(event_id=f"evt_{kind}", kind=kind, told=said, **event))
    signature = p.world.app.simulator.sign(body)
    assert p.operator.send("POST", "/v1/providers/simulator/events", body, simulator_signature=signature).status == 204
    p.settle()


def recharged(p: Payer) -> Any:
    return next(one for one in p.payments if one["kind"] == "recharge")


def refund(p: Payer, top_up: Any, amount: str) -> Any:
    return p.api.post(f"/v1/top-ups/{top_up['id']}/refund", {"amount": amount})


def test_clock_ends_with_refund_of_payment_heard_by_event(payer: Payer) -> None:
    payer.script(UN)
    made = payer.pay("100")
    payer.tell("events", type="payment_succeeded", top_up=made["id"])
    refund(payer, made, "100")
    until, steps = instant(moment(0).fromisoformat(NEXT_DAY)), 0
    while (step := payer.world.app.money.next_step(number(payer), until)) and steps < 100:
        step.do()
        steps += 1
    assert steps < 100


def test_month_limit_holds_when_the_providers_clock_is_ahead(world: World) -> None:
    p = Payer(world, clock=None)
    p.card()
    p.pay("100")
    p.recharge(monthly_limit="120")
    p.script(UN)
    p.org.adjust("-400")
    p.settle()
    told = {"state": State.SUCCEEDED, "amount": 120_000_000, "at": world.clock.at + 2_000_000}
    hear(p, EventKind.PAYMENT, told | {"payment": recharged(p)["id"]})
    assert [one["kind"] for one in p.payments].count("recharge") == 1


def test_the_pause_of_a_dispute_outlives_a_card_that_asks(payer: Payer) -> None:
    first = payer.pay("100")
    payer.recharge()
    payer.script(UN, ASK)
    payer.spend("50")
    payer.tell("disputes", top_up=first["id"], result="opened")
    payer.move("2030-05-02T08:05:00Z")
    payer.tell("authenticate", top_up=recharged(payer)["id"])
    assert payer.state == "paused"


def test_a_retry_that_waited_for_a_top_up_goes_on(payer: Payer) -> None:
    payer.pay("100")
    payer.recharge()
    payer.decline("insufficient_funds")
    payer.spend("50")
    payer.move("2030-05-02T08:55:00Z")
    payer.script(*[UN] * 9, ASK)
    payer.pay("100")
    payer.move("2030-05-02T20:00:00Z")
    assert payer.state == "on"


def test_a_wrong_message_does_not_put_off_asking(payer: Payer) -> None:
    payer.script(UN | {"charged": True, "webhook": "never"})
    made = payer.pay("100")
    payer.tell("events", type="payment_succeeded", top_up=made["id"], amount="1")
    payer.move("2030-05-02T09:00:00Z")
    assert payer.top_up(made)["status"] == "succeeded"


def test_nothing_is_refunded_after_a_lost_dispute(payer: Payer) -> None:
    made = payer.pay("60")
    call = payer.org.call(600)
    payer.tell("disputes", top_up=made["id"], result="lost")
    payer.org.adjust("100")
    payer.org.reverse(call, "1.2")
    payer.tell("events", type="refund_succeeded", top_up=made["id"], amount="60")
    assert not [kind for kind, _ in payer.statement if kind == "refund"]


def test_nor_by_an_administrator(payer: Payer) -> None:
    made = payer.pay("60")
    call = payer.org.call(600)
    payer.move("2030-05-02T09:00:00Z")
    payer.pay("100")
    payer.tell("disputes", top_up=made["id"], result="lost")
    payer.org.reverse(call, "1.2")
    assert refund(payer, made, "1.2").status == 409


def test_what_comes_back_to_a_disputed_lot_is_frozen(payer: Payer) -> None:
    made = payer.pay("60")
    call = payer.org.call(600)
    refund(payer, made, "58.8")
    payer.tell("disputes", top_up=made["id"], result="opened")
    payer.org.reverse(call, "1.2")
    assert payer.money[:2] == ("1.2", "1.2")


def test_a_raised_velocity_goes_on_by_itself(payer: Payer) -> None:
    payer.pay("100")
    payer.recharge()
    payer.operator.patch(payer.org.path, {"limits": {"recharges_per_24h": 0}})
    payer.spend("50")
    payer.operator.patch(payer.org.path, {"limits": {"recharges_per_24h": 3}})
    payer.move("2030-05-20T08:00:00Z")
    assert payer.state == "on"


def test_expired_money_is_not_counted_before_a_save(world: World) -> None:
    p = Payer(world, clock=None)
    p.card()
    p.pay("100")
    world.clock.pass_days(370)
    assert p.money[0] == "0"
    assert p.save().code == "would_charge_now"


def test_retry_while_one_is_on_its_way(payer: Payer) -> None:
    first = payer.pay("100")
    payer.recharge()
    payer.script(UN)
    payer.spend("50")
    payer.tell("disputes", top_up=first["id"], result="opened")
    assert payer.api.post("/v1/recharge-settings/retry").json["state"] == "charging"


def test_a_late_success_of_an_older_recharge(payer: Payer) -> None:
    payer.pay("100")
    payer.recharge()
    payer.script({"result": "declined", "code": "insufficient_funds"}, ASK)
    payer.spend("50")
    old = recharged(payer)
    payer.move("2030-05-02T09:00:00Z")
    payer.tell("events", type="payment_succeeded", top_up=old["id"])
    assert payer.state == "requires_action"


def test_the_link_is_valid_24_hours(payer: Payer) -> None:
    payer.pay("100")
    payer.recharge()
    payer.script(*[UN] * 60)
    payer.spend("50")
    payer.move("2030-05-02T23:00:00Z")
    payer.script(ASK)
    payer.move("2030-05-03T00:00:00Z")
    assert payer.state == "requires_action"
    payer.move("2030-05-03T20:00:00Z")
    assert payer.state == "requires_action"


def test_an_outage_does_not_use_up_the_link(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    payer.script(ASK)
    made = payer.pay("100")
    link = payer.world.app.links.for_payment(number(payer), made["id"])
    path = "/" + link.split("/", 3)[3]

    def down(*_: Any) -> Any:
        raise ProviderError("down")

    with monkeypatch.context() as broken:
        broken.setattr(Simulator, "authenticate", down)
        assert payer.world.nobody.send("POST", path, b"", kind=FORM).status in (502, 503)
    assert payer.world.nobody.send("POST", path, b"", kind=FORM).status == 303


@pytest.mark.parametrize("state", [State.PROCESSING, State.UNKNOWN])
def test_a_holder_keeps_his_day_whatever_is_not_known(
    payer: Payer, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    payer.script(ASK)
    made = payer.pay("100")
    path = "/" + payer.world.app.links.for_payment(number(payer), made["id"]).split("/", 3)[3]
    with monkeypatch.context() as slow:
        slow.setattr(Simulator, "authenticate", lambda *_: Told(state=state))
        answer = payer.world.nobody.send("POST", path, b"", kind=FORM)
    assert answer.status == (303 if state is State.PROCESSING else 503)
    payer.move("2030-05-03T07:59:59Z")
    assert payer.top_up(made)["status"] == "requires_action"
    payer.move(NEXT_DAY)
    assert payer.top_up(made)["status"] == "failed"


def test_a_provider_that_is_down_is_no_fault_of_ours(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any) -> Any:
        raise ProviderError("down")

    other = payer.card(SECOND)
    monkeypatch.setattr(Simulator, "begin_card", down)
    monkeypatch.setattr(Simulator, "forget_card", down)
    monkeypatch.setattr(Simulator, "taken_since", down)
    answers = [
        payer.api.post("/v1/payment-methods", {}).status,
        payer.api.delete(f"/v1/payment-methods/{other}").status,
        payer.operator.post("/v1/operator/reconciliation").status,
    ]
    assert 500 not in answers


def test_odd_letters_in_a_signature(payer: Payer) -> None:
    async def sent() -> int:
        http = httpx.AsyncClient(transport=httpx.ASGITransport(Api(payer.world.app)), base_url="http://t")
        headers = [(b"simulator-signature", b"\xe9"), (b"content-type", b"application/json")]
        async with http:
            return (await http.post("/v1/providers/simulator/events", content=b"{}", headers=headers)).status_code

    assert asyncio.run(sent()) == 400
    assert payer.world.nobody.get("/simulator/card/org_1/x/%C3%A9").status == 404


def test_the_card_page_sent_twice(world: World) -> None:
    p = Payer(world)
    path = "/" + p.api.post("/v1/payment-methods", {}).json["redirect_url"].split("/", 3)[3]
    sent = [world.nobody.send("POST", path, b"number=4242424242424242", kind=FORM).status for _ in range(2)]
    assert sent == [303, 303]


@pytest.mark.parametrize(
    ("currency", "country", "paid", "back"), [("USD", "US", "100", "0.001"), ("JPY", "JP", "10000", "10.5")]
)
def test_a_refund_has_the_decimals_of_its_currency(
    world: World, currency: str, country: str, paid: str, back: str
) -> None:
    p = Payer(world, currency=currency, country=country)
    p.card()
    assert refund(p, p.pay(paid), back).status == 422


def test_spending_just_before_midnight_is_told(payer: Payer) -> None:
    payer.pay("100")
    payer.api.put("/v1/alerts", {"spend_per_day": "1"})
    payer.org.call(600)
    payer.move(NEXT_DAY)
    assert payer.told("spend_alert")


@pytest.mark.parametrize("event", ["spend_alert", "card_expiring"])
def test_everybody_is_reminded(world: World, monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    monkeypatch.setattr(falling_due, "PORTION", 1)
    two = [Payer(world, clock=None, price_list=world.price_list()) for _ in range(2)]
    for p in two:
        p.card()
        if event == "spend_alert":
            p.pay("100")
            p.api.put("/v1/alerts", {"spend_per_day": "1"})
            p.org.call(600)
    if event == "card_expiring":
        world.clock.pass_days(3700)
    for _ in range(5):
        world.app.money.remind()
    while world.app.tell():
        pass
    assert all(p.told(event) for p in two)


def test_refunds_and_disputes_are_checked_like_payments(payer: Payer) -> None:
    made = payer.pay("100")
    payer.tell("events", type="refund_succeeded", top_up=made["id"], amount="40", live=True)
    told = {"state": State.SUCCEEDED, "amount": 100_000_000, "currency": "EUR", "payment": made["id"], "live": True}
    hear(payer, EventKind.DISPUTE, told, dispute=DisputeState.LOST)
    assert payer.money[0] == "100" and list(payer.items)


def test_a_refund_that_we_do_not_know_is_looked_at(payer: Payer) -> None:
    told = {"state": State.SUCCEEDED, "reference": "re_1", "amount": 50_000_000, "payment": payer.pay("100")["id"]}
    hear(payer, EventKind.REFUND, told, refund="ref_of_a_lost_row")
    assert list(payer.items) or payer.money[0] == "50"


def test_a_refund_that_came_back_is_told_and_its_document_cancelled(payer: Payer) -> None:
    made = payer.pay("100")
    back = refund(payer, made, "100").json
    hear(payer, EventKind.REFUND, {"state": State.DECLINED, "code": "x", "payment": made["id"]}, refund=back["id"])
    documents = payer.api.get("/v1/receipts").json["data"]
    assert sum(micros(one["amount"]) for one in documents) == micros(payer.money[0])


def test_each_crossing_is_told_where_the_clock_stands(payer: Payer) -> None:
    payer.pay("200")
    payer.recharge(monthly_limit="120")
    payer.spend("150")
    payer.spend("150")
    payer.pay("100")
    payer.settle()
    payer.spend("100")
    assert len(payer.told("recharge_limit_reached")) == 2


def test_zero_is_told_though_money_comes_with_it(world: World) -> None:
    p = Payer(world, clock=None)
    p.card()
    p.pay("60")
    world.clock.pass_days(400)
    p.pay("100")
    while world.app.tell():
        pass
    assert p.told("balance_zero")


def test_one_card_is_not_asked_twice_at_once(payer: Payer) -> None:
    first = payer.api.get("/v1/payment-methods").json["data"][0]["id"]
    payer.pay("100")
    payer.recharge(backup_payment_method=payer.card(POOR))
    payer.api.delete(f"/v1/payment-methods/{first}")
    payer.spend("50")
    assert len(payer.attempts) == 2


def test_garbage_is_refused_while_off(payer: Payer) -> None:
    assert payer.api.put("/v1/recharge-settings", {"enabled": False, "payment_method": "nonsense"}).status == 422


def test_a_lot_given_free_late_is_told_once(payer: Payer) -> None:
    made = payer.pay("100")
    payer.tell("disputes", top_up=made["id"], result="opened")
    payer.move("2031-04-29T08:00:00Z")
    payer.tell("disputes", top_up=made["id"], result="won")
    payer.move("2031-04-29T08:00:00Z")
    assert [one["days"] for one in payer.told("lot_expiring")] == ["7"]


def test_an_invoice_given_back_frees_its_limit(payer: Payer) -> None:
    payer.operator.patch(payer.org.path, {"limits": {"invoice_limit": "100"}})
    payer.api.post("/v1/agreements", {"number": "EA-1"})
    refund(payer, payer.pay("100", agreement="EA-1"), "100")
    assert payer.pay("100", agreement="EA-1")["status"] == "succeeded"
