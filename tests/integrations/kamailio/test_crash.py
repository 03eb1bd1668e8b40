"""A killed proxy that comes back ends its calls in time; when it has forgotten them, the platform does."""

from __future__ import annotations

import pytest

from tests.sip.lab import Lab, until


@pytest.mark.slow
def test_a_killed_proxy_comes_back_and_ends_its_calls_as_if_nothing_had_been(lab: Lab) -> None:
    poor, rich = lab.house("0.08"), lab.house("5")
    with lab.own_proxy("killed") as proxy:
        cut, hung_up = poor.calling(by=proxy, holds=30), rich.calling(by=proxy, holds=6)
        poor.answered_call(), rich.answered_call()
        proxy.kill()
        proxy.start()
        assert not hung_up.ended().talk.was_hung_up
        rich.paid(hung_up.talk.talked, tolerance=2)
        assert cut.ended().talk.was_hung_up and cut.talk.talked <= 10
        poor.paid(cut.talk.talked, tolerance=2)


@pytest.mark.prove
def test_a_proxy_that_has_forgotten_its_calls_has_them_ended_by_the_platform(lab: Lab) -> None:
    house = lab.house("5")
    with lab.own_proxy("forgetful") as proxy:
        calls = house.calling(by=proxy, holds=60)
        house.answered_call()
        proxy.kill()
        proxy.forget()
        proxy.start()
        until(lambda: not house.open_calls(), "the platform has ended it", 120)
        [call] = house.closed()
        assert (call["state"], call["charge"]) == ("stale", "0.1")
        calls.end()
