"""A killed proxy that comes back ends its calls in time; when it has forgotten them, the platform does."""

from __future__ import annotations

import pytest

from tests.sip.lab import Lab, until


@pytest.mark.slow
def test_a_killed_proxy_comes_back_and_ends_the_call_at_its_grant(lab: Lab) -> None:
    house = lab.house("0.08")
    with lab.own_proxy("killed") as proxy:
        calls = house.calling(by=proxy, holds=30)
        house.open_call()
        house.answered_call()
        proxy.kill()
        proxy.start()
        talk = calls.ended().talk
        assert talk.was_hung_up and talk.talked <= 10
        house.paid(talk.talked, tolerance=2)


@pytest.mark.slow
def test_who_hangs_up_after_the_proxy_came_back_is_charged_once(lab: Lab) -> None:
    house = lab.house("5")
    with lab.own_proxy("killed-early") as proxy:
        calls = house.calling(by=proxy, holds=6)
        house.answered_call()
        proxy.kill()
        proxy.start()
        talk = calls.ended().talk
        assert not talk.was_hung_up
        house.paid(talk.talked, tolerance=2)


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
        assert (call["state"], call["charge"]) == ("settled", "0.1")
        calls.end()
