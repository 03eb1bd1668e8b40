"""How our own doors speak with the platform: asked once, reported until it is taken, closed when in doubt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from talktime.integrations.platform import Granted, NoDecision, Platform, Refused
from tests.http.shop import Organization, Shop
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.server import Server

pytestmark = pytest.mark.slow
QUICKLY = 30.0
PATIENCE, TOO_LATE = 2.5, 6.0


@pytest.fixture
def org(shop: Shop) -> Organization:
    return shop.organization("10", mode="test")


@pytest.fixture
def network(platform_server: Server) -> Iterator[FaultProxy]:
    with FaultProxy(platform_server.url, TOO_LATE) as proxy:
        yield proxy


@pytest.fixture
def platform(network: FaultProxy, org: Organization) -> Iterator[Platform]:
    with Platform(network.url, org.key("calls")["key"], seconds_max=PATIENCE) as made:
        yield made


def story(org: Organization, call_id: str) -> Any:
    return org.api.get(f"/v1/calls/{call_id}")


def soon(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + QUICKLY
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_call_is_granted_extended_and_charged(platform: Platform, org: Organization) -> None:
    granted = platform.authorize(org.call("one"))
    assert isinstance(granted, Granted)
    assert platform.extend({"call_id": "one", "granted_seconds": granted.granted_seconds}).granted_seconds > 300
    platform.settle({"call_id": "one", "duration_seconds": 130})
    soon(lambda: platform.reports.waiting == 0)
    assert story(org, "one").json["charge"] == "0.3"


def test_a_refusal_names_what_the_caller_hears(platform: Platform, org: Organization) -> None:
    refused = platform.authorize(org.call("one", to="+19005550100123456789"))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.sip.code, refused.sip.phrase) == ("invalid_number", 404, "Not Found")


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.FAIL_AFTER])
def test_what_was_held_by_an_answer_that_was_lost_is_released(
    platform: Platform, network: FaultProxy, org: Organization, fault: Fault
) -> None:
    network.fault_next([fault])
    with pytest.raises(NoDecision):
        platform.authorize(org.call("lost"))
    soon(lambda: bool(story(org, "lost").json["state"] == "released"))
    assert org.balance()["held"] == "0"


def test_who_hears_nothing_in_time_refuses(platform: Platform, network: FaultProxy, org: Organization) -> None:
    network.fault_next([Fault.DELAY])
    begun = time.monotonic()
    with pytest.raises(NoDecision):
        platform.authorize(org.call("late"))
    assert time.monotonic() - begun < TOO_LATE


def test_a_report_is_repeated_until_it_is_taken(platform: Platform, network: FaultProxy, org: Organization) -> None:
    platform.authorize(org.call("two"))
    network.fault_next([Fault.LOSE_REQUEST, Fault.FAIL_BEFORE, Fault.LOSE_ANSWER])
    platform.settle({"call_id": "two", "duration_seconds": 60})
    soon(lambda: platform.reports.waiting == 0)
    assert network.waiting == 0
    assert story(org, "two").json["charge"] == "0.1"


def test_a_report_that_will_never_be_taken_keeps_no_other_waiting(platform: Platform, org: Organization) -> None:
    platform.authorize(org.call("three"))
    platform.settle({"call_id": "three", "duration_seconds": -1})
    platform.settle({"call_id": "three", "duration_seconds": 60})
    soon(lambda: platform.reports.waiting == 0)
    assert story(org, "three").json["charge"] == "0.1"


def test_who_stops_tells_first_what_is_to_be_told(platform: Platform, org: Organization) -> None:
    platform.authorize(org.call("four"))
    platform.settle({"call_id": "four", "duration_seconds": 60})
    platform.close()
    assert story(org, "four").json["charge"] == "0.1"


def test_nobody_waits_for_a_platform_that_is_not_there() -> None:
    with Platform("http://127.0.0.1:9", "tt_test_nobody", seconds_max=PATIENCE) as platform:
        with pytest.raises(NoDecision):
            platform.authorize({"call_id": "one"})
        assert platform.reports.waiting == 0


def test_a_heartbeat_names_what_must_end(platform: Platform, org: Organization) -> None:
    platform.authorize(org.call("five", switch="edge"))
    assert platform.heartbeat("edge", "first", ["five"]) == []
    org.api.post(f"/v1/users/{org.caller_id}/block", {"reason": "stolen telephone"})
    assert platform.heartbeat("edge", "first", ["five"]) == ["five"]


def test_a_wrong_key_is_no_decision(platform_server: Server, org: Organization) -> None:
    with Platform(platform_server.url, "tt_test_wrong") as platform, pytest.raises(NoDecision) as told:
        platform.authorize(org.call("six"))
    assert told.value.status == 401
    assert platform.reports.waiting == 0


def test_a_switch_that_has_forgotten_a_call_is_told_of_it(platform: Platform, org: Organization) -> None:
    platform.authorize(org.call("one"))
    platform.answered_first({"call_id": "one", "answered_at": "2020-01-01T00:00:00Z"})
    known = platform.story("one")
    assert known is not None
    assert (known.state, known.granted_seconds, known.final) == ("open", 300, False)
    assert known.answered_at is not None
    assert platform.story("never heard of/that") is None


def test_what_cannot_be_told_at_once_is_no_decision(platform: Platform, network: FaultProxy, org: Organization) -> None:
    platform.authorize(org.call("one"))
    network.fault_next([Fault.FAIL_BEFORE, Fault.FAIL_BEFORE], on="")
    with pytest.raises(NoDecision):
        platform.answered_first({"call_id": "one"})
    with pytest.raises(NoDecision):
        platform.story("one")
