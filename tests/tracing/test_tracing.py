"""A call's way from request to commit, as a collector of traces is told of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from talktime.app import open_app
from talktime.settings import Settings, SettingsError, load, shown
from tests.http.shop import Organization, Shop, good
from tests.support.ports import free_port
from tests.support.postgres import Cluster
from tests.support.receiver import Heard, Receiver, receiver
from tests.support.server import serving
from tests.tracing.collector import Collector, Told

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CUT_TRACE = "1bf7651916cd43dd8448eb211c80319c"
AUTHORIZE = "POST /v1/calls/authorize"


def parent(trace: str = TRACE, flags: str = "01") -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{SPAN}-{flags}", "tracestate": "example=canary-state"}


@dataclass
class Watched:
    """What a collector was told of a server that has ended, and what stood in what it was asked."""

    collector: Collector
    cut: list[Heard] = field(default_factory=list)
    hooks: list[Heard] = field(default_factory=list)
    canaries: set[str] = field(default_factory=lambda: {"canary", "+442079460", "2079460"})

    @property
    def request(self) -> Told:
        (request,) = [span for span in self.collector.named(AUTHORIZE) if span.trace == TRACE]
        return request

    @property
    def batch(self) -> Told:
        """The one that has succeeded: where keys have just changed, another came before."""
        found = [span for span in self.collector.named("batch") if self.request.id in span.links]
        assert {span.error for span in found} <= {"", "KeysChanged"}
        (batch,) = [span for span in found if not span.error]
        return batch


@pytest.fixture(scope="module")
def watched(postgres: Cluster) -> Iterator[Watched]:
    """Several processes: each tells for itself, and what is sent is sent by the worker."""
    with Collector() as collector, receiver() as heard:
        told = Watched(collector)
        settings = {"TALKTIME_TRACING_URL": collector.url, "TALKTIME_WEBHOOKS_TO_INTERNAL": "yes"}
        with serving(postgres.fresh_database(), "--workers", "2", environment=settings) as server:
            told.canaries.add(server.operator_key)
            shop = Shop.opened(server.url, server.operator_key)
            use(shop.organization("10", name="canary Ltd"), heard, told)
            shop.close()
            # They tell the rest when they end.
            assert server.stop() == 0
        yield told


def use(org: Organization, heard: Receiver, told: Watched) -> None:
    key = org.key("calls")["key"]
    told.canaries.add(key)
    good(org.api.post("/v1/switches", {"name": "canary-edge", "cut_url": heard.url, "cut_token": "canary-token"}))
    call = org.call("canary-call", switch="canary-edge")
    good(org.api.post("/v1/calls/authorize", call, headers=parent() | {"x-request-id": "canary-request"}))
    good(org.api.post("/v1/calls/answered", {"call_id": "canary-call"}))
    assert org.api.get("/v1/calls/canary-call-that-is-not-there").status == 404
    assert org.api.get("/v1/canary").status == 404
    assert org.api.post("/v1/calls/authorize", call, headers={"Authorization": "Bearer canary-key"}).status == 401
    block = f"/v1/users/{org.caller_id}/block"
    good(org.api.post(block, {"reason": "canary reason"}, headers=parent(CUT_TRACE)))
    soon(lambda: any("call_ids" in one.json for one in heard.heard))
    hook = good(org.api.post("/v1/webhooks", {"url": heard.url, "events": ["balance_low"]}))
    told.canaries.add(hook["secret"])
    good(org.api.post(f"/v1/webhooks/{hook['id']}/test"))
    soon(lambda: any("call_ids" not in one.json for one in heard.heard))
    told.cut = [one for one in heard.heard if "call_ids" in one.json]
    told.hooks = [one for one in heard.heard if "call_ids" not in one.json]


def soon(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow
def test_a_request_goes_on_with_its_callers_trace(watched: Watched) -> None:
    request = watched.request
    assert (request.trace, request.parent, request.error) == (TRACE, SPAN, "")
    wanted = {"http.request.method": "POST", "http.route": "/v1/calls/authorize", "http.response.status_code": 200}
    assert request.attributes == wanted
    assert watched.collector.services == {"talktime"}


@pytest.mark.slow
def test_a_calls_way_is_told_from_request_to_answer(watched: Watched) -> None:
    request, batch = watched.request, watched.batch
    parts, steps = watched.collector.below(request), watched.collector.below(batch)
    assert set(parts) == {"wait", "answer"}
    assert parts["wait"].links == [batch.id]
    in_order = [steps[name] for name in ("begin", "read", "decide", "record", "commit")]
    way = [parts["wait"], *in_order, parts["answer"]]
    assert all(one.ended <= following.begun for one, following in pairwise(way))
    assert request.begun <= way[0].begun and way[-1].ended <= request.ended


@pytest.mark.slow
def test_a_batch_is_a_trace_of_its_own_and_leads_to_its_requests(watched: Watched) -> None:
    assert watched.batch.trace != TRACE
    assert watched.batch.parent == ""
    assert watched.batch.attributes == {"talktime.commands": 1}


@pytest.mark.slow
def test_a_switch_that_is_told_to_hang_up_hears_of_the_trace(watched: Watched) -> None:
    (request,) = [span for span in watched.collector.spans if span.trace == CUT_TRACE]
    assert request.name == "POST /v1/users/{user_id}/block"
    assert [one.headers["traceparent"] for one in watched.cut] == [f"00-{CUT_TRACE}-{request.id}-01"]
    assert "tracestate" not in watched.cut[0].headers


@pytest.mark.slow
def test_a_webhook_hears_of_the_trace(watched: Watched) -> None:
    (span,) = watched.collector.named("webhook")
    assert [one.headers["traceparent"].split("-")[1:3] for one in watched.hooks] == [[span.trace, span.id]]
    assert span.attributes == {"http.response.status_code": 200}


@pytest.mark.slow
def test_no_person_and_no_secret_stands_in_what_is_told(watched: Watched) -> None:
    everything = b"".join(watched.collector.bodies)
    assert b"/v1/calls/authorize" in everything and bytes.fromhex(TRACE) in everything
    assert [canary for canary in watched.canaries if canary.encode() in everything] == []
    statuses = {span.attributes.get("http.response.status_code") for span in watched.collector.spans}
    assert {200, 201, 401, 404} <= statuses
    assert watched.collector.named("unknown")


@pytest.mark.slow
def test_a_collector_that_is_away_keeps_nobody_waiting(tmp_path: Path) -> None:
    settings = {"TALKTIME_TRACING_URL": f"http://127.0.0.1:{free_port()}"}
    with serving(tmp_path / "data", environment=settings) as server:
        assert [httpx.get(f"{server.url}/readyz").status_code for _ in range(20)] == [200] * 20
        assert server.stop() == 0


def test_the_caller_decides_and_else_so_many_in_a_hundred() -> None:
    """In a process of its own: a library that is loaded stays loaded."""
    script = """
import asyncio, sys
from talktime.tracing.tracing import Tracing

async def door(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})

async def ignored(message):
    pass

for percent in (0, 100):
    tracing = Tracing(sys.argv[1], percent)
    for flags in ("", "00", "01"):
        headers = [(b"traceparent", f"00-{'a' * 32}-{'b' * 16}-{flags}".encode())] if flags else []
        traced = tracing.door(door, lambda scope: f"{percent} {flags}")
        asyncio.run(traced({"type": "http", "headers": headers}, None, ignored))
    tracing.close()
"""
    with Collector() as collector:
        subprocess.run([sys.executable, "-c", script, collector.url], check=True, timeout=120)
        assert [span.name for span in collector.spans] == ["0 01", "100 ", "100 01"]


def test_without_an_address_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    script = f"""
import sys
from talktime.server import Api, CODECS
from talktime.app import open_app
from talktime.settings import load
app = open_app(load({{"data": __import__("pathlib").Path({str(tmp_path)!r})}}, {{}}))
api = Api(app, CODECS)
assert app.tracing.door(api, api.route_of) is api
assert app.tracing.store(app.store) is app.store
print([name for name in sys.modules if name.startswith(("opentelemetry", "google.protobuf", "requests"))])
app.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_who_wants_traces_and_lacks_the_libraries_hears_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "talktime.tracing.tracing", None)
    with pytest.raises(SettingsError, match=r"pip install 'talktime\[tracing\]'"):
        open_app(Settings(data=tmp_path, tracing_url="http://127.0.0.1:4318"))


@pytest.mark.parametrize(
    ("name", "value"), (("tracing_url", "127.0.0.1:4318"), ("tracing_percent", "101"), ("tracing_percent", "-1"))
)
def test_settings_that_cannot_be_are_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load({}, {f"TALKTIME_{name.upper()}": value})


def test_a_password_of_the_collector_is_not_shown() -> None:
    told = shown(Settings(tracing_url="https://me:example@traces.example.com"))
    assert told["tracing_url"] == "https://me@traces.example.com"
