"""When the platform is slow, broken or away, and when the door itself dies."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.integrations.diameter import messages
from talktime.integrations.diameter.avps import Wrong
from talktime.integrations.diameter.calls import Calls
from talktime.integrations.diameter.clients import Account
from talktime.integrations.diameter.codes import Code
from talktime.integrations.diameter.credit_requests import read_request
from talktime.integrations.diameter.sessions import Session
from talktime.integrations.platform import Platform
from tests.http.shop import Organization, Shop
from tests.integrations.diameter.client import INITIAL, Client, ccr, granted
from tests.integrations.diameter.conftest import QUICKLY, Exchange
from tests.integrations.diameter.door import Door, door_to
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.ports import free_port
from tests.support.server import Server, serving

pytestmark = pytest.mark.slow
NEVER_HEARD_OF = 7
AT_ONCE = 4.0
"""The door waits for 1.8 s; a machine that is busy may take its time."""


def fresh() -> str:
    return f"client.example.net;{uuid.uuid4().hex[:12]};2"


def test_a_slow_platform_refuses_the_call_and_holds_nothing(exchange: Exchange, network: FaultProxy) -> None:
    switch, session = exchange.switch(), fresh()
    network.fault_next([Fault.DELAY], on="POST /v1/calls/authorize")
    begun = time.monotonic()
    answer = switch.initial(session)
    assert (answer.result_code, answer.header.is_error) == (3004, True)
    assert time.monotonic() - begun < AT_ONCE
    assert switch.ended(session)["state"] == "released"
    assert switch.held == "0"


def test_an_answer_that_is_lost_is_no_decision(exchange: Exchange, network: FaultProxy) -> None:
    switch, session = exchange.switch(), fresh()
    network.fault_next([Fault.LOSE_ANSWER], on="POST /v1/calls/authorize")
    assert switch.initial(session).result_code == 3004
    assert switch.ended(session)["state"] == "released"
    assert switch.initial(session, again=True).result_code == 5002


def test_a_call_goes_on_with_what_it_has_while_the_platform_is_away(exchange: Exchange, network: FaultProxy) -> None:
    switch, session = exchange.switch(), fresh()
    switch.initial(session)
    network.fault_next([Fault.FAIL_BEFORE] * 2, on="POST /v1/calls/")
    assert granted(switch.client.update(session, 1, used=250)) == 50
    assert switch.client.update(session, 2, used=50).result_code == 3004
    assert granted(switch.client.update(session, 2, used=50, again=True)) == 300
    switch.client.end(session, 3, used=10)
    assert switch.ended(session)["duration_seconds"] == 310


def test_a_report_is_repeated_until_it_is_taken(exchange: Exchange, network: FaultProxy) -> None:
    switch, session = exchange.switch(), fresh()
    switch.initial(session)
    network.fault_next([Fault.FAIL_BEFORE, Fault.LOSE_ANSWER], on="POST /v1/calls/settle")
    assert switch.client.end(session, 1, used=61).result_code == 2001
    assert switch.ended(session)["charge"] == "0.2"


class Own:
    """A door that may be killed, and the only organization behind it."""

    def __init__(self, door: Door, organization: Organization) -> None:
        self.door, self.organization = door, organization
        self._clients: list[Client] = []
        self.parties = {"user": f"sip:{organization.caller}", "to": "tel:+442079460123"}

    def client(self) -> Client:
        client = Client(self.door.port)
        self._clients.append(client)
        assert client.greet().result_code == 2001
        return client

    def hang_up(self) -> None:
        for client in self._clients:
            client.socket.close()

    def ended(self, session: str) -> dict[str, object]:
        until = time.monotonic() + QUICKLY
        while True:
            story: dict[str, object] = self.organization.api.get(f"/v1/calls/diameter:{session}").json
            if story["state"] != "open":
                return story
            assert time.monotonic() < until, story
            time.sleep(0.02)


@pytest.fixture
def own(shop: Shop, platform_server: Server, tmp_path: Path) -> Iterator[Own]:
    organization = shop.organization("10", mode="test")
    with door_to(platform_server.url, organization.key("calls")["key"], tmp_path) as door:
        own = Own(door, organization)
        yield own
        own.hang_up()


def test_a_call_survives_the_death_of_the_door(own: Own) -> None:
    before = own.client()
    for session in ("updated", "ended", "unanswered"):
        assert granted(before.initial(session, **own.parties)) == 300
    # What it is told now has been talked before the door was there: nothing of it can be told afterwards.
    before.update("updated", 1, used=0)
    before.update("ended", 1, used=0)
    own.door.kill()
    own.door.start()
    after = own.client()
    more = after.update("updated", 2, used=250)
    assert more.result_code == 2001
    assert 300 <= granted(more) <= 350
    assert after.end("ended", 2, used=60).result_code == 2001
    assert after.end("unanswered", 1, used=0).result_code == 2001
    assert 60 <= int(str(own.ended("ended")["duration_seconds"])) <= 62 + QUICKLY
    assert own.ended("unanswered")["state"] == "released"
    assert after.end("ended", 2, used=60, again=True).result_code == 2001
    after.end("updated", 3, used=0)
    own.ended("updated")
    assert own.organization.balance()["held"] == "0"


def test_a_client_that_is_never_heard_of_again_is_charged_its_grant(exchange: Exchange) -> None:
    switch, answered, ringing = exchange.switch(NEVER_HEARD_OF), fresh(), fresh()
    switch.initial(answered)
    switch.initial(ringing)
    switch.client.update(answered, 1, used=20)
    switch.client.socket.close()
    switch.organization.clock("2040-01-01T00:00:00Z")
    assert switch.ended(answered)["charge"] == "0.5"
    assert switch.ended(ringing)["state"] == "released"
    assert switch.held == "0"


def test_a_platform_that_is_not_there_refuses_at_once() -> None:
    made = ccr(
        "a.example", "example", "one", INITIAL, 0, wanted=30, user="sip:desk@example.com", to="tel:+442079460123"
    )
    with Platform(f"http://127.0.0.1:{free_port()}", "tt_live_1-x-y") as platform, pytest.raises(Wrong) as caught:
        Calls(platform, "test").decide(read_request(messages.read(made.as_bytes())), Account(None), Session())
    assert caught.value.code is Code.UNABLE_TO_DELIVER


@pytest.mark.prove
def test_a_platform_that_dies_hears_later_what_has_been(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        shop = Shop.opened(server.url, server.operator_key)
        organization = shop.organization("10", mode="test")
        with door_to(server.url, organization.key("calls")["key"], tmp_path) as door:
            own = Own(door, organization)
            client = own.client()
            assert granted(client.initial("before", **own.parties)) == 300
            server.kill()
            begun = time.monotonic()
            assert client.initial("new", **own.parties).result_code == 3002
            assert granted(client.update("before", 1, used=100)) == 200
            assert client.end("before", 2, used=50).result_code == 2001
            assert time.monotonic() - begun < AT_ONCE
            server.start()
            organization.api.close()
            assert own.ended("before")["duration_seconds"] == 150
            own.hang_up()
        shop.close()
