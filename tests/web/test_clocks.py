"""Test organizations live by a clock of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.client import Organization, World


def moved(world: World, org: Organization, to: str) -> Any:
    return world.operator.put(f"{org.path}/clock", {"now": to})


@pytest.fixture
def org(anywhere: World) -> Organization:
    return anywhere.organization(mode="test", price_list=anywhere.price_list())


def test_what_falls_due_on_the_way_has_happened_in_order_when_it_answers(anywhere: World, org: Organization) -> None:
    moved(anywhere, org, "2031-01-01T00:00:00Z")
    org.grant("10", expires_at="2031-01-01T00:05:00Z")
    org.grant("1", expires_at="2032-01-01T00:00:00Z")
    user = org.caller()
    call = {"call_id": "c1", "call_type": "ucap_out", "user": user, "to": "+12025550117"}
    org.api.post("/v1/calls/authorize", call)
    org.api.post("/v1/calls/answered", {"call_id": "c1"})
    moved(anywhere, org, "2032-06-01T00:00:00Z")
    told = [(entry["kind"], entry["amount"], entry["at"]) for entry in org.entries[::-1]]
    assert told[2:] == [
        ("expiry", "-9.4", "2031-01-01T00:05:00Z"),
        ("charge", "-0.6", "2031-01-01T00:06:00Z"),
        ("expiry", "-1", "2032-01-01T00:00:00Z"),
    ]


def test_a_year_in_steps_and_in_one_jump_gives_the_same_books(anywhere: World) -> None:
    books = []
    for stops in (["2032-01-01T00:00:00Z"], [f"2031-{month:02}-01T00:00:00Z" for month in range(2, 13)]):
        org = anywhere.organization(mode="test")
        moved(anywhere, org, "2031-01-01T00:00:00Z")
        for month in (3, 6, 9):
            org.grant(str(month), expires_at=f"2031-{month:02}-15T12:00:00Z")
        for stop in [*stops, "2032-01-01T00:00:00Z"]:
            assert moved(anywhere, org, stop).status == 200
        books.append([(entry["kind"], entry["amount"], entry["at"]) for entry in org.entries])
    assert books[0] == books[1]
    assert len(books[0]) == 6


def test_it_goes_forward_only_and_may_stand(anywhere: World, org: Organization) -> None:
    assert moved(anywhere, org, "2031-01-01T00:00:00Z").status == 200
    assert moved(anywhere, org, "2031-01-01T00:00:00Z").status == 200
    assert moved(anywhere, org, "2030-12-31T23:59:59Z").code == "clock_goes_forward"


def test_it_runs_with_ours_until_it_is_moved(anywhere: World, org: Organization) -> None:
    org.grant("1", expires_at="2030-04-03T00:00:00Z")
    anywhere.clock.pass_days(2)
    anywhere.app.sweep()
    assert org.entries[0]["kind"] == "expiry"
    moved(anywhere, org, "2031-01-01T00:00:00Z")
    org.grant("1", expires_at="2031-01-02T00:00:00Z")
    anywhere.clock.pass_days(700)
    anywhere.app.sweep()
    assert org.balance == "1"


def test_a_live_organization_has_none(anywhere: World) -> None:
    assert moved(anywhere, anywhere.organization(), "2031-01-01T00:00:00Z").code == "not_a_test_organization"


def test_nobody_elses_clock_is_there(anywhere: World) -> None:
    assert (
        anywhere.operator.put("/v1/operator/organizations/org_77/clock", {"now": "2031-01-01T00:00:00Z"}).status == 404
    )
