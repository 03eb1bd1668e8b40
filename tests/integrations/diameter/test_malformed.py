"""Malformed packets never hurt: each costs its sender an answer or the line, and nobody else anything."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from threading import Thread

import psutil
import pytest

from tests.http.parsers import MEMORY_BYTES_MAX, SECONDS_MAX, Figures, Parser, examine
from tests.integrations.diameter import hostile
from tests.integrations.diameter.client import Client, Closed, granted
from tests.integrations.diameter.conftest import Exchange

pytestmark = pytest.mark.slow
CASES = 3000
SENT = 600


def test_whatever_comes_is_read_or_refused() -> None:
    figures = Figures()
    examine(Parser("diameter", hostile.read, hostile.seeds()), hostile.spoiled(CASES, seed=1), figures)
    assert figures.untyped == []
    assert figures.slowest_seconds < SECONDS_MAX
    assert CASES / 4 < figures.refused < CASES


def test_groups_in_groups_are_not_followed() -> None:
    raw = hostile.seeds()[1]
    deep = raw + hostile.nested(3000)
    assert hostile.read(b"\x01" + len(deep).to_bytes(3) + deep[4:])


@pytest.fixture
def caller(exchange: Exchange) -> Iterator[Thread]:
    """Somebody who goes on calling."""
    switch = exchange.switch(1)
    stop: list[int] = []
    wrong: list[int] = []

    def call() -> None:
        number = 0
        while not stop:
            session = f"meanwhile;{time.time()};{number}"
            first = switch.initial(session, user="sip:nobody@example.net")
            if first.result_code != 5030:
                wrong.append(first.result_code)
            number += 1
        stop.append(number)

    thread = Thread(target=call)
    thread.start()
    yield thread
    stop.append(0)
    thread.join()
    assert wrong == []
    assert stop[-1] > 0


def test_a_running_door_goes_on_for_all_others(exchange: Exchange, caller: Thread) -> None:
    assert exchange.door.process
    process = psutil.Process(exchange.door.process.pid)
    before = process.memory_info().rss
    closed = hostile.attack(exchange.door.port, SENT, seed=2)
    assert caller.is_alive()
    assert closed > 0
    assert process.memory_info().rss - before < MEMORY_BYTES_MAX
    assert not re.search("request failed|connection failed|Traceback|never retrieved", exchange.door.log.read_text())


def test_after_all_that_a_call_is_made(exchange: Exchange) -> None:
    switch = exchange.switch()
    assert granted(switch.initial("after;1")) == 300
    switch.client.end("after;1", 1, used=0)
    assert switch.ended("after;1")["state"] == "released"


@pytest.mark.parametrize("raw", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01" * 20, b"\x01\xff\xff\xff" * 5])
def test_what_is_not_diameter_is_hung_up_on(exchange: Exchange, raw: bytes) -> None:
    with Client(exchange.door.port) as client:
        client.send(raw)
        assert client.is_closed()


def test_a_crowd_of_connections_leaves_room_for_those_that_are_there(exchange: Exchange) -> None:
    switch = exchange.switch()
    crowd = [socket.create_connection(("127.0.0.1", exchange.door.port), timeout=10) for _ in range(250)]
    try:
        assert switch.initial("crowd;1").result_code == 2001
        switch.client.end("crowd;1", 1, used=0)
    finally:
        for one in crowd:
            one.close()
    until = time.monotonic() + 20
    while True:
        try:
            exchange.switch()
            return
        except (Closed, ConnectionError):
            assert time.monotonic() < until
            time.sleep(0.1)
