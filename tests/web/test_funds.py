"""Credit granted, the ledger corrected, calls given back: as the operator does it and the organization sees it."""

from __future__ import annotations

import pytest

from tests.web.client import World


def test_an_organization_begins_with_nothing(world: World) -> None:
    balance = world.organization().api.get("/v1/balance").json
    assert balance == {
        "currency": "USD",
        "balance": "0",
        "held": "0",
        "available": "0",
        "pending": "0",
        "average_daily_7d": "0",
        "next_expiry": None,
        "credits_set_up": False,
        "recharge_state": "off",
    }


def test_a_grant_is_a_promotional_lot_and_sets_credits_up(anywhere: World) -> None:
    org = anywhere.organization()
    lot = org.grant("7.25", expires_at="2030-09-01T00:00:00Z", priority=40)
    assert lot.status == 201
    wanted = {
        "kind": "promotional",
        "amount": "7.25",
        "remaining": "7.25",
        "held": "0",
        "priority": 40,
        "state": "open",
    }
    assert wanted.items() <= lot.json.items()
    assert lot.json["expires_at"] == "2030-09-01T00:00:00Z"
    assert org.lots == [lot.json]
    balance = org.api.get("/v1/balance").json
    assert (balance["balance"], balance["credits_set_up"]) == ("7.25", True)
    assert balance["next_expiry"] == {"amount": "7.25", "at": "2030-09-01T00:00:00Z"}


def test_a_grant_without_an_end_never_expires(world: World) -> None:
    org = world.organization()
    assert org.grant("5").json["expires_at"] is None
    world.clock.pass_days(50_000)
    assert org.balance == "5"
    assert org.api.get("/v1/balance").json["next_expiry"] is None


def test_what_expires_next_is_told_as_a_sum(world: World) -> None:
    org = world.organization()
    for amount, end in (("5", "2030-05-01"), ("6", "2030-05-01"), ("7", "2030-06-01")):
        org.grant(amount, expires_at=f"{end}T00:00:00Z")
    assert org.api.get("/v1/balance").json["next_expiry"] == {"amount": "11", "at": "2030-05-01T00:00:00Z"}


def test_what_has_expired_is_not_shown_though_nothing_was_booked_yet(world: World) -> None:
    org = world.organization()
    org.grant("5", expires_at="2030-05-01T00:00:00Z")
    world.clock.pass_days(60)
    assert org.balance == "0"
    assert [(lot["state"], lot["remaining"]) for lot in org.lots] == [("expired", "0")]
    assert [entry["kind"] for entry in org.entries] == ["grant"]


def test_the_next_movement_books_what_has_expired(anywhere: World) -> None:
    org = anywhere.organization()
    org.grant("5", expires_at="2030-05-01T00:00:00Z")
    anywhere.clock.pass_days(60)
    org.grant("2")
    assert [(entry["kind"], entry["amount"], entry["balance_after"]) for entry in org.entries] == [
        ("grant", "2", "2"),
        ("expiry", "-5", "0"),
        ("grant", "5", "5"),
    ]
    assert [lot["state"] for lot in org.lots] == ["open", "expired"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1.2345678"}, "amount"),
        ({"amount": "1e3"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": ""}, "amount"),
        ({"amount": 5}, "amount"),
        ({}, "amount"),
        ({"amount": "5", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"amount": "5", "expires_at": "2031-01-01T00:00:00"}, "expires_at"),
        ({"amount": "5", "expires_at": "soon"}, "expires_at"),
        ({"amount": "5", "priority": -1}, "priority"),
        ({"amount": "5", "priority": 1001}, "priority"),
        ({"amount": "5", "surprise": 1}, "surprise"),
    ],
)
def test_a_grant_that_makes_no_sense_names_its_field(world: World, body: dict[str, object], field: str) -> None:
    org = world.organization()
    refused = world.operator.post(f"{org.path}/grants", body)
    assert (refused.status, refused.fields) == (422, [field])
    assert org.lots == []


def test_a_closed_organization_is_granted_nothing(world: World) -> None:
    org = world.organization()
    world.operator.delete(org.path)
    refused = org.grant("5")
    assert (refused.status, refused.code) == (409, "organization_closed")


def test_nobody_has_more_than_can_be_counted(world: World) -> None:
    org = world.organization()
    assert org.grant("999999999999").status == 201
    refused = org.grant("999999999999")
    assert (refused.status, refused.code) == (409, "balance_too_large")
    assert org.balance == "999999999999"


def test_the_same_grant_twice_happens_once(anywhere: World) -> None:
    org = anywhere.organization()
    path, body = f"{org.path}/grants", {"amount": "5"}
    first, again = (anywhere.operator.post(path, body, idempotency_key="form-1") for _ in range(2))
    assert (again.status, again.json) == (201, first.json)
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    other = anywhere.operator.post(path, {"amount": "6"}, idempotency_key="form-1")
    assert (other.status, other.code) == (409, "idempotency_conflict")
    assert org.balance == "5"


def test_a_correction_downwards_takes_lots_in_spending_order(anywhere: World) -> None:
    org = anywhere.organization()
    org.grant("5", priority=200)
    org.grant("3", priority=50)
    made = org.adjust("-4")
    assert (made.status, made.json["status"], made.json["amount"]) == (201, "booked", "-4")
    assert org.remaining == ["0", "4"]
    assert [lot["state"] for lot in org.lots] == ["spent", "open"]


def test_a_correction_upwards_is_a_lot_without_an_end(world: World) -> None:
    org = world.organization()
    org.adjust("2.5")
    assert [(lot["amount"], lot["kind"], lot["expires_at"]) for lot in org.lots] == [("2.5", "promotional", None)]
    assert org.entries[0]["description"] == "Adjusted: Counted wrongly"
    assert org.entries[0]["lots"] == [{"lot": org.lots[0]["id"], "amount": "2.5"}]


def test_a_correction_sets_no_credits_up(world: World) -> None:
    org = world.organization()
    org.adjust("2.5")
    assert org.api.get("/v1/balance").json["credits_set_up"] is False


def test_debt_is_in_the_balance_and_in_no_lot(anywhere: World) -> None:
    org = anywhere.organization()
    org.grant("5")
    org.adjust("-50")
    assert (org.balance, org.remaining) == ("-45", ["0"])
    assert org.api.get("/v1/balance").json["available"] == "-45"


def test_a_grant_pays_debt_first(anywhere: World) -> None:
    org = anywhere.organization()
    org.adjust("-45")
    lot = org.grant("100").json
    assert (lot["amount"], lot["remaining"], org.balance) == ("100", "55", "55")


def test_a_grant_smaller_than_the_debt_is_spent_at_once(world: World) -> None:
    org = world.organization()
    org.adjust("-45")
    lot = org.grant("5").json
    assert (lot["remaining"], lot["state"], org.balance) == ("0", "spent", "-40")


def test_a_correction_upwards_pays_debt_first(anywhere: World) -> None:
    org = anywhere.organization()
    org.adjust("-45")
    org.adjust("40")
    assert (org.balance, org.lots) == ("-5", [])
    org.adjust("8")
    assert (org.balance, org.remaining) == ("3", ["3"])


def test_a_large_correction_waits_for_a_second_person(anywhere: World) -> None:
    org = anywhere.organization()
    asked = org.adjust("1000.000001").json
    assert asked["status"] == "awaiting_second_person"
    assert org.balance == "0"
    path = f"{org.path}/adjustments/{asked['id']}"
    own = anywhere.operator.post(f"{path}/confirm")
    assert (own.status, own.code) == (403, "second_person_needed")
    second = anywhere.second_operator()
    confirmed = second.post(f"{path}/confirm")
    assert (confirmed.status, confirmed.json["status"]) == (200, "booked")
    assert confirmed.json["confirmed_by"] != confirmed.json["asked_by"]
    assert org.balance == "1000.000001"
    assert anywhere.operator.get(path).json == confirmed.json


def test_a_correction_is_confirmed_once(world: World) -> None:
    org = world.organization()
    asked, second = org.adjust("-2000").json, world.second_operator()
    path = f"{org.path}/adjustments/{asked['id']}/confirm"
    assert second.post(path).status == 200
    again = second.post(path)
    assert (again.status, again.code) == (409, "already_booked")
    assert org.balance == "-2000"


def test_up_to_the_limit_one_person_is_enough(world: World) -> None:
    org = world.organization()
    assert [org.adjust(amount).json["status"] for amount in ("1000", "-1000")] == ["booked", "booked"]


def test_corrections_are_listed_newest_first(world: World) -> None:
    org = world.organization()
    made = [org.adjust(amount).json for amount in ("1", "2", "3")]
    path = f"{org.path}/adjustments"
    page = world.operator.get(path, limit=2).json
    rest = world.operator.get(path, limit=2, cursor=page["next"]).json
    assert page["data"] + rest["data"] == made[::-1]
    assert rest["next"] is None


@pytest.mark.parametrize("body", [{"amount": "0", "reason": "x"}, {"amount": "1", "reason": ""}, {"amount": "1"}])
def test_a_correction_needs_an_amount_and_a_reason(world: World, body: dict[str, str]) -> None:
    org = world.organization()
    assert world.operator.post(f"{org.path}/adjustments", body).status == 422


def test_a_correction_of_another_organization_is_not_found(world: World) -> None:
    mine, theirs = world.organization(), world.organization()
    asked = theirs.adjust("5000").json
    second = world.second_operator()
    assert second.post(f"{mine.path}/adjustments/{asked['id']}/confirm").status == 404
    assert world.operator.get(f"{mine.path}/adjustments/{asked['id']}").status == 404


def test_a_call_is_given_back_to_the_lots_it_was_taken_from_the_last_first(anywhere: World) -> None:
    org = anywhere.organization(price_list=anywhere.price_list())
    org.grant("0.12", priority=1)
    org.grant("5", priority=2)
    call = org.call(180)
    assert org.remaining == ["4.76", "0"]
    given = org.reverse(call, "0.3")
    assert (given.status, given.json["amount"], given.json["call_id"]) == (201, "0.3", call)
    assert org.remaining == ["5", "0.06"]
    assert [lot["state"] for lot in org.lots] == ["open", "open"]
    newest = org.entries[0]
    assert (newest["kind"], newest["amount"], newest["description"]) == ("reversal", "0.3", "Given back: Bad line")
    assert newest["balance_after"] == org.balance == "5.06"


def test_a_call_is_given_back_at_most_what_it_was_charged(anywhere: World) -> None:
    org = anywhere.organization(price_list=anywhere.price_list())
    org.grant("5")
    call = org.call(60)
    too_much = org.reverse(call, "0.120001")
    assert (too_much.status, too_much.code) == (409, "more_than_charged")
    assert org.reverse(call, "0.1").status == 201
    assert org.reverse(call, "0.02").status == 201
    assert org.reverse(call, "0.000001").status == 409
    assert org.balance == "5"


def test_the_story_of_a_call_tells_what_was_given_back(world: World) -> None:
    org = world.organization(price_list=world.price_list())
    org.grant("5")
    call = org.call(60)
    org.reverse(call, "0.1")
    story = org.api.get(f"/v1/calls/{call}").json
    assert [entry["kind"] for entry in story["entries"]] == ["charge", "reversal"]


def test_what_comes_back_after_its_end_expires_again(anywhere: World) -> None:
    org = anywhere.organization(price_list=anywhere.price_list())
    org.grant("0.12", expires_at="2030-05-01T00:00:00Z")
    call = org.call(60)
    anywhere.clock.pass_days(60)
    assert org.reverse(call, "0.12").status == 201
    assert [(entry["kind"], entry["amount"]) for entry in org.entries[:2]] == [
        ("expiry", "-0.12"),
        ("reversal", "0.12"),
    ]
    assert (org.balance, org.remaining) == ("0", ["0"])


def test_what_comes_back_pays_debt_first(anywhere: World) -> None:
    org = anywhere.organization(price_list=anywhere.price_list())
    org.grant("0.36")
    call = org.call(180)
    org.adjust("-0.3")
    org.reverse(call, "0.36")
    assert (org.balance, org.remaining) == ("0.06", ["0.06"])


def test_a_call_that_nobody_knows_is_not_given_back(world: World) -> None:
    assert world.organization().reverse("nobody", "1").status == 404


def test_a_call_that_goes_on_has_nothing_to_give_back(world: World) -> None:
    org = world.organization(price_list=world.price_list())
    org.grant("5")
    body = {"call_id": "running", "call_type": "ucap_out", "user": org.caller(), "to": "+12025550117"}
    org.api.post("/v1/calls/authorize", body)
    assert org.reverse("running", "0.1").code == "more_than_charged"


def test_the_daily_average_looks_back_seven_days(anywhere: World) -> None:
    org = anywhere.organization(price_list=anywhere.price_list({"prefix": "1", "per_minute": "0.7"}))
    org.grant("5")
    org.call(60)
    assert org.api.get("/v1/balance").json["average_daily_7d"] == "0.1"
    anywhere.clock.pass_days(7.1)
    assert org.api.get("/v1/balance").json["average_daily_7d"] == "0"


def test_money_held_by_a_call_outlives_its_lot(world: World) -> None:
    org = world.organization(price_list=world.price_list())
    org.grant("5", expires_at="2030-04-02T08:02:00Z")
    body = {"call_id": "long", "call_type": "ucap_out", "user": org.caller(), "to": "+12025550117"}
    org.api.post("/v1/calls/authorize", body)
    world.clock.pass_seconds(150)
    balance = org.api.get("/v1/balance").json
    assert (balance["balance"], balance["held"], balance["available"]) == ("0.6", "0.6", "0")
    assert [(lot["remaining"], lot["held"], lot["state"]) for lot in org.lots] == [("0.6", "0.6", "expired")]


def test_the_statement_goes_from_page_to_page(world: World) -> None:
    org = world.organization()
    for amount in ("1", "2", "3"):
        org.grant(amount)
    page = org.api.get("/v1/entries", limit=2).json
    rest = org.api.get("/v1/entries", limit=2, cursor=page["next"]).json
    assert [entry["amount"] for entry in page["data"] + rest["data"]] == ["3", "2", "1"]
    assert [entry["balance_after"] for entry in page["data"]] == ["6", "3"]


def test_a_call_that_moved_nothing_is_not_in_the_statement(world: World) -> None:
    org = world.organization(price_list=world.price_list())
    world.clock.pass_seconds(60)
    body = {"call_id": "c", "call_type": "ucap_out", "user": org.caller(), "to": "+12025550117"}
    over = {"started_at": "2030-04-02T08:00:30Z", "duration_seconds": 20}
    done = org.api.post("/v1/calls/record", body | over).json
    assert done["shortfall"] == "0.12"
    assert org.entries == []


def test_the_money_of_a_test_organization_lives_by_its_clock(world: World) -> None:
    org = world.organization(mode="test")
    world.operator.put(f"{org.path}/clock", {"now": "2031-01-01T00:00:00Z"})
    early = org.grant("5", expires_at="2030-12-31T00:00:00Z")
    assert (early.status, early.fields) == (422, ["expires_at"])
    lot = org.grant("5", expires_at="2031-02-01T00:00:00Z").json
    assert lot["purchased_at"] == "2031-01-01T00:00:00Z"
    world.operator.put(f"{org.path}/clock", {"now": "2031-02-01T00:00:00Z"})
    assert org.balance == "0"


@pytest.mark.parametrize("path", ["/v1/balance", "/v1/lots", "/v1/entries", "/v1/audit", "/v1/users", "/v1/licences"])
def test_there_is_nothing_of_an_organization_that_does_not_exist(world: World, path: str) -> None:
    assert world.operator.acting_for("org_fffff").get(path).status == 404


@pytest.mark.parametrize("path", ["/v1/balance", "/v1/lots", "/v1/entries", "/v1/audit", "/v1/users", "/v1/licences"])
def test_an_operator_says_for_whom_he_acts(world: World, path: str) -> None:
    refused = world.operator.get(path)
    assert (refused.status, refused.code) == (422, "organization_required")


def test_a_call_whose_end_was_not_reported_is_corrected_by_its_end_and_not_reversed(anywhere: World) -> None:
    org = anywhere.organization(price_list=anywhere.price_list())
    org.grant("30")
    call = {"call_id": "c1", "call_type": "ucap_out", "user": org.caller(), "to": "+12025550117"}
    org.api.post("/v1/calls/authorize", call)
    org.api.post("/v1/calls/answered", {"call_id": "c1"})
    anywhere.clock.pass_seconds(361)
    anywhere.app.sweep()
    assert org.reverse("c1", "0.1").code == "end_not_reported"
    org.api.post("/v1/calls/settle", {"call_id": "c1", "duration_seconds": 120})
    assert org.reverse("c1", "0.24").status == 201
    assert (org.reverse("c1", "0.01").code, org.balance) == ("more_than_charged", "30")
