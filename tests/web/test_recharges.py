"""The balance refills itself: when it should, as often as it may, and never twice for one need."""

from __future__ import annotations

import pytest

from tests.web.client import World
from tests.web.money import ASKS, GOOD, LOST, POOR, SECOND, Payer

SOFT = {"result": "declined", "code": "insufficient_funds"}


ON_BOTH = frozenset(
    {
        *("test_below_the_trigger_it_charges_once_and_exactly_the_recharge_amount",),
        *("test_a_call_that_takes_the_balance_below_the_trigger_recharges", "test_money_that_expires_recharges"),
        *("test_fifty_debits_at_once_are_one_recharge", "test_a_low_balance_is_told_once_for_each_fall"),
        *("test_a_card_that_declines_for_days_is_asked_at_0_1_3_and_7_hours_and_never_again",),
        *("test_three_recharges_a_day_and_then_calls_are_refused_and_not_free", "test_what_nobody_paid_is_told"),
        *("test_a_call_tells_zero_in_its_own_transaction", "test_funds_that_end_soon_are_told_30_and_7_days_before"),
        *("test_spending_beyond_a_level_is_told_once_a_day_and_once_a_month",),
        *("test_the_backup_is_asked_at_once_when_the_default_declines", "test_a_raised_limit_goes_on_at_once"),
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


@pytest.fixture
def funded(payer: Payer) -> Payer:
    """At 100, with auto-recharge of 120 below 60."""
    payer.pay("100")
    payer.recharge()
    return payer


def test_it_is_off_until_somebody_turns_it_on(payer: Payer) -> None:
    payer.pay("60")
    payer.spend("59")
    assert (payer.state, payer.setting["enabled"], len(payer.payments)) == ("off", False, 1)


def test_below_the_trigger_it_charges_once_and_exactly_the_recharge_amount(funded: Payer) -> None:
    funded.spend("40")
    assert (funded.state, funded.money[0], len(funded.payments)) == ("on", "60", 1)
    funded.spend("0.000001")
    assert (funded.state, funded.money[0]) == ("on", "179.999999")
    assert [(one["kind"], one["amount"]) for one in funded.payments] == [("recharge", "120"), ("top_up", "100")]
    assert funded.setting["used_this_month"] == "120"
    [told] = funded.told("recharge_succeeded")
    assert (told["amount"], told["card"]) == ("120", "Visa **** 4242")


def test_a_call_that_takes_the_balance_below_the_trigger_recharges(funded: Payer) -> None:
    funded.org.call(20_100, to="+12025550117")
    funded.settle()
    assert funded.statement == [("top_up", "100"), ("charge", "-40.2"), ("recharge", "120")]


def test_money_that_expires_recharges(payer: Payer) -> None:
    payer.pay("100")
    payer.recharge()
    payer.move("2031-05-02T08:00:00Z")
    assert payer.statement == [("top_up", "100"), ("expiry", "-100"), ("recharge", "120")]


def test_fifty_debits_at_once_are_one_recharge(funded: Payer) -> None:
    funded.spend("30")
    body = {"amount": "-0.5", "reason": "Example"}
    answers = funded.operator.at_once("POST", f"{funded.org.path}/adjustments", [body] * 50)
    assert [answer.status for answer in answers] == [201] * 50
    funded.settle()
    assert (funded.ended, funded.money[0]) == (["succeeded", "succeeded"], "165")
    assert len(funded.charges) == 2


def test_saving_while_below_says_so_and_then_charges_at_once(payer: Payer) -> None:
    refused = payer.save()
    assert (refused.status, refused.code) == (409, "would_charge_now")
    assert "120 USD" in refused.json["detail"]
    assert payer.setting["enabled"] is False
    payer.recharge()
    assert (payer.state, payer.money[0]) == ("on", "120")


def test_saving_while_a_payment_is_on_its_way_charges_nothing(payer: Payer) -> None:
    payer.script({"result": "unanswered", "charged": True, "webhook": "never"})
    payer.pay("100")
    assert payer.save(confirm_charge=False).status == 200
    payer.settle()
    assert len(payer.payments) == 1
    payer.move("2030-05-02T09:00:00Z")
    assert (payer.money[0], payer.ended) == ("100", ["succeeded"])


def test_a_top_up_that_waits_for_its_holder_blocks_nothing(payer: Payer) -> None:
    asks = payer.card(ASKS)
    assert payer.pay("100", payment_method=asks)["status"] == "requires_action"
    payer.recharge()
    assert payer.money == ("120", "0", "100")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"trigger": "120.01"}, "trigger"),
        ({"trigger": "49.99"}, "trigger"),
        ({"recharge_amount": "49.99"}, "recharge_amount"),
        ({"recharge_amount": "10000.01"}, "recharge_amount"),
        ({"recharge_amount": None}, "recharge_amount"),
        ({"monthly_limit": "119.99"}, "monthly_limit"),
        ({"payment_method": "pm_nobody"}, "payment_method"),
        ({"backup_payment_method": "pm_nobody"}, "backup_payment_method"),
        ({"trigger": "60.001"}, "trigger"),
    ],
)
def test_what_cannot_be_set_names_its_field(world: World, change: dict[str, str | None], field: str) -> None:
    payer = Payer(world)
    payer.card()
    body = {"enabled": True, "recharge_amount": "120", "trigger": "60", "confirm_charge": True}
    refused = payer.api.put("/v1/recharge-settings", body | change)
    assert (refused.status, refused.fields) == (422, [field])
    assert payer.setting["enabled"] is False
    assert payer.told() == []


def test_the_backup_is_another_card(world: World) -> None:
    payer = Payer(world)
    card = payer.card()
    assert payer.save(backup_payment_method=card).fields == ["backup_payment_method"]


def test_without_a_card_it_cannot_be_turned_on(world: World) -> None:
    payer = Payer(world)
    refused = payer.save(payment_method=None)
    assert (refused.code, refused.fields) == ("no_payment_method", ["payment_method"])


def test_a_save_is_audited_and_agreed_to_with_the_real_numbers(funded: Payer) -> None:
    rows = funded.api.get("/v1/audit").json["data"]
    [row] = [row for row in rows if row["action"] == "recharge_settings.changed"]
    assert (row["new"]["recharge_amount"], row["new"]["trigger"]) == ("120", "60")
    assert funded.save().status == 200
    assert funded.save(trigger="130").status == 422
    again = [row["action"] for row in funded.api.get("/v1/audit").json["data"]]
    assert again.count("recharge_settings.changed") == 1
    assert funded.told("settings_changed")[0]["what"] == "recharge_settings"


# ---------------------------------------------------------------- declines


def test_a_card_that_declines_for_days_is_asked_at_0_1_3_and_7_hours_and_never_again(payer: Payer) -> None:
    payer.script(*[SOFT] * 20)
    payer.recharge()
    assert (payer.state, payer.setting["next_attempt_at"]) == ("retrying", "2030-05-02T09:00:00Z")
    payer.move("2030-05-05T08:00:00Z")
    at = [attempt["at"] for attempt in payer.attempts]
    assert at == [f"2030-05-02T{hour:02}:00:00Z" for hour in (8, 9, 11, 15)]
    assert (payer.state, payer.setting["state_detail"]) == ("paused", "insufficient_funds")
    assert len({attempt["idempotency_key"] for attempt in payer.attempts}) == 4
    assert (len(payer.told("recharge_failed")), len(payer.told("recharge_paused"))) == (1, 1)


def test_a_run_of_declines_ends_with_a_success(payer: Payer) -> None:
    payer.script(SOFT, SOFT, {"result": "succeeded"}, SOFT)
    payer.recharge()
    payer.move("2030-05-02T12:00:00Z")
    assert (payer.state, payer.money[0]) == ("on", "120")
    payer.spend("61")
    assert payer.setting["next_attempt_at"] == "2030-05-02T13:00:00Z"
    assert len(payer.told("recharge_failed")) == 2


def test_a_lost_card_pauses_at_once_and_both_is_told(payer: Payer) -> None:
    payer.decline("lost_card")
    payer.recharge()
    assert (payer.state, len(payer.attempts)) == ("paused", 1)
    assert {"recharge_failed", "recharge_paused"} <= set(payer.told())


def test_the_backup_is_asked_at_once_when_the_default_declines(payer: Payer) -> None:
    backup = payer.card(SECOND)
    payer.decline("insufficient_funds")
    payer.recharge(backup_payment_method=backup)
    assert (payer.state, payer.money[0], len(payer.attempts)) == ("on", "120", 2)
    assert payer.payments[0]["payment_method"] == backup
    assert payer.told("recharge_succeeded")[0]["card"] == "Mastercard **** 4444"


@pytest.mark.parametrize(
    ("codes", "state"),
    [
        (("lost_card", "insufficient_funds"), "retrying"),
        (("insufficient_funds", "lost_card"), "retrying"),
        (("lost_card", "stolen_card"), "paused"),
    ],
)
def test_both_cards_together_are_one_decline_and_hard_when_both_are(
    payer: Payer, codes: tuple[str, str], state: str
) -> None:
    payer.decline(*codes)
    payer.recharge(backup_payment_method=payer.card(SECOND))
    assert (payer.state, len(payer.attempts), payer.ended) == (state, 2, ["failed"])


def test_a_pause_ends_by_retry_and_by_switching_off_and_on_but_not_by_a_new_card(payer: Payer) -> None:
    payer.decline("lost_card", "lost_card")
    payer.recharge()
    payer.card(SECOND)
    payer.settle()
    assert payer.state == "paused"
    assert payer.save(trigger="70").status == 200
    assert payer.state == "paused"
    assert payer.api.post("/v1/recharge-settings/retry").status == 200
    payer.settle()
    assert (payer.state, len(payer.attempts)) == ("paused", 2)
    assert payer.api.put("/v1/recharge-settings", {"enabled": False}).json["state"] == "off"
    assert payer.save().code == "would_charge_now"
    payer.recharge()
    assert (payer.state, payer.money[0]) == ("on", "120")
    assert payer.api.post("/v1/recharge-settings/retry").json["state"] == "on"


def test_an_outage_is_no_decline(payer: Payer) -> None:
    payer.script(*[{"result": "error", "webhook": "never"}] * 3)
    payer.recharge()
    assert payer.state == "charging"
    payer.move("2030-05-02T10:00:00Z")
    assert (payer.state, payer.money[0], len(payer.charges)) == ("on", "120", 1)
    assert payer.told("recharge_failed") == []


def test_a_balance_that_recovers_by_hand_ends_the_retries(payer: Payer) -> None:
    payer.script(SOFT)
    payer.recharge()
    payer.pay("100")
    payer.move("2030-05-03T08:00:00Z")
    assert (payer.state, payer.ended) == ("on", ["failed", "succeeded"])
    assert payer.setting["next_attempt_at"] is None


def test_a_card_that_asks_its_holder_is_not_asked_again(payer: Payer) -> None:
    payer.script({"result": "requires_action"})
    payer.recharge()
    assert payer.state == "requires_action"
    payer.spend("1")
    assert (len(payer.attempts), len(payer.told("recharge_requires_action"))) == (1, 1)
    payer.tell("authenticate", top_up=payer.payments[0]["id"])
    assert (payer.state, payer.money[0]) == ("on", "119")


def test_a_holder_who_never_comes_pauses_it(payer: Payer) -> None:
    payer.script({"result": "requires_action"})
    payer.recharge()
    payer.move("2030-05-03T08:00:00Z")
    assert (payer.state, payer.setting["state_detail"]) == ("paused", "authentication_expired")
    assert len(payer.told("recharge_paused")) == 1


# ---------------------------------------------------------------- brakes


def test_three_recharges_a_day_and_then_calls_are_refused_and_not_free(payer: Payer) -> None:
    payer.recharge()
    for _ in range(5):
        payer.spend("119")
    assert (payer.state, len(payer.charges), payer.money[0]) == ("velocity_limited", 3, "-235")
    assert len(payer.told("recharge_limit_reached")) == 1
    user = payer.org.caller()
    call = {"call_id": "c1", "call_type": "ucap_out", "user": user, "to": "+12025550117"}
    assert payer.api.post("/v1/calls/authorize", call).json["reason"] == "no_balance"


def test_it_goes_on_by_itself_when_the_oldest_is_24_hours_old(payer: Payer) -> None:
    payer.recharge()
    payer.move("2030-05-02T09:00:00Z")
    for _ in range(3):
        payer.spend("119")
    assert (payer.state, len(payer.charges)) == ("velocity_limited", 3)
    payer.move("2030-05-03T07:59:59Z")
    assert len(payer.charges) == 3
    payer.move("2030-05-03T08:00:00Z")
    assert (payer.state, len(payer.charges)) == ("on", 4)


def test_declined_attempts_do_not_count(payer: Payer) -> None:
    good = {"result": "succeeded"}
    payer.script(SOFT, SOFT, SOFT, good, good, good)
    payer.recharge()
    payer.move("2030-05-02T15:00:00Z")
    payer.spend("119")
    payer.spend("119")
    assert (payer.state, len(payer.charges)) == ("on", 3)


def test_how_many_a_day_is_the_operators_to_say(world: World) -> None:
    payer = Payer(world, limits={"recharges_per_24h": 1})
    payer.card()
    payer.recharge()
    payer.spend("119")
    assert (payer.state, len(payer.charges)) == ("velocity_limited", 1)
    other = Payer(world, limits={"recharges_per_24h": None})
    other.card()
    other.recharge()
    for _ in range(6):
        other.spend("119")
    assert (other.state, len(other.charges)) == ("on", 7)


def test_the_month_limit_ends_with_the_month_of_the_organization(anywhere: World) -> None:
    payer = Payer(anywhere, "2030-05-31T21:00:00Z", time_zone="Europe/Berlin")
    payer.card()
    payer.recharge(monthly_limit="240")
    payer.spend("119")
    payer.spend("119")
    assert (payer.state, payer.setting["used_this_month"]) == ("limit_reached", "240")
    assert payer.told("recharge_limit_reached")[0]["brake"] == "limit_reached"
    payer.move("2030-05-31T21:59:59Z")
    assert (payer.state, len(payer.charges)) == ("limit_reached", 2)
    payer.move("2030-05-31T22:00:00Z")
    assert (payer.state, len(payer.charges)) == ("on", 3)
    assert payer.setting["used_this_month"] == "120"


def test_a_raised_limit_goes_on_at_once(payer: Payer) -> None:
    payer.recharge(monthly_limit="120")
    payer.spend("119")
    assert payer.state == "limit_reached"
    assert payer.save(monthly_limit="240").code == "would_charge_now"
    assert payer.save(monthly_limit="240", confirm_charge=True).status == 200
    payer.settle()
    assert (payer.state, payer.money[0]) == ("on", "121")


def test_what_is_on_its_way_ends_though_it_was_turned_off(payer: Payer) -> None:
    payer.script({"result": "unanswered", "charged": True, "webhook": "later"})
    payer.recharge()
    assert payer.state == "charging"
    payer.api.put("/v1/recharge-settings", {"enabled": False})
    payer.tell("deliver")
    assert (payer.state, payer.money[0]) == ("off", "120")
    payer.spend("119")
    assert len(payer.charges) == 1


def test_turned_on_again_while_one_is_on_its_way_it_charges_no_second_time(payer: Payer) -> None:
    payer.script({"result": "unanswered", "charged": True, "webhook": "later"})
    payer.recharge()
    payer.api.put("/v1/recharge-settings", {"enabled": False})
    assert payer.save().json["state"] == "charging"
    payer.settle()
    payer.tell("deliver")
    payer.settle()
    assert (payer.state, payer.money[0], len(payer.charges)) == ("on", "120", 1)


def test_a_postpaid_organization_goes_on_with_what_was_on(world: World) -> None:
    payer = Payer(world)
    payer.card()
    payer.recharge()
    payer.operator.patch(payer.org.path, {"billing_account": "postpaid"})
    payer.spend("119")
    assert (payer.state, len(payer.charges)) == ("on", 2)


def test_a_card_that_was_removed_meanwhile_pauses_it(world: World) -> None:
    payer = Payer(world)
    first = payer.card()
    payer.recharge()
    payer.api.put("/v1/recharge-settings", {"enabled": False})
    payer.api.delete(f"/v1/payment-methods/{first}")
    assert payer.save(trigger="60").code == "no_payment_method"


def test_a_closed_organization_is_not_recharged(payer: Payer) -> None:
    payer.pay("100")
    payer.recharge()
    payer.operator.delete(payer.org.path)
    payer.spend("90")
    assert len(payer.charges) == 1


def test_an_organization_that_is_opened_again_is_recharged_again(payer: Payer) -> None:
    payer.recharge(monthly_limit="120")
    payer.spend("119")
    payer.operator.delete(payer.org.path)
    payer.move("2030-06-02T08:00:00Z")
    assert (payer.state, len(payer.charges)) == ("limit_reached", 1)
    payer.open_again()
    assert (payer.state, len(payer.charges), payer.money[0]) == ("on", 2, "121")


def test_what_was_spent_while_it_was_closed_is_recharged_when_it_opens(payer: Payer) -> None:
    payer.pay("100")
    payer.recharge()
    payer.operator.delete(payer.org.path)
    payer.spend("90")
    payer.open_again()
    assert (payer.state, payer.money[0]) == ("on", "130")


def test_a_pause_is_still_one_when_it_opens_again(payer: Payer) -> None:
    payer.decline("lost_card")
    payer.recharge()
    payer.operator.delete(payer.org.path)
    payer.open_again()
    assert (payer.state, len(payer.attempts)) == ("paused", 1)


def test_real_time_moves_the_recharges_of_live_clocks(world: World) -> None:
    payer = Payer(world, None)
    payer.card(POOR)
    payer.recharge()
    assert payer.state == "retrying"
    world.clock.pass_seconds(3600)
    payer.settle()
    assert len(payer.attempts) == 2


# ---------------------------------------------------------------- levels


def test_a_low_balance_is_told_once_for_each_fall(payer: Payer) -> None:
    alerts = {"balance_low": ["50", "25"], "recipients": ["billing@example.com"]}
    assert payer.api.put("/v1/alerts", alerts).status == 200
    payer.pay("60")
    payer.spend("10")
    assert payer.told("balance_low") == []
    payer.spend("1")
    payer.spend("1")
    assert [told["level"] for told in payer.told("balance_low")] == ["50"]
    payer.spend("30")
    assert {told["level"] for told in payer.told("balance_low")} == {"50", "25"}
    payer.pay("60")
    payer.spend("70")
    assert sorted(told["level"] for told in payer.told("balance_low")) == ["25", "25", "50", "50"]


def test_zero_and_below_are_told_at_the_crossing(payer: Payer) -> None:
    payer.pay("60")
    payer.spend("60")
    assert len(payer.told("balance_zero")) == 1
    payer.spend("1")
    assert (len(payer.told("balance_zero")), len(payer.told("balance_negative"))) == (1, 1)
    payer.pay("60")
    payer.org.call(60 * 150)
    payer.spend("60")
    assert (len(payer.told("balance_zero")), len(payer.told("balance_negative"))) == (2, 2)


def test_a_call_tells_zero_in_its_own_transaction(payer: Payer) -> None:
    payer.org.grant("0.24")
    payer.org.call(120)
    assert payer.told("balance_zero") == [{"balance": "0"}]


def test_what_nobody_paid_is_told(payer: Payer) -> None:
    payer.org.grant("0.24")
    payer.org.call(180)
    assert [told["amount"] for told in payer.told("shortfall")] == ["0.12"]


def test_funds_that_end_soon_are_told_30_and_7_days_before(payer: Payer) -> None:
    payer.pay("60")
    payer.move("2031-04-02T07:59:59Z")
    assert payer.told("lot_expiring") == []
    payer.move("2031-04-02T08:00:00Z")
    assert [told["days"] for told in payer.told("lot_expiring")] == ["30"]
    payer.move("2031-05-01T08:00:00Z")
    assert [(told["days"], told["amount"]) for told in payer.told("lot_expiring")] == [("30", "60"), ("7", "60")]


def test_what_is_spent_in_time_is_not_told_of(payer: Payer) -> None:
    payer.pay("60")
    payer.spend("60")
    payer.move("2031-06-01T08:00:00Z")
    assert payer.told("lot_expiring") == []


def test_a_card_that_ends_soon_is_told_once(payer: Payer) -> None:
    payer.move("2035-04-30T08:00:00Z")
    assert payer.told("card_expiring") == []
    payer.move("2035-06-30T08:00:00Z")
    assert payer.told("card_expiring") == [{"card": "Visa **** 4242", "expires": "2035-05"}]


def test_reminders_come_by_our_clock_too(world: World) -> None:
    payer = Payer(world, None)
    payer.card()
    payer.pay("60")
    world.clock.pass_days(336)
    for _ in range(2):
        world.app.money.remind()
    assert [told["days"] for told in payer.told("lot_expiring")] == ["30"]


def test_spending_beyond_a_level_is_told_once_a_day_and_once_a_month(payer: Payer) -> None:
    payer.pay("100")
    payer.api.put("/v1/alerts", {"spend_per_day": "1", "spend_per_month": "1.5"})
    payer.org.call(60 * 10)
    payer.move("2030-05-02T09:00:00Z")
    payer.move("2030-05-02T10:00:00Z")
    payer.move("2030-05-03T08:00:00Z")
    payer.org.call(60 * 10)
    payer.move("2030-05-03T09:00:00Z")
    told = [(one["window"], one["spent"]) for one in payer.told("spend_alert")]
    assert told == [("day", "1.2"), ("day", "1.2"), ("month", "2.4")]


def test_alerts_that_cannot_be_name_their_field(world: World) -> None:
    payer = Payer(world)
    for body, field in (
        ({"balance_low": ["0"]}, "balance_low"),
        ({"spend_per_day": "-1"}, "spend_per_day"),
        ({"recipients": ["nobody"]}, "recipients"),
    ):
        assert payer.api.put("/v1/alerts", body).fields == [field]
    assert payer.api.get("/v1/alerts").json["recipients"] == []


def test_a_refund_looks_at_no_trigger(payer: Payer) -> None:
    made = payer.pay("100")
    payer.recharge()
    assert payer.api.post(f"/v1/top-ups/{made['id']}/refund", {"amount": "50"}).status == 201
    payer.settle()
    assert (payer.money[0], len(payer.charges)) == ("50", 1)
    payer.spend("1")
    assert (payer.money[0], len(payer.charges)) == ("169", 2)


def test_a_good_card_stands_for_the_lost_one_that_was_the_default(world: World) -> None:
    payer = Payer(world)
    lost, good = payer.card(LOST), payer.card(GOOD)
    payer.recharge()
    assert (payer.state, payer.setting["payment_method"]) == ("paused", None)
    payer.api.patch(f"/v1/payment-methods/{good}", {"default": True})
    payer.api.post("/v1/recharge-settings/retry")
    payer.settle()
    assert payer.state == "on"
    assert payer.api.delete(f"/v1/payment-methods/{lost}").status == 204
