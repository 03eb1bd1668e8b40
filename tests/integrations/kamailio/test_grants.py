"""Nobody talks longer than was granted, and whoever can pay is not cut."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.sip.lab import PER_SECOND, SLICE_SECONDS, Lab

pytestmark = pytest.mark.slow


def test_a_call_is_cut_when_the_money_ends(lab: Lab) -> None:
    house = lab.house("0.04")
    calls = house.calling(holds=20).ended()
    assert calls.talk.was_hung_up
    assert 2.5 <= calls.talk.talked <= 4.9
    # Both sides hear of it.
    assert lab.callees.talk(calls.call_id).was_hung_up
    assert house.paid(calls.talk.talked)["duration_seconds"] <= 4


def test_a_call_that_goes_on_is_extended_and_not_cut(lab: Lab) -> None:
    house = lab.house("5")
    talk = house.call(holds=2 * SLICE_SECONDS + 2)
    assert not talk.was_hung_up
    assert house.paid(talk.talked)["granted_seconds"] == 3 * SLICE_SECONDS


def test_a_call_is_extended_as_far_as_the_money_goes(lab: Lab) -> None:
    house = lab.house("0.14")
    talk = house.call(holds=25)
    assert talk.was_hung_up and 12.5 <= talk.talked <= 14.9
    assert house.paid(talk.talked)["granted_seconds"] == 14


def test_money_that_comes_in_time_keeps_a_call_going(lab: Lab) -> None:
    house = lab.house("0.12")
    calls = house.calling(holds=17)
    house.open_call()
    house.fund("5")
    assert not calls.ended().talk.was_hung_up
    house.paid(17)


def test_twenty_at_once_are_never_promised_more_than_there_is(lab: Lab) -> None:
    house = lab.house("0.60")
    talks = house.calling(times=20, holds=4).ended().talks.values()
    codes = [talk.final for talk in talks]
    assert (codes.count(200), codes.count(402)) == (6, 14)
    paid = [call for call in house.closed(20) if call["state"] == "settled"]
    assert sum(Decimal(call["charge"]) for call in paid) == sum(call["duration_seconds"] for call in paid) * PER_SECOND
    assert Decimal(house.organization.balance()["balance"]) >= 0


def test_twenty_who_talk_as_long_as_they_can_use_up_the_balance_and_no_more(lab: Lab) -> None:
    house = lab.house("0.50")
    talks = house.calling(times=20, holds=30).ended().talks.values()
    assert all(talk.was_hung_up for talk in talks if talk.final == 200)
    house.closed(20)
    assert 0 <= Decimal(house.organization.balance()["balance"]) < Decimal("0.20")
