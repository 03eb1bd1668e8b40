"""The real client: Kamailio's `ims_charging` and `cdp`, with sipp on both sides of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.http.shop import Organization, Shop, good
from tests.integrations.diameter import sip
from tests.integrations.diameter.conftest import QUICKLY
from tests.integrations.diameter.door import Door, door_to
from tests.integrations.diameter.sip import Proxy, Sipp
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.server import Server

pytestmark = pytest.mark.slow
BY_THE_SECOND = [{"prefix": "44", "per_minute": "0.6", "initial_seconds": 1, "step_seconds": 1}]
SLICE_SECONDS = 6
ROUNDED = 3
"""Kamailio counts whole seconds, each of its reports may be one too long, and machines are busy."""


class Lab:
    """One organization, whose switch is the proxy."""

    def __init__(self, folder: Path, organization: Organization, network: FaultProxy, door: Door) -> None:
        self.folder, self.organization, self.network, self.door = folder, organization, network, door
        self.proxy = Proxy(folder, door.port)
        self._lines: list[Sipp] = []

    def fund(self, amount: str) -> None:
        """That is its balance from now on."""
        more = Decimal(amount) - Decimal(self.organization.balance()["balance"])
        if more:
            form = {"amount": str(more), "reason": "The next test"}
            good(self.organization.operator.post(f"{self.organization.path}/adjustments", form))

    def callee(self, scenario: str = sip.TAKES_THE_CALL) -> int:
        port = sip.free_port(socket.SOCK_DGRAM)
        self._lines.append(Sipp(self.folder, "callee", scenario, port))
        return port

    def call(self, scenario: str) -> Sipp:
        port = sip.free_port(socket.SOCK_DGRAM)
        who = ["-s", self.organization.caller, f"{sip.HERE}:{self.proxy.port}"]
        self._lines.append(Sipp(self.folder, "caller", scenario, port, *who))
        return self._lines[-1]

    def is_done(self, scenario: str) -> None:
        line = self.call(scenario)
        assert line.ended() == 0, (line.errors, self.proxy.log[-1500:])

    def last(self, state: str) -> Any:
        """The newest call, once it is in this state."""
        return soon(lambda: next((one for one in self._calls()[:1] if one["state"] == state), None))

    def _calls(self) -> list[Any]:
        return self.organization.rows("/v1/calls")

    @property
    def newest(self) -> Any:
        return self._calls()[0]

    @property
    def count(self) -> int:
        return len(self._calls())

    def hang_up(self) -> None:
        while self._lines:
            self._lines.pop().kill()


def soon(found: Callable[[], Any]) -> Any:
    until = time.monotonic() + QUICKLY
    while not (answer := found()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return answer


@pytest.fixture(scope="module")
def opened(platform_server: Server, shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("ro")
    with FaultProxy(platform_server.url, delay_seconds=4.0) as network:
        prices = shop.price_list(rows=BY_THE_SECOND, default=False)
        limits = {"slice_seconds": SLICE_SECONDS}
        organization = shop.organization("10", mode="test", price_list=prices, limits=limits)
        key = organization.key("calls")["key"]
        with door_to(network.url, key, folder, name=sip.ASKED) as door:
            lab = Lab(folder, organization, network, door)
            try:
                sip.until_connected(lab.proxy)
                yield lab
            finally:
                lab.hang_up()
                lab.proxy.kill()


@pytest.fixture
def lab(opened: Lab) -> Iterator[Lab]:
    opened.network.fault_next([])
    opened.fund("10")
    yield opened
    opened.hang_up()
    assert opened.organization.balance()["held"] == "0"


def test_a_short_call_is_charged_once(lab: Lab) -> None:
    lab.is_done(sip.talks(lab.callee(), 2))
    call = lab.last("settled")
    assert 2 <= call["duration_seconds"] <= 2 + ROUNDED
    assert Decimal(call["charge"]) == Decimal("0.01") * call["duration_seconds"]
    assert call["to"] == "+442079460123"


def test_without_credit_the_caller_hears_402(lab: Lab) -> None:
    lab.fund("0")
    lab.is_done(sip.is_refused(lab.callee(), 402))
    assert lab.last("refused")["charge"] == "0"


def test_a_busy_callee_costs_nothing(lab: Lab) -> None:
    lab.is_done(sip.is_refused(lab.callee(sip.IS_BUSY), 486))
    assert lab.last("released")["charge"] == "0"


def test_a_caller_who_gives_up_pays_nothing(lab: Lab) -> None:
    lab.is_done(sip.gives_up(lab.callee(sip.RINGS)))
    assert lab.last("released")["charge"] == "0"


@pytest.mark.prove
def test_a_long_call_is_extended_in_small_pieces(lab: Lab) -> None:
    lab.is_done(sip.talks(lab.callee(), 15))
    call = lab.last("settled")
    assert 15 <= call["duration_seconds"] <= 15 + ROUNDED + 2
    assert call["granted_seconds"] >= 18


@pytest.mark.prove
def test_a_call_is_cut_when_the_credit_ends(lab: Lab) -> None:
    lab.fund("0.1")
    begun = time.monotonic()
    lab.is_done(sip.stays(lab.callee()))
    assert 8 <= time.monotonic() - begun <= 10 + 2 * ROUNDED
    call = lab.last("settled")
    assert 8 <= call["duration_seconds"] <= 10 + ROUNDED
    assert Decimal(lab.organization.balance()["balance"]) <= Decimal("0.02")


@pytest.mark.prove
def test_a_slow_platform_refuses_before_the_switch_gives_up(lab: Lab) -> None:
    """Kamailio leaves its caller without any final answer when its own time is over first (3 s here)."""
    lab.network.fault_next([Fault.DELAY], on="POST /v1/calls/authorize")
    begun = time.monotonic()
    callee = lab.callee()
    line = lab.call(sip.is_refused(callee, 402))
    line.ended()
    assert "SIP/2.0 402" in line.errors or "SIP/2.0 503" in line.errors or line.ended() == 0
    assert time.monotonic() - begun < 6
    lab.last("released")


@pytest.mark.prove
def test_a_door_that_was_away_is_found_again(lab: Lab) -> None:
    lab.door.stop()
    begun, before = time.monotonic(), lab.count
    lab.is_done(sip.is_refused(lab.callee(), 503))
    assert time.monotonic() - begun < 5
    assert lab.count == before
    lab.door.start()
    soon(lambda: lab.call(sip.talks(lab.callee(), 1)).ended() == 0)
    lab.last("settled")


@pytest.mark.prove
def test_a_call_goes_on_over_a_restart_of_the_door(lab: Lab) -> None:
    """Kamailio may end it when its line breaks at the wrong moment; it is charged in any case, and once."""
    line = lab.call(sip.talks(lab.callee(), 20))
    soon(lambda: lab.newest["answered_at"])
    lab.door.kill()
    lab.door.start()
    line.ended()
    soon(lambda: lab.newest["state"] != "open")
    call = lab.newest
    assert call["state"] == "settled"
    assert 5 <= call["duration_seconds"] <= 20 + 2 * ROUNDED


@pytest.mark.prove
def test_a_blocked_user_is_cut_soon(lab: Lab) -> None:
    """Kamailio knows no Abort-Session: the call ends with the piece that it has."""
    path = f"/v1/users/{lab.organization.caller_id}"
    line = lab.call(sip.stays(lab.callee()))
    soon(lambda: lab.newest["state"] == "open")
    good(lab.organization.api.post(f"{path}/block", {"reason": "lost his phone"}))
    begun = time.monotonic()
    assert line.ended() == 0, (line.errors, lab.proxy.log[-3000:])
    assert time.monotonic() - begun < 3 * SLICE_SECONDS + 6
    assert lab.last("settled")["duration_seconds"] <= 4 * SLICE_SECONDS
    good(lab.organization.api.post(f"{path}/unblock", {}))
    lab.is_done(sip.talks(lab.callee(), 1))


@pytest.mark.prove
def test_a_proxy_that_dies_leaves_nothing_held(lab: Lab) -> None:
    line = lab.call(sip.stays(lab.callee()))
    soon(lambda: lab.newest["answered_at"])
    lab.proxy.kill()
    lab.organization.clock("2040-01-01T00:00:00Z")
    call = lab.last("stale")
    assert Decimal(call["charge"]) == Decimal("0.01") * call["granted_seconds"]
    line.kill()
    lab.proxy.start()
    sip.until_connected(lab.proxy)
    lab.is_done(sip.talks(lab.callee(), 1))
    lab.last("settled")
