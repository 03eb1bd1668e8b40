"""While the platform is slow, broken or away nobody begins to talk; whoever talks may do so to the end of his grant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.sip.kamailio import Proxy
from tests.sip.lab import House, Lab, until
from tests.sip.relay import Mood, Relay

pytestmark = pytest.mark.slow

REFUSED_SECONDS_MAX = 2.0
NOISE_SECONDS = 1.5
"""A busy machine is not the proxy's fault."""


Edge = tuple[Relay, Proxy]


@contextmanager
def relayed(lab: Lab, name: str) -> Iterator[Edge]:
    with Relay(lab.server.url) as relay, lab.own_proxy(name, url=relay.url) as proxy:
        yield relay, proxy


def moody(lab: Lab, mood: Mood = Mood.WELL) -> Edge:
    """Who times out makes the proxy careful with all: that takes a proxy of its own."""
    name = f"mood-{mood}" if mood in (Mood.LATE, Mood.SLOW) else "moods"
    edge: Edge = lab.common(name, lambda: relayed(lab, name))
    return edge


@pytest.mark.parametrize("mood", [mood for mood in Mood if mood is not Mood.WELL])
def test_without_a_decision_there_is_no_call(lab: Lab, mood: Mood) -> None:
    house = lab.house("5")
    relay, proxy = moody(lab, mood)
    relay.be(mood, house.id)
    calls = house.calling(by=proxy).ended()
    assert (calls.talk.final, calls.talk.waited < REFUSED_SECONDS_MAX + NOISE_SECONDS) == (503, True)
    assert not lab.callees.talk(calls.call_id).messages
    nothing_held(house, relay)

    relay.be(Mood.WELL, house.id)
    until(lambda: house.call(by=proxy, holds=1.5).final == 200, "the platform is back, and one may call")
    until(house.charges, "and the call is paid")


def nothing_held(house: House, relay: Relay) -> None:
    """Also when the platform acted after all: it was told to let go."""
    until(lambda: not relay.busy, "the platform has done all that it was asked")
    until(
        lambda: house.held == 0 and not house.open_calls(),
        "nothing is held for a call that never was",
        told=house.calls,
    )


def test_a_caller_who_gives_up_while_the_platform_thinks_is_told_so(lab: Lab) -> None:
    house = lab.house("5")
    with relayed(lab, "given-up") as (relay, proxy):
        relay.be(Mood.LATE, house.id)
        talk = house.call(by=proxy, cancels=0.5)
        assert talk.answers_to("CANCEL") == [200]
        assert talk.final in (487, 503)
        nothing_held(house, relay)


def test_a_running_call_outlives_its_platform_until_its_grant_ends(lab: Lab) -> None:
    house = lab.house("5")
    relay, proxy = moody(lab)
    calls = house.calling(by=proxy, holds=40)
    house.open_call()
    relay.be(Mood.SILENT, house.id, on="/")
    talk = calls.ended().talk
    assert talk.was_hung_up and 7.5 <= talk.talked <= 11
    relay.be(Mood.WELL, house.id)
    house.paid(talk.talked)


def test_reports_are_repeated_until_they_are_taken(lab: Lab) -> None:
    house = lab.house("5")
    relay, proxy = moody(lab)
    calls = house.calling(by=proxy, holds=1.5)
    house.open_call()
    relay.be(Mood.FAILING, house.id, on="/")
    talk = calls.ended().talk
    until(lambda: relay.asked("/v1/calls/settle", house.id) >= 3, "it was told three times")
    assert house.open_call()
    relay.be(Mood.WELL, house.id)
    house.paid(talk.talked)


def test_an_answer_to_a_report_that_is_lost_charges_nothing_twice(lab: Lab) -> None:
    house = lab.house("5")
    with relayed(lab, "lost") as (relay, proxy):
        relay.be(Mood.LATE, house.id, on="/v1/calls/settle")
        talk = house.call(by=proxy, holds=1.5)
        until(lambda: relay.asked("/v1/calls/settle", house.id) >= 2, "it was told twice")
        relay.be(Mood.WELL, house.id)
        house.paid(talk.talked)


@pytest.mark.parametrize("number", ["999", "112"])
def test_help_is_reached_when_the_platform_is_away(lab: Lab, number: str) -> None:
    house = lab.house()
    relay, proxy = moody(lab)
    relay.be(Mood.SILENT, house.id, on="/")
    talk = house.call(by=proxy, to=number, holds=2)
    assert (talk.final, talk.was_hung_up) == (200, False)
    relay.be(Mood.WELL, house.id)
    assert house.closed()[0]["charge"] == "0"


def test_help_is_reached_in_time_when_the_platform_is_slow(lab: Lab) -> None:
    house = lab.house()
    relay, proxy = moody(lab, Mood.SLOW)
    relay.be(Mood.SLOW, house.id)
    talk = house.call(by=proxy, to="112", holds=2)
    assert talk.final == 200 and talk.waited < REFUSED_SECONDS_MAX + NOISE_SECONDS
    relay.be(Mood.WELL, house.id)
    assert house.closed()[0]["charge"] == "0"


def test_help_costs_nothing_and_is_never_cut(lab: Lab) -> None:
    house = lab.house(max_call_seconds=3)
    talk = house.call(to="112", holds=14)
    assert (talk.final, talk.was_hung_up) == (200, False)
    assert house.closed()[0]["charge"] == "0"


def test_a_platform_that_is_killed_and_started_again_is_told_of_the_call(lab: Lab) -> None:
    with lab.beside() as other:
        house = other.house("5")
        calls = house.calling(holds=4)
        house.open_call()
        other.server.kill()
        assert house.call().final == 503
        talk = calls.ended().talk
        other.server.start()
        house.reconnect()
        house.paid(talk.talked)
