"""Usage added up, and what it says of the days to come."""

from __future__ import annotations

from typing import Any

import pytest

from talktime.core.time import DAY, MINUTE
from tests.support.usage import add_usage
from tests.web.client import START, Organization, World

HOUR = 60 * MINUTE


def summary(org: Organization, by: str, **query: Any) -> list[tuple[str, str, int, int, str]]:
    told = org.api.get("/v1/reports/usage-summary", by=by, **query).json
    return [(row["key"], row["label"], row["calls"], row["minutes"], row["charge"]) for row in told["data"]]


def add(world: World, org: Organization, ago: int = HOUR, **fields: Any) -> None:
    world.made_up.add("I18")
    add_usage(world.app.database, org.id, START - ago, **fields)


def test_usage_is_added_up_by_what_is_asked_for(anywhere: World) -> None:
    org = anywhere.organization()
    user = org.user(name="Anna").json["id"]
    add(anywhere, org, user_id=user, charge=500_000)
    add(anywhere, org, user_id=user, charge=0, minutes=3, payer="pool", destination="US", call_type="conf_out")
    add(anywhere, org, destination="883", charge=100_001)
    add(anywhere, org, call_type="dr_out", charge=0, payer="none")
    assert summary(org, "user") == [(user, "Anna", 2, 5, "0.5"), ("", "", 1, 2, "0.100001")]
    assert summary(org, "destination") == [
        ("GB", "United Kingdom", 1, 2, "0.5"),
        ("883", "883", 1, 2, "0.100001"),
        ("US", "United States", 1, 3, "0"),
    ]
    assert summary(org, "call_type") == [
        ("user_out", "user_out", 2, 4, "0.600001"),
        ("conf_out", "conf_out", 1, 3, "0"),
    ]
    assert summary(org, "payer") == [("credits", "credits", 2, 4, "0.600001"), ("pool", "pool", 1, 3, "0")]
    told = org.api.get("/v1/reports/usage-summary").json
    assert (told["total"], told["currency"]) == ({"calls": 3, "minutes": 7, "charge": "0.600001"}, "USD")


def test_a_call_that_two_paid_is_one_call(anywhere: World) -> None:
    org = anywhere.organization()
    add(anywhere, org, 2 * MINUTE, call_id="split", payer="pool", charge=0)
    add(anywhere, org, MINUTE, call_id="split", part=1)
    assert [row[2] for row in summary(org, "user")] == [1]
    assert [row[2] for row in summary(org, "day")] == [1]
    assert {row[0]: row[2] for row in summary(org, "payer")} == {"credits": 1, "pool": 1}


def test_days_and_hours_are_the_organizations_own(anywhere: World) -> None:
    """7:59 UTC is 13:44 in Kathmandu, and 18:00 UTC is the last hour of its day."""
    org = anywhere.organization(time_zone="Asia/Kathmandu")
    add(anywhere, org, MINUTE)
    add(anywhere, org, 14 * HOUR)
    assert [row[0] for row in summary(org, "day")] == ["2030-04-01", "2030-04-02"]
    assert [row[0] for row in summary(org, "hour")] == ["13", "23"]
    assert [row[0] for row in summary(org, "weekday_hour")] == ["1-23", "2-13"]


def test_only_what_lies_in_the_range_is_added_up(anywhere: World) -> None:
    org = anywhere.organization()
    for ago in (0, 1, DAY, DAY + 1):
        add(anywhere, org, ago)
    span = {"from": "2030-04-01T08:00:00Z", "to": "2030-04-02T08:00:00Z"}
    assert sum(row[2] for row in summary(org, "day", **span)) == 2
    assert sum(row[2] for row in summary(org, "user", **span)) == 2
    assert summary(anywhere.organization(), "user", **span) == []


def test_of_many_the_dearest_are_told_and_all_are_counted(world: World) -> None:
    org = world.organization()
    for cents in range(1, 4):
        add(world, org, destination=f"88{cents}", charge=10_000 * cents)
    told = org.api.get("/v1/reports/usage-summary", by="destination", limit=1).json
    assert [row["key"] for row in told["data"]] == ["883"]
    assert (told["total"]["calls"], told["total"]["charge"]) == (3, "0.06")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "colour"}, "by"),
        ({"from": "2028-04-01T00:00:00Z"}, "from"),
        ({"from": "2030-04-03T00:00:00Z"}, "to"),
        ({"to": "2030-04-03"}, "to"),
    ],
)
def test_a_sum_that_makes_no_sense_is_refused(world: World, query: dict[str, str], field: str) -> None:
    refused = world.organization().api.get("/v1/reports/usage-summary", **query)
    assert (refused.status, refused.fields) == (422, [field])


def forecast(org: Organization) -> dict[str, Any]:
    told = org.api.get("/v1/reports/spend-forecast").json
    return {one["name"]: one for one in told["forecasts"]}


def test_the_balance_lasts_as_long_as_the_days_before_say(anywhere: World) -> None:
    """2.80 in the last week, 5.60 in four: 0.40 or 0.20 a day."""
    org = anywhere.organization()
    org.grant("4")
    add(anywhere, org, 2 * DAY, charge=2_800_000)
    add(anywhere, org, 20 * DAY, charge=2_800_000, payer="postpaid")
    told = forecast(org)
    assert (told["last_7_days"]["per_day"], told["last_7_days"]["days_left"]) == (["0.4"] * 7, 10)
    assert (told["last_28_days"]["per_day"], told["last_28_days"]["days_left"]) == (["0.2"] * 7, 20)
    assert told["last_7_days"]["ends_on"] == "2030-04-12"


def test_weekdays_have_forecasts_of_their_own(world: World) -> None:
    """A dollar every Monday; it is Tuesday, and there is enough for three of them."""
    org = world.organization()
    org.grant("3.5")
    for weeks in range(4):
        add(world, org, DAY + weeks * 7 * DAY, charge=1_000_000)
    told = forecast(org)["same_weekday"]
    assert told["per_day"] == ["1", *["0"] * 6]
    assert (told["days_left"], told["ends_on"]) == (27, "2030-04-29")


def test_what_is_not_spent_lasts(world: World) -> None:
    org = world.organization()
    org.grant("1")
    add(world, org, 2 * DAY, payer="pool", charge=0)
    add(world, org, 0)
    assert {one["days_left"] for one in forecast(org).values()} == {None}


def test_nothing_does_not_last(world: World) -> None:
    org = world.organization()
    add(world, org, 2 * DAY)
    told = forecast(org)["last_7_days"]
    assert (told["days_left"], told["ends_on"]) == (0, "2030-04-02")


def test_every_figure_says_how_it_was_found(world: World) -> None:
    org = world.organization(time_zone="Pacific/Auckland")
    told = org.api.get("/v1/reports/spend-forecast").json
    assert told["today"] == "2030-04-02"
    assert all(one["method"].endswith(".") for one in [*told["forecasts"], told])
