"""A database that is gone without a word, in front of the real server: who asks is told within seconds, balancers keep
the server, and it goes on when the database is back. `tests/storage/test_alive.py` has the quick part."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from talktime.web.asgi import COLD_THREADS
from tests.failover.proxy import Proxy, proxied
from tests.support.postgres import Cluster
from tests.support.server import Server, serving

pytestmark = pytest.mark.prove
SECONDS_MAX = 20.0
"""Five until somebody looks, five for the look, five for a new connection, and some for a busy machine."""


@pytest.fixture
def link(postgres: Cluster) -> Iterator[Proxy]:
    with proxied(postgres.port) as made:
        yield made


def asked_in_silence(server: Server, link: Proxy) -> list[int]:
    """What as many hear as there are threads, and more, and what is heard of the server's health meanwhile."""
    headers = {"Authorization": f"Bearer {server.operator_key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=120) as http, ThreadPoolExecutor(32) as people:
        assert http.get("/v1/operator/organizations").status_code == 200
        link.stall()
        begun = time.monotonic()
        waiting = [people.submit(http.get, "/v1/operator/organizations") for _ in range(COLD_THREADS)]
        while any(not one.done() for one in waiting):
            asked = time.monotonic()
            assert http.get("/healthz").text == "alive\n"
            assert "talktime_store_errors_total" in http.get("/metrics").text
            assert time.monotonic() - asked < 1
        assert time.monotonic() - begun < SECONDS_MAX
        statuses = [one.result().status_code for one in waiting]
        link.heal()
        assert http.get("/v1/operator/organizations").status_code == 200
    return statuses


def test_who_asks_is_told_to_come_again(postgres: Cluster, link: Proxy, tmp_path: Path) -> None:
    url = postgres.fresh_database().replace(f":{postgres.port}/", f":{link.port}/")
    with serving(url, environment={"TALKTIME_DATA": str(tmp_path)}) as server:
        assert asked_in_silence(server, link) == [503] * COLD_THREADS
