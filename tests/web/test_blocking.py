"""Users who may not call: policies, blocks, and what the switches are told."""

from __future__ import annotations

from typing import Any

import pytest

from talktime.storage import block_store, call_store
from talktime.storage.block_store import BlockRow
from tests.web.client import Organization, World
from tests.web.test_switches import Edge, Listener, listener

__all__ = ["listener"]


def number_of(org: Organization) -> int:
    return int(org.id.removeprefix("org_"), 16)


def log_of(world: World, org: Organization, user: str) -> list[BlockRow]:
    org_id = number_of(org)
    return list(world.app.database.read(org_id, block_store.of_user, org_id, user))


def audited(org: Organization) -> list[str]:
    return [row["action"] for row in org.api.get("/v1/audit").json["data"]]


def test_a_policy_is_set_and_taken_away(anywhere: World) -> None:
    org = anywhere.organization()
    path = f"/v1/users/{org.user().json['id']}"
    assert org.api.get(path).json["policy"] is None
    changed = org.api.put(f"{path}/policy", {"policy": "DialoutCPCandPSTNDomestic"})
    assert (changed.status, changed.json["policy"]) == (200, "DialoutCPCandPSTNDomestic")
    assert org.api.put(f"{path}/policy", {"policy": None}).json["policy"] is None
    assert audited(org)[:2] == ["user.policy_changed"] * 2


@pytest.mark.parametrize("body", [{"policy": "Dance"}, {"policy": 1}, {}])
def test_a_policy_that_there_is_not_names_the_field(world: World, body: dict[str, Any]) -> None:
    org = world.organization()
    refused = org.api.put(f"/v1/users/{org.user().json['id']}/policy", body)
    assert (refused.status, refused.fields) == (422, ["policy"])


def test_a_user_is_blocked_and_unblocked_with_a_log(anywhere: World) -> None:
    org = anywhere.organization()
    user = org.user().json["id"]
    path = f"/v1/users/{user}"
    blocked = org.api.post(f"{path}/block", {"reason": "Tenant Requested"})
    assert (blocked.status, blocked.json["blocked"], blocked.json["block_reason"]) == (200, True, "Tenant Requested")
    assert blocked.json["blocked_at"] is not None
    again = org.api.post(f"{path}/block", {"reason": "Another"})
    assert again.json == blocked.json
    free = org.api.post(f"{path}/unblock").json
    assert (free["blocked"], free["block_reason"], free["blocked_at"]) == (False, None, None)
    assert org.api.post(f"{path}/unblock").json == free
    told = [(row.mode, row.reason) for row in log_of(anywhere, org, user)]
    assert told == [("Blocked", "Tenant Requested"), ("Unblocked", "Tenant Requested")]
    assert audited(org)[:2] == ["user.unblocked", "user.blocked"]


def test_a_block_happens_by_the_clock_of_the_organization_and_in_its_order(world: World) -> None:
    org = world.organization(mode="test")
    world.operator.put(f"{org.path}/clock", {"now": "2031-01-01T00:00:00Z"})
    user = org.user().json["id"]
    for _ in range(3):
        assert org.api.post(f"/v1/users/{user}/block", {"reason": "x"}).json["blocked_at"] == "2031-01-01T00:00:00Z"
        org.api.post(f"/v1/users/{user}/unblock")
    rows = log_of(world, org, user)
    assert [row.mode for row in rows] == ["Blocked", "Unblocked"] * 3
    assert len({row.at for row in rows}) == 1


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 501}, {"reason": None}])
def test_a_block_says_why(world: World, body: dict[str, Any]) -> None:
    org = world.organization()
    refused = org.api.post(f"/v1/users/{org.user().json['id']}/block", body)
    assert (refused.status, refused.fields) == (422, ["reason"])


def test_nobody_else_is_blocked(world: World) -> None:
    user = world.organization().user().json["id"]
    mine = world.organization().api
    body = {"reason": "x"}
    answers = [mine.post(f"/v1/users/{user}/block", body), mine.post(f"/v1/users/{user}/unblock")]
    answers.append(mine.put(f"/v1/users/{user}/policy", {"policy": None}))
    assert [answer.status for answer in answers] == [404, 404, 404]


def emergency(edge: Edge, call_id: str) -> None:
    body = {"call_id": call_id, "call_type": "user_out", "user": edge.user, "to": "911", "switch": "edge"}
    assert edge.org.api.post("/v1/calls/authorize", body).json["emergency"]


def test_the_calls_of_a_blocked_user_are_to_be_hung_up_but_no_emergency(anywhere: World) -> None:
    edge = Edge(anywhere)
    edge.authorize("c1")
    emergency(edge, "c2")
    blocked, edge.user = edge.user, edge.org.caller()
    edge.authorize("c3")
    assert edge.beat() == []
    edge.org.api.post(f"/v1/users/{blocked}/block", {"reason": "x"})
    assert edge.beat() == ["c1"]
    edge.org.api.post(f"/v1/users/{blocked}/unblock")
    assert edge.beat() == []
    anywhere.operator.delete(edge.org.path)
    assert edge.beat() == ["c1", "c3"]


def test_a_switch_is_told_of_a_blocked_user_at_once(world: World, listener: Listener) -> None:
    edge = Edge(world)
    edge.api.post("/v1/switches", {"name": "edge", "cut_url": listener.url, "cut_token": "example-token"})
    edge.authorize("c1")
    emergency(edge, "c2")
    edge.org.api.post(f"/v1/users/{edge.user}/block", {"reason": "x"})
    assert listener.heard.wait(10)
    assert listener.told == [("Bearer example-token", {"call_ids": ["c1"]})]


def test_a_switch_is_told_at_once_of_whom_the_fraud_guard_has_blocked(world: World, listener: Listener) -> None:
    edge = Edge(world)
    assert world.operator.patch(edge.org.path, {"limits": {"fraud": {"concurrent_calls": 1}}}).status == 200
    edge.api.post("/v1/switches", {"name": "edge", "cut_url": listener.url, "cut_token": "example-token"})
    edge.authorize("c1")
    emergency(edge, "c2")
    assert edge.authorize("c3")["reason"] == "fraud_limit"
    assert listener.heard.wait(10)
    assert listener.told == [("Bearer example-token", {"call_ids": ["c1"]})]


def test_calls_in_progress_are_found_by_who_makes_them(world: World) -> None:
    edge = Edge(world)
    edge.authorize("c1")
    caller, edge.user = edge.user, edge.org.caller()
    edge.authorize("c2")
    org_id = number_of(edge.org)
    read = world.app.database.read
    assert len(read(org_id, call_store.open_by_switch, org_id)) == 2
    assert [call for _, call in read(org_id, call_store.open_by_switch, org_id, caller)] == ["c1"]
