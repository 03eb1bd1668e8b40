"""Usage: a row for each who paid a part of a call."""

from __future__ import annotations

from typing import Any

import pytest

from talktime.core.time import SECOND
from tests.support.usage import add_usage
from tests.web.client import START, Organization, World


def used(world: World, org: Organization, seconds_ago: int = 60, **fields: Any) -> str:
    world.made_up.add("I18")
    return add_usage(world.app.database, org.id, START - seconds_ago * SECOND, **fields).usage_id


def listed(org: Organization, **query: Any) -> list[str]:
    return [row["usage_id"] for row in org.api.get("/v1/usage", **query).json["data"]]


def test_a_row_says_all_that_is_known_of_a_call(anywhere: World) -> None:
    org = anywhere.organization()
    user = org.user(sign_in_name="person@example.com").json["id"]
    used(anywhere, org, user_id=user, call_id="call-a", connection_fee=50_000)
    [row] = org.api.get("/v1/usage").json["data"]
    del row["usage_id"]
    assert row == {
        "call_id": "call-a",
        "conference_id": "",
        "user_location": "US",
        "aad_object_id": user,
        "upn": "person@example.com",
        "user_display_name": "Example Person",
        "caller_id": "+12025550101",
        "call_type": "user_out",
        "number_type": "Subscriber",
        "domestic_international": "International",
        "destination_dialed": "United Kingdom",
        "destination_number": "+442079460123",
        "start_time": "2030-04-02T07:59:00Z",
        "end_time": "2030-04-02T08:00:15Z",
        "duration_seconds": 75,
        "connection_fee": "0.05",
        "charge": "0.24",
        "currency": "USD",
        "capability": "MCOPSTNPP",
        "payer": "credits",
        "minutes": 2,
    }


@pytest.mark.parametrize("call_type", ["ucap_in", "ucap_out"])
def test_calls_of_queues_and_attendants_name_no_user(world: World, call_type: str) -> None:
    org = world.organization()
    used(world, org, user_id=org.user().json["id"], call_type=call_type)
    [row] = org.api.get("/v1/usage").json["data"]
    assert [row["aad_object_id"], row["upn"], row["user_display_name"]] == ["", "", ""]


def test_who_is_not_known_has_no_name(world: World) -> None:
    org = world.organization()
    used(world, org, user_id="usr_gone", destination="883", context="")
    [row] = org.api.get("/v1/usage").json["data"]
    assert [row["aad_object_id"], row["upn"]] == ["usr_gone", ""]
    assert [row["destination_dialed"], row["domestic_international"]] == ["883", ""]


def test_the_newest_call_comes_first_page_by_page(anywhere: World) -> None:
    org = anywhere.organization()
    made = [used(anywhere, org, ago) for ago in (30, 20, 10)]
    first = org.api.get("/v1/usage", limit=2).json
    second = org.api.get("/v1/usage", limit=2, cursor=first["next"]).json
    assert [row["usage_id"] for row in first["data"] + second["data"]] == made[::-1]
    assert second["next"] is None


def test_calls_are_found_by_what_is_known_of_them(anywhere: World) -> None:
    org = anywhere.organization()
    user = org.user(sign_in_name="person@example.com", number="+12025550119").json["id"]
    mine = used(anywhere, org, user_id=user, call_id="mine", call_type="conf_out", payer="pool")
    used(anywhere, org)
    asked = [
        {"call_id": "mine"},
        {"user": user},
        {"user": "person@example.com"},
        {"user": "+12025550119"},
        {"call_type": "conf_out"},
        {"payer": "pool"},
    ]
    assert [listed(org, **query) for query in asked] == [[mine]] * len(asked)
    assert listed(org, user="nobody@example.com") == []


def test_the_begin_of_a_range_is_in_it_and_its_end_is_not(anywhere: World) -> None:
    org = anywhere.organization()
    used(anywhere, org, 60)
    begun, later = "2030-04-02T07:59:00Z", "2030-04-02T07:59:00.000001Z"
    assert len(listed(org, **{"from": begun, "to": later})) == 1
    assert listed(org, to=begun) == []
    assert listed(org, **{"from": later}) == []


def test_calls_over_own_carriers_are_a_list_of_their_own(anywhere: World) -> None:
    org = anywhere.organization()
    ours = used(anywhere, org, call_type="dr_out", charge=0, payer="none")
    other = used(anywhere, org)
    assert listed(org) == [other]
    [row] = org.api.get("/v1/usage/own-carrier").json["data"]
    assert (row["usage_id"], row["callee_number"], row["call_type"]) == (ours, "+442079460123", "dr_out")
    assert "charge" not in row


def test_the_other_partys_last_digits_are_hidden_where_the_organization_is_german(world: World) -> None:
    org = world.organization(country="DE")
    used(world, org, 2, call_type="user_in", caller="+4930123456", number="+4930901820")
    used(world, org, 1)
    outbound, inbound = org.api.get("/v1/usage").json["data"]
    assert (outbound["caller_id"], outbound["destination_number"]) == ("+12025550101", "+442079460***")
    assert (inbound["caller_id"], inbound["destination_number"]) == ("+4930123***", "+4930901820")


def test_calls_of_another_organization_are_not_seen(anywhere: World) -> None:
    theirs, mine = anywhere.organization(), anywhere.organization()
    used(anywhere, theirs, call_id="theirs")
    assert listed(mine) == listed(mine, call_id="theirs") == []


@pytest.mark.parametrize(
    ("query", "field"), [({"call_type": "dance"}, "call_type"), ({"from": "now"}, "from"), ({"payer": "you"}, "payer")]
)
def test_a_filter_that_makes_no_sense_is_named(world: World, query: dict[str, str], field: str) -> None:
    refused = world.organization().api.get("/v1/usage", **query)
    assert (refused.status, refused.fields) == (422, [field])
