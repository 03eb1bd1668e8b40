"""Switches: what they no longer know ends, what they must end they are told."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from talktime import app as wiring
from talktime.actions.switches import hang_up_all
from talktime.settings import Settings
from talktime.storage import switch_store
from tests.support.loopback import STOPS_AFTER
from tests.web.client import Client, Organization, World
from tests.web.conftest import opened

HEARTBEAT = "/v1/switches/edge/heartbeat"


class Edge:
    """A switch of an organization with money and somebody who calls."""

    def __init__(self, world: World, by: Client | None = None) -> None:
        self.world = world
        self.org = world.organization(price_list=world.price_list())
        self.org.grant("30")
        self.user = self.org.caller()
        self.api = by or self.org.api

    def authorize(self, call_id: str, switch: str | None = "edge") -> Any:
        body = {"call_id": call_id, "call_type": "ucap_out", "user": self.user, "to": "+12025550117"}
        return self.api.post("/v1/calls/authorize", body | {"switch": switch, "organization": self.org.id}).json

    def answered(self, call_id: str) -> None:
        assert self.org.api.post("/v1/calls/answered", {"call_id": call_id}).status == 200

    def beat(self, active: list[str] | None = None, boot: str = "boot-1") -> list[str]:
        answer = self.api.post(HEARTBEAT, {"boot_id": boot, "active_call_ids": active})
        assert answer.status == 200, answer.content
        return list(answer.json["hang_up"])

    def state(self, call_id: str) -> str:
        return str(self.org.api.get(f"/v1/calls/{call_id}").json["state"])

    def held(self) -> str:
        return str(self.org.api.get("/v1/balance").json["held"])


@pytest.fixture
def edge(anywhere: World) -> Edge:
    return Edge(anywhere)


def test_a_call_that_two_lists_do_not_name_and_nobody_spoke_of_is_charged_its_grant(edge: Edge) -> None:
    edge.authorize("c1")
    edge.answered("c1")
    edge.beat([])
    assert edge.state("c1") == "open"
    edge.world.clock.pass_seconds(31)
    edge.beat([])
    assert (edge.state("c1"), edge.held(), edge.org.balance) == ("stale", "0", "29.4")


def test_an_unanswered_call_that_its_switch_has_lost_is_released(edge: Edge) -> None:
    edge.authorize("c1")
    edge.beat([])
    edge.world.clock.pass_seconds(31)
    edge.beat([])
    assert (edge.state("c1"), edge.held(), edge.org.balance) == ("released", "0", "30")


def test_a_late_report_corrects_the_charge_of_a_lost_call(edge: Edge) -> None:
    test_a_call_that_two_lists_do_not_name_and_nobody_spoke_of_is_charged_its_grant(edge)
    settled = edge.org.api.post("/v1/calls/settle", {"call_id": "c1", "duration_seconds": 60})
    assert settled.json["charge"] == "0.12"
    assert edge.org.balance == "29.88"


def test_a_call_that_was_heard_of_lately_is_not_lost(edge: Edge) -> None:
    edge.authorize("c1")
    edge.beat([])
    edge.world.clock.pass_seconds(31)
    edge.org.api.post("/v1/calls/extend", {"call_id": "c1", "granted_seconds": 300})
    edge.beat([])
    assert edge.state("c1") == "open"


def test_a_list_that_names_a_call_proves_it(edge: Edge) -> None:
    edge.authorize("c1")
    for active in (["c1"], [], ["c1"], []):
        edge.world.clock.pass_seconds(25)
        edge.beat(active)
    assert edge.state("c1") == "open"


def test_after_a_restart_the_lists_begin_anew(edge: Edge) -> None:
    edge.authorize("c1")
    edge.beat([])
    edge.world.clock.pass_seconds(31)
    edge.beat([], boot="boot-2")
    assert edge.state("c1") == "open"


def test_a_switch_without_lists_loses_no_call(edge: Edge) -> None:
    edge.authorize("c1")
    for _ in range(3):
        edge.world.clock.pass_seconds(40)
        edge.beat(None)
    assert edge.state("c1") == "open"


def test_the_operators_switch_and_an_organizations_of_the_same_name_do_not_mix(anywhere: World) -> None:
    mine = Edge(anywhere)
    mine.authorize("mine")
    operators = Edge(anywhere, by=anywhere.operator)
    operators.authorize("theirs")
    for _ in range(2):
        anywhere.clock.pass_seconds(31)
        operators.beat([])
    assert (mine.state("mine"), operators.state("theirs")) == ("open", "released")


def test_the_calls_of_a_closed_organization_are_to_be_hung_up(edge: Edge) -> None:
    edge.authorize("c1")
    edge.authorize("elsewhere", switch="other")
    assert edge.beat(["c1"]) == []
    edge.world.operator.delete(edge.org.path)
    assert edge.beat(["c1"]) == ["c1"]
    assert edge.org.api.post("/v1/calls/settle", {"call_id": "c1", "duration_seconds": 60}).json["charge"] == "0.12"
    assert edge.beat([]) == []


def test_a_closed_organization_gets_no_new_calls(edge: Edge) -> None:
    edge.world.operator.delete(edge.org.path)
    refused = edge.authorize("c1")
    assert (refused["reason"], refused["sip"]["code"]) == ("organization_closed", 403)


class Listener:
    """A switch that can be told at once."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.heard = threading.Event()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                listener.told.append((self.headers["authorization"], body))
                self.send_response(204)
                self.end_headers()
                listener.heard.set()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(STOPS_AFTER,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/cut"


@pytest.fixture
def listener() -> Iterator[Listener]:
    one = Listener()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_a_switch_with_an_address_is_told_at_once(edge: Edge, listener: Listener) -> None:
    made = edge.api.post("/v1/switches", {"name": "edge", "cut_url": listener.url, "cut_token": "example-token"})
    assert (made.status, made.json["has_cut_token"]) == (201, True)
    assert b"example-token" not in made.content
    edge.authorize("c1")
    edge.world.operator.delete(edge.org.path)
    assert listener.heard.wait(10)
    assert listener.told == [("Bearer example-token", {"call_ids": ["c1"]})]


def test_where_organizations_are_strangers_their_switches_lead_nobody_behind_our_walls(
    edge: Edge, listener: Listener
) -> None:
    edge.api.post("/v1/switches", {"name": "edge", "cut_url": listener.url, "cut_token": "example-token"})
    edge.authorize("c1")
    app, org_id = edge.world.app, int(edge.org.id.removeprefix("org_"), 16)
    hang_up_all(app.database, app.vault, org_id, internal=False)
    assert listener.told == []
    hang_up_all(app.database, app.vault, org_id)
    assert listener.told == [("Bearer example-token", {"call_ids": ["c1"]})]


def test_the_setting_decides_whether_they_may(
    empty_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: Queue[bool] = Queue()
    monkeypatch.setattr(wiring, "hang_up_all", lambda *_, internal: told.put(internal))
    for may in (True, False):
        shutil.copytree(empty_data, tmp_path / str(may))
        with opened(Settings(data=tmp_path / str(may), switches_to_internal=may)) as world:
            world.app.cut_off(1)
            assert told.get(timeout=10) is may


def test_the_operators_switch_is_told_wherever_it_stands(anywhere: World, listener: Listener) -> None:
    edge = Edge(anywhere, anywhere.operator)
    edge.api.post("/v1/switches", {"name": "edge", "cut_url": listener.url, "cut_token": "example-token"})
    edge.authorize("c1")
    app, org_id = anywhere.app, int(edge.org.id.removeprefix("org_"), 16)
    hang_up_all(app.database, app.vault, org_id, internal=False)
    assert [body for _, body in listener.told] == [{"call_ids": ["c1"]}]


def test_the_token_of_a_switch_is_stored_encrypted(edge: Edge, listener: Listener) -> None:
    edge.api.post("/v1/switches", {"name": "edge", "cut_url": listener.url, "cut_token": "example-token"})
    org_id = int(edge.org.id.removeprefix("org_"), 16)
    row = edge.world.app.database.read(org_id, switch_store.find, org_id, "edge")
    assert row is not None and row.cut_token is not None and b"example-token" not in row.cut_token


@pytest.mark.parametrize("url", ["ftp://switch.example", "switch.example", "http://", "javascript:alert(1)"])
def test_an_address_that_nobody_can_be_told_at_is_refused(world: World, url: str) -> None:
    org = world.organization()
    refused = org.api.post("/v1/switches", {"name": "edge", "cut_url": url})
    assert (refused.status, refused.fields) == (422, ["cut_url"])


def test_switches_are_made_read_changed_listed_and_forgotten(anywhere: World) -> None:
    api = anywhere.organization().api
    for name in ("b", "a", "c"):
        assert api.post("/v1/switches", {"name": name}).status == 201
    assert api.post("/v1/switches", {"name": "a"}).code == "already_used"
    first = api.get("/v1/switches", limit=2).json
    rest = api.get("/v1/switches", limit=2, cursor=first["next"]).json
    assert [row["name"] for row in first["data"] + rest["data"]] == ["a", "b", "c"]
    changed = api.patch("/v1/switches/a", {"cut_url": "http://127.0.0.1:9/cut"})
    assert changed.json["cut_url"] == "http://127.0.0.1:9/cut"
    assert api.patch("/v1/switches/a", {"cut_url": None}).json["cut_url"] is None
    assert api.delete("/v1/switches/a").status == 204
    assert [api.get("/v1/switches/a").status, api.delete("/v1/switches/a").status] == [404, 404]


def test_who_asks_again_under_the_same_idempotency_key_makes_no_second_switch(anywhere: World) -> None:
    api = anywhere.organization().api
    first, again = (api.post("/v1/switches", {"name": "a"}, idempotency_key="one") for _ in range(2))
    assert (again.status, again.json, again.headers["idempotent-replayed"]) == (201, first.json, "true")


@pytest.mark.parametrize("name", ["a b", "caf%C3%A9", "x" * 65])
def test_a_switch_that_nobody_could_name_does_not_register_itself(world: World, name: str) -> None:
    org = world.organization()
    refused = org.api.post(f"/v1/switches/{name.replace(' ', '%20')}/heartbeat", {"boot_id": "boot-1"})
    assert (refused.status, refused.fields) == (422, ["name"])


def test_silence_is_counted_and_ends_nothing(edge: Edge) -> None:
    edge.authorize("c1")
    edge.beat(["c1"])
    assert edge.world.app.watch() == []
    edge.world.clock.pass_seconds(16)
    assert edge.world.app.watch() == ["edge"]
    assert edge.state("c1") == "open"


def test_two_organizations_do_not_see_each_others_switches(anywhere: World) -> None:
    one, other = anywhere.organization(), anywhere.organization()
    one.api.post("/v1/switches", {"name": "edge"})
    assert other.api.get("/v1/switches/edge").status == 404
    assert other.api.get("/v1/switches").json["data"] == []


def _due(org: Organization, call_id: str) -> Any:
    return org.api.get(f"/v1/calls/{call_id}").json["state"]


def test_a_hold_that_nobody_ends_dies_by_itself(edge: Edge) -> None:
    edge.authorize("ringing")
    edge.authorize("talking")
    edge.answered("talking")
    edge.world.clock.pass_seconds(361)
    assert edge.world.app.sweep() == 1
    assert (_due(edge.org, "ringing"), _due(edge.org, "talking")) == ("open", "stale")
    edge.world.clock.pass_seconds(60)
    edge.world.app.sweep()
    assert (_due(edge.org, "ringing"), edge.held(), edge.org.balance) == ("released", "0", "29.4")


def test_a_lot_expires_once_though_the_sweep_comes_often(anywhere: World) -> None:
    org = anywhere.organization()
    org.grant("5", expires_at="2030-04-03T00:00:00Z")
    anywhere.clock.pass_days(2)
    assert org.balance == "0"
    assert [anywhere.app.sweep(), anywhere.app.sweep()] == [1, 0]
    assert [(entry["kind"], entry["amount"]) for entry in org.entries] == [("expiry", "-5"), ("grant", "5")]
