"""What a call would cost now, and the destinations that have a price."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from talktime.storage import tables as t
from talktime.storage.database import Tx
from tests.web.client import Answer, Organization, World

GB, US, BRIDGE, TOLL_FREE = "+442079460117", "+12025550117", "+442079460999", "+448005550117"
ROWS: list[dict[str, Any]] = [
    {"prefix": "44", "destination": "United Kingdom", "per_minute": "0.12"},
    {"prefix": "447", "destination": "United Kingdom, mobile", "per_minute": "0.3", "connection_fee": "0.05"},
    {"prefix": "33", "destination": "France", "per_minute": "0.2"},
    {"prefix": "225", "destination": "Côte d'Ivoire", "per_minute": "0.4"},
    {"prefix": "44", "destination": "United Kingdom, dial-in", "per_minute": "0.04", "kind": "conference"},
    {"prefix": "44", "destination": "United Kingdom, toll-free dial-in", "per_minute": "0.07", "kind": "toll_free"},
]


def lookup(org: Organization, to: str, call_type: str = "user_out", **more: str) -> Answer:
    return org.api.get("/v1/rates/lookup", call_type=call_type, to=to, **more)


def shop(world: World, *rows: dict[str, Any], **fields: Any) -> Organization:
    return world.organization(price_list=world.price_list(*(rows or ROWS)), **fields)


def test_a_rate_is_told_with_worked_examples(anywhere: World) -> None:
    told = lookup(shop(anywhere), GB, **{"from": US})
    assert told.json == {
        "rate": {
            "destination": "United Kingdom",
            "prefix": "44",
            "per_minute": "0.12",
            "connection_fee": "0",
            "initial_seconds": 60,
            "step_seconds": 60,
        },
        "examples": [
            {"minutes": 1, "charge": "0.12"},
            {"minutes": 5, "charge": "0.6"},
            {"minutes": 10, "charge": "1.2"},
        ],
        "currency": "USD",
        "country": "GB",
        "zone_a": True,
        "number_kind": "ordinary",
    }


def test_the_longest_prefix_counts_and_the_fee_is_in_the_examples(world: World) -> None:
    told = lookup(shop(world), "+447700900117").json
    assert told["rate"]["prefix"] == "447"
    assert [one["charge"] for one in told["examples"]] == ["0.35", "1.55", "3.05"]


def test_the_look_up_agrees_with_a_call_that_begins_now(anywhere: World) -> None:
    org = shop(anywhere)
    org.grant("5")
    body = {"call_id": "c1", "call_type": "ucap_out", "user": org.caller(), "to": "+447700900117"}
    granted = org.api.post("/v1/calls/authorize", body).json
    assert granted["rate"] == lookup(org, "+447700900117", "ucap_out").json["rate"]


def test_without_a_list_of_its_own_the_default_of_the_currency_counts(anywhere: World) -> None:
    org = anywhere.organization()
    assert (lookup(org, GB).status, lookup(org, GB).code) == (404, "no_rate")
    anywhere.price_list(*ROWS, default=True)
    assert lookup(org, GB).json["rate"]["per_minute"] == "0.12"
    euros = anywhere.organization(currency="EUR")
    assert lookup(euros, GB).code == "no_rate"


def test_the_list_in_force_counts_by_the_clock_of_the_organization(anywhere: World) -> None:
    org = shop(anywhere, ROWS[0], mode="test")
    path = f"/v1/operator/price-lists/{org.body['price_list']}"
    anywhere.operator.put(path, {"rows": [ROWS[0] | {"per_minute": "0.24"}]})
    anywhere.operator.post(f"{path}/publish", {"at": "2031-01-01T00:00:00Z"})
    assert lookup(org, GB).json["rate"]["per_minute"] == "0.12"
    anywhere.operator.put(f"{org.path}/clock", {"now": "2031-01-01T00:00:00Z"})
    assert lookup(org, GB).json["rate"]["per_minute"] == "0.24"


def test_windows_are_in_the_zone_of_the_organization(world: World) -> None:
    window = {"days": "1-7", "from": "10:00", "to": "12:00", "per_minute": "0.01"}
    priced = ROWS[0] | {"windows": [window]}
    assert lookup(shop(world, priced), GB).json["rate"]["per_minute"] == "0.12"
    assert lookup(shop(world, priced, time_zone="Europe/Riga"), GB).json["rate"]["per_minute"] == "0.01"


@pytest.mark.parametrize(
    ("call_type", "to", "destination"),
    [
        ("conf_out", GB, "United Kingdom, dial-in"),
        ("conf_out", "+33199000117", "France"),
        ("conf_in", BRIDGE, "United Kingdom, dial-in"),
        ("conf_in", TOLL_FREE, "United Kingdom, toll-free dial-in"),
        ("ucap_in", TOLL_FREE, "United Kingdom, toll-free dial-in"),
        ("ucap_out", GB, "United Kingdom"),
        ("user_out_transfer", GB, "United Kingdom"),
    ],
)
def test_each_call_type_has_its_kind_of_price(world: World, call_type: str, to: str, destination: str) -> None:
    assert lookup(shop(world), to, call_type).json["rate"]["destination"] == destination


def bought(world: World, org: Organization, number: str, kind: str) -> None:
    def add(tx: Tx) -> None:
        row = {"number": number, "number_id": f"num_{number}", "type": kind, "serves": "conference", "created_at": 1}
        tx.execute(insert(t.service_numbers), row | {"org_id": org_id})

    org_id = int(org.id.removeprefix("org_"), 16)
    world.app.database.write(org_id, add)


def test_what_a_service_number_was_bought_as_counts_more_than_how_it_looks(anywhere: World) -> None:
    org = shop(anywhere)
    bought(anywhere, org, BRIDGE, "toll_free")
    bought(anywhere, org, TOLL_FREE, "toll")
    assert lookup(org, BRIDGE, "ucap_in").json["rate"]["per_minute"] == "0.07"
    assert lookup(org, TOLL_FREE, "conf_in").json["rate"]["per_minute"] == "0.04"
    assert lookup(shop(anywhere), BRIDGE, "conf_in").json["rate"]["per_minute"] == "0.04"


@pytest.mark.parametrize("call_type", ["user_in", "unassigned_in", "dr_out", "ucap_in"])
def test_where_nobody_pays_the_answer_says_so(world: World, call_type: str) -> None:
    told = lookup(shop(world), BRIDGE, call_type)
    assert (told.status, told.code) == (404, "no_rate")
    assert told.json["detail"].startswith("Nobody pays")


def test_what_has_no_price_has_no_rate(world: World) -> None:
    for to in ("+4915112345678", "+2100000", "+88216123456"):
        told = lookup(shop(world), to)
        assert (told.status, told.code) == (404, "no_rate")
        assert "no published price" in told.json["detail"]


@pytest.mark.parametrize(("to", "call_type"), [("+449098790117", "user_out"), ("+33891234567", "conf_out")])
def test_a_premium_number_that_no_such_call_may_reach_has_no_rate(world: World, to: str, call_type: str) -> None:
    told = lookup(shop(world), to, call_type)
    assert (told.status, told.code) == (404, "no_rate")
    assert told.json["detail"].startswith("No call of this type")


def test_a_premium_number_that_some_may_call_has_a_rate_and_its_kind(world: World) -> None:
    told = lookup(shop(world), "+33891234567").json
    assert (told["rate"]["destination"], told["number_kind"], told["country"]) == ("France", "premium", "FR")


@pytest.mark.parametrize("to", ["12", "+12", "442079460117", "+1 2025550117", "nobody", "112", ""])
def test_a_number_that_is_none_is_named(world: World, to: str) -> None:
    told = lookup(shop(world), to)
    assert (told.status, told.fields) == (422, ["to"])


def test_what_is_asked_must_be_there(world: World) -> None:
    org = shop(world)
    assert org.api.get("/v1/rates/lookup", call_type="user_out").fields == ["to"]
    assert org.api.get("/v1/rates/lookup", to=GB).fields == ["call_type"]
    assert lookup(org, GB, "dance").fields == ["call_type"]


def test_a_key_needs_the_scope_for_rates(world: World) -> None:
    org = shop(world)
    for path in (f"/v1/rates/lookup?call_type=user_out&to=%2B{GB[1:]}", "/v1/rates"):
        assert org.key("rates").get(path).status == 200
        assert org.key("calls", "funds", "users", "reports").get(path).code == "scope_missing"
        assert world.operator.get(path).code == "organization_required"


def names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.content
    return [row["destination"] for row in answer.json["data"]]


def test_destinations_are_listed_by_prefix(anywhere: World) -> None:
    told = shop(anywhere).api.get("/v1/rates")
    assert [row["prefix"] for row in told.json["data"]] == ["225", "33", "44", "44", "44", "447"]
    assert told.json["next"] is None
    assert told.json["data"][1] == {
        "prefix": "33",
        "destination": "France",
        "per_minute": "0.2",
        "connection_fee": "0",
        "initial_seconds": 60,
        "step_seconds": 60,
        "kind": "outbound",
        "valid_from": None,
        "windows": [],
        "currency": "USD",
    }


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("FRANCE", ["France"]),
        ("cote", ["Côte d'Ivoire"]),
        ("mobile", ["United Kingdom, mobile"]),
        ("3", ["France"]),
        ("+33 1 99 00", ["France"]),
        ("nowhere", []),
        ("dial-in", ["United Kingdom, dial-in", "United Kingdom, toll-free dial-in"]),
    ],
)
def test_people_find_destinations_by_name_or_number(world: World, words: str, found: list[str]) -> None:
    assert names(shop(world).api.get("/v1/rates", q=words)) == found


def test_pages_hold_every_destination_once(world: World) -> None:
    org = shop(world)
    seen: list[tuple[str, str]] = []
    following: dict[str, str] = {}
    while True:
        page = org.api.get("/v1/rates", limit=2, **following).json
        seen += [(row["prefix"], row["kind"]) for row in page["data"]]
        if page["next"] is None:
            break
        following = {"cursor": page["next"]}
    assert seen == sorted((row["prefix"], row.get("kind", "outbound")) for row in ROWS)
    assert org.api.get("/v1/rates", cursor="nobody").fields == ["cursor"]


def test_of_dated_rows_the_one_in_force_is_listed(world: World) -> None:
    dated = [ROWS[0] | {"per_minute": amount, "valid_from": at} for amount, at in _DATED]
    told = shop(world, ROWS[0], *dated).api.get("/v1/rates").json["data"]
    assert [row["per_minute"] for row in told] == ["0.2"]


_DATED = (("0.2", "2030-01-01T00:00:00Z"), ("0.3", "2031-01-01T00:00:00Z"))


def test_without_a_list_there_is_nothing_to_list(world: World) -> None:
    assert names(world.organization().api.get("/v1/rates")) == []
