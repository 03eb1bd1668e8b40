"""Our books beside the providers': what they took and we do not know, what we know and they did not take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text

from talktime.actions import payments
from talktime.actions.reconciler import Reconciled
from talktime.actions.till import Till
from talktime.actions.upkeep import mark_restored
from talktime.core.gateway import Card, Order, ProviderError, Told
from talktime.core.ids import org_number
from talktime.payments.simulator import Simulator
from talktime.storage import control_store
from talktime.storage.diagnosis import of_database
from tests.web.client import World
from tests.web.money import Payer, providers_of

NEVER_TOLD = {"result": "unanswered", "charged": True, "webhook": "never"}
RUN = "/v1/operator/reconciliation"


@pytest.fixture
def payer(anywhere: World) -> Payer:
    made = Payer(anywhere, None)
    made.card()
    return made


def test_what_was_taken_and_never_told_is_booked(payer: Payer) -> None:
    payer.script(NEVER_TOLD)
    made = payer.pay("55")
    assert payer.operator.post(RUN).json == {"looked_at": 1, "settled": 1, "differences": 0}
    assert (payer.top_up(made)["status"], payer.money[0]) == ("succeeded", "55")
    assert payer.operator.post(RUN).json == {"looked_at": 1, "settled": 0, "differences": 0}


def lose_messages(payer: Payer) -> None:
    """What the provider has told never comes."""
    org_id = org_number(payer.org.id) or 0
    lose = text("UPDATE inbox_work SET state = 'done', due_at = NULL WHERE org_id = :org")
    payer.world.app.database.write(org_id, lambda tx: tx.execute(lose, {"org": org_id}))


def asked_order(payer: Payer, made: Any) -> Order:
    app, org_id = payer.world.app, org_number(payer.org.id) or 0
    return app.database.read(org_id, lambda tx: app.till.order_of(tx, payments.found(tx, org_id, made["id"])))


def test_a_holder_who_has_said_who_he_is_is_credited_though_the_message_is_lost(payer: Payer) -> None:
    payer.script({"result": "requires_action"})
    made, app = payer.pay("55"), payer.world.app
    app.simulator.authenticated(asked_order(payer, made))
    lose_messages(payer)
    payer.settle()
    assert payer.money[0] == "0"
    assert app.money.look_at_asked() == 1
    assert (payer.top_up(made)["status"], payer.money[0], len(payer.charges)) == ("succeeded", "55", 1)
    assert app.money.look_at_asked() == 0


def test_a_holder_who_was_refused_waits_no_day_though_the_message_is_lost(payer: Payer) -> None:
    payer.script({"result": "requires_action"})
    payer.recharge()
    app = payer.world.app
    app.simulator.not_authenticated(asked_order(payer, payer.payments[0]))
    lose_messages(payer)
    app.money.look_at_asked()
    assert (payer.ended, payer.state) == (["failed"], "retrying")


def test_a_holder_who_is_still_asked_keeps_his_day(payer: Payer) -> None:
    payer.script({"result": "requires_action"})
    made, app = payer.pay("55"), payer.world.app
    for _ in range(95):
        payer.world.clock.pass_seconds(900)
        app.money.look_at_asked()
        payer.settle()
    assert payer.top_up(made)["status"] == "requires_action"
    app.simulator.authenticated(asked_order(payer, made))
    payer.settle()
    assert payer.money[0] == "55"


def test_what_was_credited_and_not_taken_is_looked_at_by_people(payer: Payer) -> None:
    payer.decline("generic_decline")
    made = payer.pay("55")
    payer.tell("events", type="payment_succeeded", top_up=made["id"])
    assert payer.money[0] == "55"
    for _ in range(2):
        assert payer.operator.post(RUN).json["differences"] == 1
    assert list(payer.items) == ["credited_but_not_taken"]


def test_what_is_taken_while_the_provider_lists_is_no_difference(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    listed, paid = Simulator.taken_since, payer.pay("55")

    def slowly(self: Simulator, at: int) -> Iterator[Told]:
        yield from listed(self, at)
        payer.pay("60")

    monkeypatch.setattr(Simulator, "taken_since", slowly)
    assert payer.world.app.reconciler.run() == Reconciled(looked_at=1)
    assert (paid["status"], payer.money[0], list(payer.items)) == ("succeeded", "115", [])


def test_money_of_a_payment_that_nobody_knows_is_credited_to_nobody(payer: Payer) -> None:
    made = payer.pay("55")
    number = int(payer.org.id.partition("_")[2], 16)
    payer.world.made_up.update(("I6", "receipts", "I2", "I9", "I1"))
    forget = text(
        "UPDATE simulator SET body = replace(body, :known, 'pay_nobody') WHERE org_id = :org AND kind = 'charge'"
    )
    payer.world.app.database.write(number, lambda tx: tx.execute(forget, {"known": made["id"], "org": number}))
    assert payer.operator.post(RUN).json["differences"] == 2
    assert sorted(payer.items) == ["credited_but_not_taken", "unknown_payment"]


def test_after_a_restore_nothing_is_charged_until_providers_were_asked(payer: Payer) -> None:
    database = payer.world.app.database
    database.write((), control_store.put, control_store.RESTORED, 1)
    made = payer.pay("55")
    assert (made["status"], payer.charges, payer.attempts) == ("pending", [], [])
    payer.world.clock.pass_seconds(30)
    payer.settle()
    assert payer.charges == []
    payer.world.app.reconciler.after_restore()
    payer.world.clock.pass_seconds(3600)
    payer.settle()
    assert (payer.top_up(made)["status"], len(payer.charges)) == ("succeeded", 1)
    assert payer.world.app.reconciler.after_restore().looked_at == 0


def test_who_was_not_there_after_a_restore_charges_nothing_until_he_was_asked(payer: Payer) -> None:
    world, providers = payer.world, providers_of(payer.world)
    payer.script(NEVER_TOLD)
    lost = payer.pay("55")
    world.app.database.write((), control_store.put, control_store.RESTORED, 1)
    absent = providers.pop("simulator")
    world.app.reconciler.run()
    assert said_by_doctor(world) == ["simulator"]
    world.clock.pass_days(50)
    providers["simulator"] = absent
    made = payer.pay("60")
    world.clock.pass_seconds(60)
    payer.settle()
    assert (made["status"], len(payer.charges)) == ("pending", 1)
    assert world.app.reconciler.after_restore().looked_at == 1
    world.clock.pass_seconds(3600)
    payer.settle()
    assert (payer.top_up(lost)["status"], payer.top_up(made)["status"]) == ("succeeded", "succeeded")
    assert (len(payer.charges), said_by_doctor(world)) == (2, [])


def said_by_doctor(world: World) -> list[str]:
    found = [one.detail for one in of_database(world.app.database) if one.what == "restore"]
    return [said.partition("through ")[2].partition(" before")[0] for said in found]


@dataclass(frozen=True, slots=True)
class Forgetful(Simulator):
    """It does not know one page for a card that it has made itself."""

    def finish_card(self, reference: str) -> Card | None:
        if reference.startswith("org_1."):
            raise ProviderError("no such page")
        return Simulator.finish_card(self, reference)


def test_a_page_that_nobody_knows_holds_up_neither_charges_nor_other_cards(world: World) -> None:
    first, second = Payer(world, None), Payer(world, None)
    begun = [payer.api.post("/v1/payment-methods", {}).json for payer in (first, second)]
    for payer, method in zip((first, second), begun, strict=True):
        name = method["redirect_url"].split("/")[-2]
        with world.app.simulator.notebook.open(payer.org.id) as page:
            page.add("entered", name, "used", {"token": "visa", "last4": "4242", "at": page.now})
    real = world.app.simulator
    providers_of(world)["simulator"] = Forgetful(real.notebook, real.public_url, real.secret)
    world.app.database.write((), control_store.put, control_store.RESTORED, 1)
    world.app.reconciler.after_restore()
    assert world.app.database.read((), control_store.value, control_store.RESTORED) == 0
    states = [second.api.get(f"/v1/payment-methods/{begun[1]['id']}").json["state"]]
    assert [*states, first.api.get(f"/v1/payment-methods/{begun[0]['id']}").json["state"]] == ["active", "waiting"]


def test_a_restored_payment_that_was_taken_meanwhile_is_not_taken_again(payer: Payer) -> None:
    payer.script(NEVER_TOLD)
    made = payer.pay("55")
    payer.world.app.database.write((), control_store.put, control_store.RESTORED, 1)
    payer.world.app.reconciler.after_restore()
    payer.world.clock.pass_seconds(3600)
    payer.settle()
    assert (payer.top_up(made)["status"], len(payer.charges)) == ("succeeded", 1)


def test_the_mark_of_a_restore_is_put_from_outside(world: World) -> None:
    mark_restored(None, world.app.settings.sqlite_path)
    assert world.app.database.read((), control_store.value, control_store.RESTORED) == 1


def test_cards_whose_message_was_lost_are_found(payer: Payer) -> None:
    begun = payer.api.post("/v1/payment-methods", {}).json
    name = begun["redirect_url"].split("/")[-2]
    with payer.world.app.simulator.notebook.open(payer.org.id) as page:
        page.add("entered", name, "used", {"token": "visa", "last4": "4242", "at": page.now})
    payer.operator.post(RUN)
    assert payer.api.get(f"/v1/payment-methods/{begun['id']}").json["state"] == "active"


def test_providers_are_asked_whether_they_know_us(world: World) -> None:
    told = world.operator.get("/v1/operator/providers").json["data"]
    assert [(one["name"], one["reached"]) for one in told] == [("simulator", True)]


def test_a_message_that_cannot_be_worked_off_is_parked_and_replayed(payer: Payer) -> None:
    payer.script(
        {"result": "unanswered", "charged": False, "webhook": "never"}, *[NEVER_TOLD | {"charged": False}] * 99
    )
    made = payer.pay("55")
    payer.tell("events", type="refund_succeeded", top_up=made["id"], amount="5")
    for _ in range(12):
        payer.world.clock.pass_seconds(12 * 3600)
        payer.settle()
    [parked] = payer.operator.get("/v1/operator/inbox").json["data"]
    assert (parked["organization"], parked["error"]) == (payer.org.id, "its payment has not succeeded yet")
    assert "message_parked" in list(payer.items)
    path = f"/v1/operator/inbox/{payer.org.id}/{parked['id']}/replay"
    payer.tell("events", type="payment_succeeded", top_up=made["id"])
    payer.settle()
    assert payer.operator.post(path).json["state"] == "waiting"
    payer.settle()
    assert payer.statement == [("top_up", "55"), ("refund", "-5")]
    assert payer.operator.post(path).json["state"] == "done"
    assert payer.operator.post(f"/v1/operator/inbox/{payer.org.id}/evt_nobody/replay").status == 404
    assert payer.operator.post("/v1/operator/inbox/nobody/evt_nobody/replay").status == 404


def test_who_cannot_be_served_keeps_nobody_else_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Payer(world, None), Payer(world, None)
    for payer in (first, second):
        payer.card()
        payer.script(NEVER_TOLD)
        payer.pay("55")
    world.clock.pass_seconds(60)
    number = int(first.org.id.partition("_")[2], 16)
    decide = type(world.app.till).decide

    def broken(till: object, org_id: int, payment_id: str) -> None:
        if org_id == number:
            raise ZeroDivisionError
        decide(world.app.till, org_id, payment_id)

    monkeypatch.setattr(type(world.app.till), "decide", broken)
    assert world.app.money.sweep() == 1
    assert (first.money[0], second.money[0]) == ("0", "55")
    assert world.app.money.sweep() == 0
    monkeypatch.undo()
    world.clock.pass_seconds(3600)
    first.settle()
    assert first.money[0] == "55"


def test_each_night_of_a_test_clock_is_reconciled_too(world: World) -> None:
    payer = Payer(world)
    payer.card()
    payer.script(*[NEVER_TOLD] + [NEVER_TOLD | {"charged": False}] * 50)
    made = payer.pay("55")
    number = int(payer.org.id.partition("_")[2], 16)
    hide = text("UPDATE payments SET due_at = due_at + 864000000000 WHERE org_id = :org")
    world.app.database.write(number, lambda tx: tx.execute(hide, {"org": number}))
    payer.move("2030-05-02T23:00:00Z")
    assert payer.top_up(made)["status"] == "pending"
    payer.move("2030-05-03T01:00:00Z")
    assert payer.top_up(made)["status"] == "succeeded"


def test_a_provider_that_is_slow_for_one_keeps_no_other_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    payers = [Payer(world, None) for _ in range(4)]
    for payer in payers:
        payer.card()
        payer.script(NEVER_TOLD)
        payer.pay("55")
    world.clock.pass_seconds(60)
    together = Barrier(4, timeout=20)
    decide = type(world.app.till).decide

    def slow(till: Till, org_id: int, payment_id: str) -> None:
        together.wait()
        decide(till, org_id, payment_id)

    monkeypatch.setattr(type(world.app.till), "decide", slow)
    assert world.app.money.sweep() == 4
    assert [payer.money[0] for payer in payers] == ["55"] * 4
