"""A call that must end is cut at the switch: at once where it can be told, else with its next heartbeat."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.http.shop import good
from tests.sip.kamailio import Proxy
from tests.sip.lab import House, Lab, until

pytestmark = pytest.mark.slow

HEARTBEAT_SECONDS, TOLD_SECONDS = 5.0, 1.0
NOISE_SECONDS = 3.0


def block(house: House) -> None:
    good(house.api.post(f"/v1/users/{house.organization.caller_id}/block", {"reason": "Asked for"}))


def close(house: House) -> None:
    good(house.organization.operator.delete(house.organization.path))


def break_a_limit(house: House) -> None:
    """The fraud guard blocks by itself who begins one call too many."""
    house.limit(fraud={"concurrent_calls": 1})
    assert house.call().final == 403


@pytest.mark.parametrize("ends", [block, close, break_a_limit])
def test_a_call_that_must_end_is_cut_at_the_next_heartbeat(lab: Lab, ends: Callable[[House], None]) -> None:
    house = lab.house("5", slice_seconds=60)
    quiet = lab.common("quiet", lambda: lab.own_proxy("quiet"))
    _cut(house, quiet, ends, HEARTBEAT_SECONDS)


@pytest.mark.parametrize("ends", [block, close])
def test_a_switch_that_can_be_told_cuts_at_once(lab: Lab, ends: Callable[[House], None]) -> None:
    house = lab.house("5", slice_seconds=60)
    _cut(house, lab.proxy, ends, TOLD_SECONDS)


def _cut(house: House, proxy: Proxy, ends: Callable[[House], None], within: float) -> None:
    calls = house.calling(by=proxy, holds=40)
    house.answered_call()
    begun = time.time()
    ends(house)
    talk = calls.ended().talk
    assert talk.was_hung_up
    until(lambda: house.lab.callees.talk(calls.call_id).was_hung_up, "the other end hears of it, too")
    assert talk.ended_at - begun <= within + NOISE_SECONDS
    settled = [call for call in house.closed(len(house.calls())) if call["state"] == "settled"]
    assert [abs(call["duration_seconds"] - talk.talked) <= 1.5 for call in settled] == [True]
