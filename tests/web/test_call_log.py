"""The call log, in the form that tools for it already read."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert

from talktime.core.ids import org_number, uuid7
from talktime.core.time import SECOND
from talktime.storage import tables as t
from talktime.storage.database import Tx
from tests.support.usage import add_usage
from tests.web.client import START, Answer, Organization, World

RECORDS = "/v1/communications/callRecords"
BEFORE, AFTER = "2030-04-01T00:00:00Z", "2030-04-03T00:00:00Z"


def log(org: Organization, first: str = BEFORE, last: str = AFTER, function: str = "getPstnCalls") -> Answer:
    return org.api.get(f"{RECORDS}/{function}(fromDateTime={first},toDateTime={last})")


def add_block(world: World, org: Organization, user: str, seconds_ago: int, mode: str = "blocked") -> str:
    at = START - seconds_ago * SECOND
    row = {"org_id": org_number(org.id), "block_id": f"blk_{uuid7(at, 1)}", "at": at, "user_id": user}
    row |= {"mode": mode, "reason": "High Overall Usage", "by": "fraud guard"}

    def add(tx: Tx) -> None:
        tx.execute(insert(t.user_blocks), row)

    world.app.database.write(org_number(org.id) or 0, add)
    return str(row["block_id"])


def test_a_call_is_told_with_the_names_and_types_of_the_log(anywhere: World) -> None:
    org = anywhere.organization(country="FR")
    user = org.user(sign_in_name="person@example.com").json["id"]
    row = add_usage(
        anywhere.app.database, org.id, START - 60 * SECOND, user_id=user, call_id="call-a", connection_fee=1
    )
    told = json.loads(log(org).content, parse_float=Decimal)
    assert told == {
        "value": [
            {
                "id": row.usage_id,
                "callId": "call-a",
                "userId": user,
                "userPrincipalName": "person@example.com",
                "userDisplayName": "Example Person",
                "startDateTime": "2030-04-02T07:59:00Z",
                "endDateTime": "2030-04-02T08:00:15Z",
                "duration": 75,
                "charge": Decimal("0.24"),
                "currency": "USD",
                "connectionCharge": Decimal("0.000001"),
                "callType": "user_out",
                "callerNumber": "+12025550101",
                "calleeNumber": "+44207946****",
                "usageCountryCode": "US",
                "tenantCountryCode": "FR",
                "destinationContext": "international",
                "destinationName": "United Kingdom",
                "conferenceId": None,
                "licenseCapability": "MCOPSTNPP",
                "inventoryType": "Subscriber",
                "operator": None,
                "callDurationSource": "operator",
            }
        ]
    }


def test_what_is_not_known_is_null(world: World) -> None:
    org = world.organization()
    add_usage(world.app.database, org.id, START, call_type="ucap_in", context="", destination="", user_location="")
    [row] = log(org).json["value"]
    names = ("userId", "userPrincipalName", "usageCountryCode", "destinationContext", "destinationName")
    assert {row[name] for name in names} == {None}


def test_both_ends_are_included(anywhere: World) -> None:
    org = anywhere.organization()
    add_usage(anywhere.app.database, org.id, START)
    begun = "2030-04-02T08:00:00Z"
    spans = [(begun, begun), (BEFORE, begun), (begun, AFTER), ("2030-04-02T10:00:00+02:00", AFTER)]
    assert [len(log(org, *span).json["value"]) for span in spans] == [1] * len(spans)
    assert log(org, BEFORE, "2030-04-02T07:59:59.999999Z").json["value"] == []
    assert log(org, "2030-04-02T08:00:00.000001Z").json["value"] == []


def test_the_oldest_call_comes_first_and_each_page_leads_to_the_next(anywhere: World) -> None:
    org = anywhere.organization()
    made = [add_usage(anywhere.app.database, org.id, START - ago).usage_id for ago in (3_000_000, 2_000_000, 1_000_000)]
    path: str | None = f"{RECORDS}/getPstnCalls(fromDateTime={BEFORE},toDateTime={AFTER})?limit=2"
    pages: list[list[str]] = []
    while path:
        told = org.api.get(path).json
        pages.append([row["id"] for row in told["value"]])
        path = told.get("@odata.nextLink")
    assert pages == [made[:2], made[2:]]


def test_a_link_to_the_next_page_keeps_its_offset(world: World) -> None:
    org = world.organization()
    for _ in range(2):
        add_usage(world.app.database, org.id, START)
    path = f"{RECORDS}/getPstnCalls(fromDateTime=2030-04-02T02:00:00%2B02:00,toDateTime={AFTER})?limit=1"
    assert len(org.api.get(org.api.get(path).json["@odata.nextLink"]).json["value"]) == 1


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ("", "fromDateTime"),
        ("unknown", "unknown"),
        (f"fromDateTime={BEFORE}", "toDateTime"),
        (f"fromDateTime={BEFORE},toDateTime=2030-04-03", "toDateTime"),
        (f"fromDateTime={BEFORE},toDateTime=2030-04-03T00:00:00", "toDateTime"),
        (f"fromDateTime={AFTER},toDateTime={BEFORE}", "toDateTime"),
        (f"fromDateTime=2030-01-01T00:00:00Z,toDateTime={AFTER}", "fromDateTime"),
        (f"fromDateTime={BEFORE},toDateTime={AFTER},userId=x", "userId"),
        (f"fromDateTime={BEFORE},toDateTime={AFTER},toDateTime={AFTER}", "toDateTime"),
    ],
)
def test_a_span_that_cannot_be_told_is_refused(world: World, arguments: str, field: str) -> None:
    refused = world.organization().api.get(f"{RECORDS}/getPstnCalls({arguments})")
    assert (refused.status, refused.fields) == (422, [field])


def test_ninety_days_are_told(world: World) -> None:
    assert log(world.organization(), "2030-01-02T00:00:00Z", "2030-04-02T00:00:00Z").status == 200


def test_what_is_no_function_is_not_found(world: World) -> None:
    api = world.organization().api
    paths = ["getPstnCalls", "getPstnCalls(", "getCalls(fromDateTime=x)", "getPstnCalls(a)b"]
    assert [api.get(f"{RECORDS}/{path}").status for path in paths] == [404] * len(paths)


def test_calls_over_own_carriers_have_a_log_of_their_own(anywhere: World) -> None:
    org = anywhere.organization()
    add_usage(anywhere.app.database, org.id, START, call_type="dr_out", call_id="dr-1", payer="none", charge=0)
    assert log(org).json["value"] == []
    [row] = log(org, function="getDirectRoutingCalls").json["value"]
    assert (row["correlationId"], row["successfulCall"], row["duration"]) == ("dr-1", True, 75)
    assert "charge" not in row


def test_who_was_blocked_is_told(anywhere: World) -> None:
    org = anywhere.organization()
    user = org.user(sign_in_name="person@example.com", number="+12025550119").json["id"]
    blocked = add_block(anywhere, org, user, 60)
    add_block(anywhere, org, user, 30, "unblocked")
    first, second = log(org, function="getPstnBlockedUsersLog").json["value"]
    assert first == {
        "userId": user,
        "userPrincipalName": "person@example.com",
        "userDisplayName": "Example Person",
        "blockDateTime": "2030-04-02T07:59:00Z",
        "userTelephoneNumber": "+12025550119",
        "userBlockMode": "Blocked",
        "blockReason": "High Overall Usage",
        "remediationId": blocked,
    }
    assert second["userBlockMode"] == "Unblocked"


def test_blocks_are_a_report_newest_first(anywhere: World) -> None:
    org = anywhere.organization()
    one, other = org.user(sign_in_name="one@example.com").json["id"], org.user().json["id"]
    made = [add_block(anywhere, org, user, ago) for user, ago in ((one, 30), (other, 20), (one, 10))]

    def listed(**query: Any) -> list[str]:
        return [row["id"] for row in org.api.get("/v1/reports/blocked-users", **query).json["data"]]

    assert listed() == made[::-1]
    assert listed(user="one@example.com") == [made[2], made[0]]
    first = org.api.get("/v1/reports/blocked-users", limit=2).json
    assert listed(cursor=first["next"]) == made[:1]
    assert first["data"][0]["user"] == {"id": one, "name": "Example Person", "sign_in_name": "one@example.com"} | {
        "number": None
    }
    assert anywhere.organization().api.get("/v1/reports/blocked-users").json["data"] == []
