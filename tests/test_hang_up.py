"""A call that must end is cut at its switch: who is blocked, whose organization is closed, what somebody hangs up.

The whole way, with the real server: at once to the address of the switch, and to whoever has none by its heartbeat.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from talktime.app import open_app
from talktime.settings import Settings
from tests.http.shop import Organization, Shop, good, place
from tests.portal.client import PortalWorld, Reader
from tests.support.receiver import Receiver, receiver
from tests.support.server import Server, serving
from tests.web.client import Clock, World
from tests.web.client import Organization as Prepared

pytestmark = pytest.mark.slow
AT_ONCE = 10.0
"""Far less than a heartbeat would take that nobody sends."""
TOKEN = "example-cut-token"


@dataclass(frozen=True)
class Exchange:
    """A server, and an organization with a switch that can be told."""

    server: Server
    shop: Shop
    org: Organization
    switch: Receiver

    def call(self, call_id: str, to: str = "+442079460123", switch: str = "edge", **more: str) -> Any:
        return good(self.org.api.post("/v1/calls/authorize", self.org.call(call_id, to=to, switch=switch, **more)))

    def told(self) -> list[tuple[str, list[str]]]:
        return [(heard.headers["authorization"], heard.json["call_ids"]) for heard in list(self.switch.heard)]

    def beat(self, switch: str = "edge") -> list[str]:
        answer = self.org.api.post(f"/v1/switches/{switch}/heartbeat", {"boot_id": "1", "active_call_ids": None})
        return list(good(answer)["hang_up"])


@dataclass(frozen=True)
class Place:
    server: Server
    shop: Shop
    admin: str
    """The cookie of somebody who is signed in, and his organization."""
    org: str


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """On PostgreSQL two processes: whoever is asked tells the switch of a call that another has granted."""
    folder = tmp_path_factory.mktemp("hang-up")
    with place(request.param, folder, lambda: request.getfixturevalue("postgres")) as where:
        secret = "A" * 43 + "="
        data, database = (where, None) if isinstance(where, Path) else (folder, where)
        org, cookie = signed_in(Settings(data=data, database=database, secret_key=secret))
        workers = ["--workers", "2"] if database else []
        with serving(where, *workers, environment={"TALKTIME_SECRET_KEY": secret}) as server:
            shop = Shop.opened(server.url, server.operator_key)
            yield Place(server, shop, cookie, org)
            shop.close()


def signed_in(settings: Settings) -> tuple[str, str]:
    """Somebody of an organization who may hang up, as if he had signed in a moment ago."""
    clock = Clock(time.time_ns() // 1000)
    app = open_app(settings, clock)
    world = World(app, clock)
    portal = PortalWorld(world)
    try:
        org: Prepared = world.organization(country="GB")
        reader = portal.as_role(org, "communications_administrator")
        return org.id, reader.cookies["talktime"]
    finally:
        portal.close()
        world.door.close()
        app.close()


@pytest.fixture
def exchange(ground: Place) -> Iterator[Exchange]:
    with receiver() as switch:
        made = Exchange(ground.server, ground.shop, ground.shop.organization("10"), switch)
        address = {"name": "edge", "cut_url": switch.url, "cut_token": TOKEN}
        good(made.org.api.post("/v1/switches", address))
        yield made


def soon(condition: Callable[[], object]) -> None:
    until = time.monotonic() + AT_ONCE
    while not condition():
        assert time.monotonic() < until, "the switch was not told"
        time.sleep(0.02)


def three_calls(exchange: Exchange) -> None:
    """One that ends, one at a switch without an address, and an emergency."""
    exchange.call("one")
    exchange.call("elsewhere", switch="far")
    assert exchange.call("emergency", to="999")["emergency"]
    assert (exchange.beat(), exchange.beat("far")) == ([], [])


def test_the_calls_of_a_blocked_user_are_cut(exchange: Exchange) -> None:
    three_calls(exchange)
    good(exchange.org.api.post(f"/v1/users/{exchange.org.caller_id}/block", {"reason": "stolen telephone"}))
    soon(exchange.told)
    assert exchange.told() == [(f"Bearer {TOKEN}", ["one"])]
    assert (exchange.beat(), exchange.beat("far")) == (["one"], ["elsewhere"])


def test_the_calls_of_whom_the_fraud_guard_blocks_are_cut(exchange: Exchange) -> None:
    three_calls(exchange)
    good(exchange.org.operator.patch(exchange.org.path, {"limits": {"fraud": {"concurrent_calls": 2}}}))
    assert exchange.call("too-many")["reason"] == "fraud_limit"
    soon(exchange.told)
    assert exchange.told() == [(f"Bearer {TOKEN}", ["one"])]
    assert (exchange.beat(), exchange.beat("far")) == (["one"], ["elsewhere"])


def test_the_calls_of_a_closed_organization_are_cut(exchange: Exchange) -> None:
    three_calls(exchange)
    good(exchange.org.operator.delete(exchange.org.path))
    soon(exchange.told)
    assert exchange.told() == [(f"Bearer {TOKEN}", ["one"])]
    assert (exchange.beat(), exchange.beat("far")) == (["one"], ["elsewhere"])


def test_what_was_cut_is_charged_and_named_no_more(exchange: Exchange) -> None:
    three_calls(exchange)
    good(exchange.org.api.post(f"/v1/users/{exchange.org.caller_id}/block", {"reason": "stolen telephone"}))
    soon(exchange.told)
    settled = good(exchange.org.api.post("/v1/calls/settle", {"call_id": "one", "duration_seconds": 61}))
    good(exchange.org.api.post("/v1/calls/release", {"call_id": "elsewhere"}))
    assert (settled["charge"], settled["balance"]["held"]) == ("0.2", "0.5")
    assert (exchange.beat(), exchange.org.balance()["held"]) == ([], "0")


def test_a_switch_that_does_not_listen_hears_it_by_its_heartbeat(exchange: Exchange) -> None:
    exchange.switch.status = 500
    exchange.call("one")
    good(exchange.org.api.post(f"/v1/users/{exchange.org.caller_id}/block", {"reason": "stolen telephone"}))
    soon(exchange.told)
    assert exchange.beat() == ["one"]


class Browser:
    """The portal of the real server, as tests/portal/client.py asks the one in this process."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> httpx.Response:
        sent = {**headers, "origin": self._url} if method == "POST" else headers
        return httpx.request(method, self._url + path, content=body, headers=sent, timeout=30)


def test_the_button_of_the_portal_cuts_the_one_call(ground: Place) -> None:
    shop = ground.shop
    org = Organization(shop.operator, ground.org, shop.operator.of(ground.org))
    org.grant("10")
    org.user("button@example.com")
    browser: Any = Browser(ground.server.url)
    reader = Reader(browser, ground.admin)
    with receiver() as switch:
        exchange = Exchange(ground.server, shop, org, switch)
        good(org.api.post("/v1/switches", {"name": "edge", "cut_url": switch.url, "cut_token": TOKEN}))
        exchange.call("one")
        exchange.call("two")
        forms = [form for form in reader.get("/calls/live").forms if form.action == "/calls/hang-up"]
        (wanted,) = [form for form in forms if form.values["call"] == "two"]
        assert reader.send(wanted.action, wanted.values).status == 303
        soon(exchange.told)
        assert exchange.told() == [(f"Bearer {TOKEN}", ["two"])]
        assert exchange.beat() == ["two"]
        assert "two" in {row["object"] for row in org.rows("/v1/audit") if row["action"] == "call.hang_up_asked"}
