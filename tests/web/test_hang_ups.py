"""A person asks for the end of a call: its switch hears of it, and nobody else."""

from __future__ import annotations

import pytest

from talktime.actions.audit import Actor
from talktime.actions.errors import NotFound, StateConflict
from talktime.actions.hang_ups import ask_hang_up
from talktime.core.ids import org_number
from tests.web.test_switches import Edge, Listener, edge, listener

__all__ = ["edge", "listener"]


def org_id_of(edge: Edge) -> int:
    org_id = org_number(edge.org.id)
    assert org_id is not None
    return org_id


def ask(edge: Edge, call_id: str) -> None:
    org_id = org_id_of(edge)
    actor = Actor("mem_1", edge.world.clock())
    edge.world.app.database.write(org_id, ask_hang_up, org_id, call_id, actor)


def test_a_call_that_somebody_wants_ended_is_named_until_it_ends(edge: Edge) -> None:
    edge.authorize("c1")
    edge.authorize("c2")
    ask(edge, "c1")
    assert edge.beat(["c1", "c2"]) == ["c1"]
    edge.org.api.post("/v1/calls/settle", {"call_id": "c1", "duration_seconds": 60})
    assert edge.beat(["c2"]) == []


def test_asking_twice_is_asking_once_and_stands_in_the_audit_log(edge: Edge) -> None:
    edge.authorize("c1")
    ask(edge, "c1")
    ask(edge, "c1")
    rows = [row for row in edge.org.api.get("/v1/audit").json["data"] if row["action"] == "call.hang_up_asked"]
    assert [(row["actor"], row["object"]) for row in rows] == [("mem_1", "c1")]


def test_a_call_that_is_over_or_unknown_is_not_found(edge: Edge) -> None:
    edge.authorize("c1")
    edge.org.api.post("/v1/calls/release", {"call_id": "c1"})
    for call_id in ("c1", "nobodys"):
        with pytest.raises(NotFound):
            ask(edge, call_id)


def test_an_emergency_call_goes_on_whoever_asks(edge: Edge) -> None:
    body = {"call_id": "e1", "call_type": "ucap_out", "user": edge.user, "to": "911", "switch": "edge"}
    assert edge.org.api.post("/v1/calls/authorize", body).json["decision"] == "granted"
    with pytest.raises(StateConflict, match="emergency_call"):
        ask(edge, "e1")


def test_a_switch_with_an_address_is_told_of_the_one_call_at_once(edge: Edge, listener: Listener) -> None:
    edge.api.post("/v1/switches", {"name": "edge", "cut_url": listener.url})
    edge.authorize("c1")
    edge.authorize("c2")
    ask(edge, "c2")
    edge.world.app.cut_off(org_id_of(edge), call_id="c2")
    assert listener.heard.wait(10)
    assert [told for _, told in listener.told] == [{"call_ids": ["c2"]}]
