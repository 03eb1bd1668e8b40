"""The operator makes, changes and closes organizations."""

from __future__ import annotations

from typing import Any

import pytest

from talktime.core.policies import Policy
from tests.web.client import World
from tests.web.money import Payer

PATH = "/v1/operator/organizations"
BODY = {"name": "Example", "country": "US", "currency": "USD"}


def test_an_organization_has_much_by_itself(anywhere: World) -> None:
    made = anywhere.operator.post(PATH, BODY)
    assert made.status == 201
    wanted = {
        "name": "Example",
        "country": "US",
        "currency": "USD",
        "time_zone": "UTC",
        "language": "en",
        "mode": "live",
        "billing_account": "prepaid",
        "policy": "DialoutCPCandPSTNInternational",
        "price_list": None,
        "limits": {"slice_seconds": 300, "max_call_seconds": 10800, "grace_seconds": 120},
        "state": "open",
        "clock_at": None,
    }
    assert wanted.items() <= made.json.items()
    assert anywhere.operator.get(f"{PATH}/{made.json['id']}").json == made.json


def test_ids_are_given_out_once(world: World) -> None:
    ids = [world.organization().id for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(one.startswith("org_") for one in ids)


@pytest.mark.parametrize("policy", Policy)
def test_each_of_the_twelve_policies_can_be_the_default(world: World, policy: Policy) -> None:
    assert world.organization(policy=policy.value).body["policy"] == policy.value


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "nul\x00"}, "name"),
        ({"country": "ZZ"}, "country"),
        ({"country": "us"}, "country"),
        ({"currency": "usd"}, "currency"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"language": "xx"}, "language"),
        ({"mode": "maybe"}, "mode"),
        ({"billing_account": "barter"}, "billing_account"),
        ({"policy": "Dance"}, "policy"),
        ({"price_list": "prl_nobody"}, "price_list"),
        ({"limits": {"slice_seconds": 0}}, "limits.slice_seconds"),
        ({"limits": {"max_call_seconds": "long"}}, "limits.max_call_seconds"),
        ({"limits": {"surprise": 1}}, "limits.surprise"),
        ({"limits": {"top_up_min": 50}}, "limits.top_up_min"),
        ({"limits": {"top_up_min": "100", "top_up_max": "50"}}, "limits.top_up_min"),
        ({"limits": {"fraud": {"surprise": 1}}}, "limits.fraud.surprise"),
        ({"limits": {"fraud": {"spend_per_hour": 1.5}}}, "limits.fraud.spend_per_hour"),
        ({"limits": {"fraud": {"international": "no"}}}, "limits.fraud.international"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_makes_no_sense_names_its_field(world: World, fields: dict[str, Any], field: str) -> None:
    refused = world.operator.post(PATH, BODY | fields)
    assert (refused.status, refused.fields) == (422, [field])


@pytest.mark.parametrize("missing", ["name", "country", "currency"])
def test_what_is_missing_is_named(world: World, missing: str) -> None:
    refused = world.operator.post(PATH, {name: value for name, value in BODY.items() if name != missing})
    assert (refused.status, refused.code, refused.fields) == (422, "missing_field", [missing])


def test_a_change_keeps_what_it_does_not_name(anywhere: World) -> None:
    fraud = {"international": False, "spend_per_day": "75.5"}
    org = anywhere.organization(limits={"slice_seconds": 240, "top_up_min": "60", "fraud": fraud})
    limits = {"grace_seconds": 90, "fraud": {"spend_per_day": None}}
    changed = anywhere.operator.patch(org.path, {"name": "Another Ltd", "limits": limits}).json
    assert (changed["name"], changed["country"], changed["currency"]) == ("Another Ltd", "US", "USD")
    assert changed["limits"] == {
        "slice_seconds": 240,
        "max_call_seconds": 10800,
        "grace_seconds": 90,
        "top_up_min": "60",
        "fraud": {"international": False, "spend_per_day": None},
    }


def test_a_change_is_in_force_for_the_next_call(world: World) -> None:
    org = world.organization(price_list=world.price_list())
    org.grant("5")
    world.operator.patch(org.path, {"limits": {"slice_seconds": 120}})
    body = {"call_id": "c", "call_type": "ucap_out", "user": org.caller(), "to": "+12025550117"}
    assert org.api.post("/v1/calls/authorize", body).json["granted_seconds"] == 120


def test_the_mode_is_never_changed(world: World) -> None:
    refused = world.operator.patch(world.organization().path, {"mode": "test"})
    assert (refused.status, refused.fields) == (422, ["mode"])


def test_the_currency_is_fixed_with_the_first_money(anywhere: World) -> None:
    org = anywhere.organization()
    assert anywhere.operator.patch(org.path, {"currency": "EUR"}).json["currency"] == "EUR"
    org.grant("5")
    refused = anywhere.operator.patch(org.path, {"currency": "USD"})
    assert (refused.status, refused.code) == (409, "currency_fixed")
    assert anywhere.operator.patch(org.path, {"currency": "EUR"}).status == 200


def test_the_currency_is_fixed_while_a_payment_is_on_its_way(world: World) -> None:
    payer = Payer(world)
    payer.card()
    payer.script({"result": "requires_action"})
    made = payer.pay("60")
    refused = world.operator.patch(payer.org.path, {"currency": "JPY"})
    assert (refused.status, refused.code) == (409, "currency_in_use")
    assert "payment on its way" in refused.json["detail"]
    payer.move("2030-05-03T08:00:00Z")
    assert payer.top_up(made)["status"] == "failed"
    assert world.operator.patch(payer.org.path, {"currency": "JPY"}).json["currency"] == "JPY"


def test_the_currency_is_fixed_while_auto_recharge_has_amounts(world: World) -> None:
    org = world.organization(mode="test")
    amounts = {"enabled": False, "recharge_amount": "120", "trigger": "60"}
    assert org.api.put("/v1/recharge-settings", amounts).status == 200
    assert world.operator.patch(org.path, {"currency": "JPY"}).code == "currency_in_use"
    org.api.put("/v1/recharge-settings", {"enabled": False, "recharge_amount": None, "trigger": None})
    assert world.operator.patch(org.path, {"currency": "JPY"}).status == 200


def test_the_price_list_is_in_the_currency(world: World) -> None:
    euros = world.price_list(currency="EUR")
    refused = world.operator.post(PATH, BODY | {"price_list": euros})
    assert (refused.status, refused.fields) == (422, ["price_list"])
    org = world.organization(currency="EUR", price_list=euros)
    assert world.operator.patch(org.path, {"price_list": None}).json["price_list"] is None


def test_the_list_goes_from_page_to_page(anywhere: World) -> None:
    made = [anywhere.organization().id for _ in range(3)]
    page = anywhere.operator.get(PATH, limit=2).json
    rest = anywhere.operator.get(PATH, limit=2, cursor=page["next"]).json
    assert [org["id"] for org in page["data"] + rest["data"]] == made
    assert rest["next"] is None


@pytest.mark.parametrize("limit", ["0", "1001", "many", "-1"])
def test_a_page_has_one_to_a_thousand_rows(world: World, limit: str) -> None:
    assert world.operator.get(PATH, limit=limit).fields == ["limit"]


@pytest.mark.parametrize("cursor", ["nobody", "bm9ib2R5", "ImFiYyI=", "%00"])
def test_a_cursor_is_one_that_was_given_out(world: World, cursor: str) -> None:
    assert world.operator.get(PATH, cursor=cursor).status == 422


@pytest.mark.parametrize("org", ["org_nobody", "org_fffff", "org_0", "org_01", "ORG_1", "1", "org_%00"])
def test_an_organization_that_nobody_made_is_not_found(world: World, org: str) -> None:
    world.organization()
    for answer in (
        world.operator.get(f"{PATH}/{org}"),
        world.operator.patch(f"{PATH}/{org}", {"name": "x"}),
        world.operator.delete(f"{PATH}/{org}"),
        world.operator.post(f"{PATH}/{org}/keys", {"scopes": ["calls"]}),
        world.operator.get(f"{PATH}/{org}/keys"),
        world.operator.post(f"{PATH}/{org}/grants", {"amount": "1"}),
        world.operator.post(f"{PATH}/{org}/adjustments", {"amount": "1", "reason": "x"}),
        world.operator.get(f"{PATH}/{org}/adjustments"),
    ):
        assert (answer.status, answer.code) == (404, "not_found")


def test_a_closed_organization_loses_nothing(anywhere: World) -> None:
    org = anywhere.organization(price_list=anywhere.price_list())
    org.grant("5")
    user = org.caller()
    body = {"call_id": "running", "call_type": "ucap_out", "user": user, "to": "+12025550117"}
    org.api.post("/v1/calls/authorize", body)
    assert anywhere.operator.delete(org.path).status == 204
    refused = org.api.post("/v1/calls/authorize", body | {"call_id": "later"}).json
    assert (refused["decision"], refused["reason"]) == ("refused", "organization_closed")
    assert org.api.post("/v1/calls/settle", {"call_id": "running", "duration_seconds": 60}).json["charge"] == "0.12"
    assert anywhere.operator.get(org.path).json["state"] == "closed"
    assert org.balance == "4.88"


def test_closing_twice_is_closing_once(world: World) -> None:
    org = world.organization()
    assert [world.operator.delete(org.path).status for _ in range(2)] == [204, 204]
    actions = [row["action"] for row in org.api.get("/v1/audit").json["data"]]
    assert actions.count("organization.closed") == 1


def test_the_same_organization_is_made_once(world: World) -> None:
    first, again = (world.operator.post(PATH, BODY, idempotency_key="one") for _ in range(2))
    assert first.json == again.json
    assert len(world.operator.get(PATH).json["data"]) == 1
