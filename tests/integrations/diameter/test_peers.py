"""Peers: greeted, watched, told good-bye; by our own client and by python-diameter's node."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from diameter.message import Message
from diameter.message.commands import DeviceWatchdogRequest, DisconnectPeerRequest
from diameter.node import Node
from diameter.node.application import SimpleThreadingApplication

from tests.http.shop import Shop
from tests.integrations.diameter.client import DISCONNECT, INITIAL, TERMINATION, WATCHDOG, Client, Closed, ccr, granted
from tests.integrations.diameter.conftest import Exchange
from tests.integrations.diameter.door import door_to
from tests.support.server import Server

pytestmark = pytest.mark.slow


def request(client: Client, made: Any) -> Any:
    made.origin_host, made.origin_realm = client.host.encode(), client.realm.encode()
    return client.ask(made)


def test_a_peer_is_greeted_with_what_we_are(exchange: Exchange) -> None:
    with Client(exchange.door.port, "switch0.example.net") as client:
        answer = client.greet()
    assert (answer.result_code, answer.origin_host, answer.origin_realm) == (2001, b"ocs.example.net", b"example.net")
    assert 4 in answer.auth_application_id
    assert answer.origin_state_id > 0


def test_a_peer_who_wants_something_else_is_sent_away(exchange: Exchange) -> None:
    with Client(exchange.door.port, "switch0.example.net") as client:
        assert client.greet(application=16777216).result_code == 5010
        assert client.is_closed()


def test_nothing_is_answered_before_the_greeting(exchange: Exchange) -> None:
    with Client(exchange.door.port, "switch0.example.net") as client, pytest.raises(Closed):
        client.initial("too early")


def test_a_watchdog_is_answered(exchange: Exchange) -> None:
    answer = request(exchange.switch().client, DeviceWatchdogRequest())
    assert (answer.header.command_code, answer.result_code) == (WATCHDOG, 2001)


def test_good_bye_is_answered_and_the_line_closed(exchange: Exchange) -> None:
    client = exchange.switch().client
    made = DisconnectPeerRequest()
    made.disconnect_cause = 0
    assert request(client, made).result_code == 2001
    assert client.is_closed()


def test_a_silent_peer_is_asked_and_then_left(exchange: Exchange) -> None:
    client = exchange.switch().client
    asked = client.receive(also_watchdogs=True)
    assert (asked.header.command_code, asked.header.is_request) == (WATCHDOG, True)
    client.send(asked.to_answer().as_bytes())
    assert client.receive(also_watchdogs=True).header.command_code == WATCHDOG
    assert client.is_closed()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda header: setattr(header, "command_code", 271), 3001),
        (lambda header: setattr(header, "application_id", 16777236), 3007),
        (lambda header: setattr(header, "is_error", True), 3008),
    ],
)
def test_what_is_not_spoken_here_is_refused(exchange: Exchange, change: Callable[[Any], None], code: int) -> None:
    switch = exchange.switch()
    made = switch.client.ccr("one", INITIAL, 0, wanted=30, **switch.parties)
    change(made.header)
    answer = switch.client.ask(made)
    assert (answer.header.is_error, Message.find_avps(answer, (268, 0))[0].value) == (True, code)


def test_many_requests_at_once_are_all_answered(exchange: Exchange) -> None:
    switch = exchange.switch(6)
    sessions = [f"many;{number}" for number in range(40)]
    for session in sessions:
        switch.client.send(switch.client.ccr(session, INITIAL, 0, wanted=30, **switch.parties).as_bytes())
    answers = [switch.client.receive() for _ in sessions]
    codes = [one.result_code for one in answers]
    # 10 is enough for twenty calls of five minutes at a time, of which nothing was used so far.
    assert {one.session_id for one in answers} == set(sessions)
    assert set(codes) <= {2001, 4012}
    assert 15 <= codes.count(2001) <= 21
    for session in sessions:
        switch.client.end(session, 1, used=0)
    for session in sessions:
        switch.ended(session)
    assert switch.held == "0"


def test_the_door_says_good_bye_when_it_ends(shop: Shop, platform_server: Server, tmp_path: Path) -> None:
    """With an organization's own key, and for named peers only."""
    organization = shop.organization("10")
    key = organization.key("calls")["key"]
    with door_to(platform_server.url, key, tmp_path, "--peer", "a.example.net=127.0.0.1") as door:
        with Client(door.port, "b.example.net") as stranger:
            assert stranger.greet().result_code == 3010
        with Client(door.port, "a.example.net") as client:
            client.greet()
            first = client.initial("last", user=f"sip:{organization.caller}", to="tel:+442079460123")
            assert granted(first) == 300
            client.end("last", 1, used=30)
            assert door.process
            door.process.terminate()
            asked = client.receive()
            assert (asked.header.command_code, asked.disconnect_cause) == (DISCONNECT, 0)
            client.send(asked.to_answer().as_bytes())
            assert client.is_closed()
        assert door.stop() == 0
    assert organization.api.get("/v1/calls/diameter:last").json["state"] == "settled"


def test_a_node_that_others_have_written_makes_a_call(exchange: Exchange) -> None:
    organization = exchange.organizations[0]
    node = Node("switch0.example.net", "example.net", ip_addresses=["127.0.0.1"], tcp_port=0)
    node.wakeup_interval = 1
    where = {"realm_name": "example.net", "ip_addresses": ["127.0.0.1"]}
    peer = node.add_peer(f"aaa://ocs.example.net:{exchange.door.port}", **where, is_persistent=True)
    application = SimpleThreadingApplication(4, is_auth_application=True)
    node.add_application(application, [peer])
    node.start()
    try:
        application.wait_for_ready(timeout=20)
        parties = {"user": f"sip:{organization.caller}", "to": "tel:+442079460123"}
        made = ("switch0.example.net", "example.net", f"node;{time.time()}")
        assert granted(application.send_request(ccr(*made, INITIAL, 0, wanted=30, **parties), timeout=10)) == 300
        assert application.send_request(ccr(*made, TERMINATION, 1, used=30), timeout=10).result_code == 2001
    finally:
        node.stop(wait_timeout=5)
