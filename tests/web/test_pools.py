"""Pools: what is left of this month's minutes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from talktime.core.ids import org_number
from talktime.storage import tables as t
from talktime.storage.database import Tx
from tests.web.client import Organization, World

MEETINGS = {"pool_id": "MCOMEETADD", "capability": "MCOMEETADD", "first_total": 600, "month": "2030-04"}
COMBINED = {"pool_id": "MCOPSTN2:GB", "capability": "MCOPSTN2", "country": "GB", "month": "2030-04"} | {
    "first_total": 1200,
    "second_total": 600,
}


def add(world: World, org: Organization, pool: dict[str, Any], used: dict[str, int], month: str = "2030-04") -> None:
    org_id = org_number(org.id) or 0
    world.made_up.add("I18")

    def put(tx: Tx) -> None:
        tx.execute(insert(t.pools), pool | {"org_id": org_id})
        if used:
            values = {"org_id": org_id, "pool_id": pool["pool_id"], "month": month} | used
            tx.execute(insert(t.pool_months), values)

    world.app.database.write(org_id, put)


def pools(org: Organization, **query: Any) -> list[dict[str, Any]]:
    return list(org.api.get("/v1/pools", **query).json["data"])


def test_the_pool_of_meetings_is_one_line(anywhere: World) -> None:
    org = anywhere.organization()
    add(anywhere, org, MEETINGS, {"first_used": 10, "first_held": 5})
    assert pools(org) == [
        {
            "capability": "MCOMEETADD",
            "kind": "conference",
            "country": None,
            "user": None,
            "label": "Outbound Calls to Zone A Countries",
            "total": 600,
            "used": 10,
            "held": 5,
            "available": 585,
            "period": "2030-04",
            "runs_dry_on": None,
        }
    ]


def test_a_combined_plan_has_a_line_for_each_kind(anywhere: World) -> None:
    org = anywhere.organization()
    add(anywhere, org, COMBINED, {"second_used": 100})
    told = [(row["kind"], row["country"], row["total"], row["available"]) for row in pools(org)]
    assert told == [("domestic", "GB", 1200, 1200), ("international", "GB", 600, 500)]
    assert [row["label"].rpartition(" ")[2] for row in pools(org)] == ["(domestic)", "(international)"]


def test_a_pool_of_one_user_names_him(world: World) -> None:
    org = world.organization()
    own = {"pool_id": "MCOPSTN8:usr_1", "capability": "MCOPSTN8", "country": "GB", "user_id": "usr_1"}
    add(world, org, own | {"first_total": 120, "month": "2030-04"}, {})
    assert [(row["user"], row["total"]) for row in pools(org)] == [("usr_1", 120)]


def test_minutes_that_licences_took_away_count_until_the_month_is_over(anywhere: World) -> None:
    org = anywhere.organization()
    add(anywhere, org, MEETINGS | {"first_total": 60, "first_high": 600}, {"first_used": 100})
    assert [(row["total"], row["available"]) for row in pools(org)] == [(600, 500)]
    anywhere.clock.pass_days(30)
    assert [(row["total"], row["used"], row["period"]) for row in pools(org)] == [(60, 0, "2030-05")]


def test_a_pool_that_grew_counts_whole_at_once(world: World) -> None:
    org = world.organization()
    add(world, org, MEETINGS | {"first_high": 60}, {})
    assert pools(org)[0]["total"] == 600


def test_a_pool_without_minutes_is_left_out_unless_some_were_used(world: World) -> None:
    org = world.organization()
    add(world, org, MEETINGS | {"first_total": 0}, {})
    assert pools(org) == []
    add(world, org, MEETINGS | {"pool_id": "other", "first_total": 0}, {"first_used": 3})
    assert [(row["total"], row["used"], row["available"]) for row in pools(org)] == [(0, 3, -3)]


def test_a_month_is_the_organizations_own(world: World) -> None:
    org = world.organization(time_zone="Pacific/Auckland")
    add(world, org, MEETINGS, {"first_used": 10}, "2030-05")
    world.clock.pass_days(28.2)
    assert [(row["period"], row["used"]) for row in pools(org)] == [("2030-05", 10)]


def test_it_is_foretold_when_a_pool_runs_dry(world: World) -> None:
    """300 of 600 in the first 32 hours: the rest lasts as long again."""
    org = world.organization()
    add(world, org, MEETINGS, {"first_used": 300})
    assert pools(org)[0]["runs_dry_on"] == "2030-04-03"


def test_a_pool_that_is_dry_is_dry_today(world: World) -> None:
    org = world.organization()
    add(world, org, MEETINGS, {"first_used": 600})
    assert (pools(org)[0]["available"], pools(org)[0]["runs_dry_on"]) == (0, "2030-04-02")


def test_a_page_may_end_in_the_middle_of_a_pool(anywhere: World) -> None:
    org = anywhere.organization()
    add(anywhere, org, COMBINED, {})
    add(anywhere, org, MEETINGS, {})
    add(anywhere, org, MEETINGS | {"pool_id": "empty", "first_total": 0}, {})
    seen, cursor = [], None
    for _ in range(3):
        page = org.api.get("/v1/pools", limit=1, **({"cursor": cursor} if cursor else {})).json
        seen += [(row["capability"], row["kind"]) for row in page["data"]]
        cursor = page["next"]
    assert seen == [("MCOMEETADD", "conference"), ("MCOPSTN2", "domestic"), ("MCOPSTN2", "international")]
    assert cursor is None


def test_an_unknown_capability_is_told_by_its_code(world: World) -> None:
    org = world.organization()
    add(world, org, MEETINGS | {"capability": "FORMER"}, {})
    assert [row["label"] for row in pools(org)] == ["FORMER (domestic)"]


def test_pools_of_another_organization_are_not_seen(anywhere: World) -> None:
    add(anywhere, anywhere.organization(), MEETINGS, {"first_used": 1})
    assert pools(anywhere.organization()) == []
