"""Nobody talks longer than was granted, and whoever can pay is not cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.http.shop import good
from tests.sip.lab import PER_SECOND, SLICE_SECONDS, House, Lab, until

EARLY_SECONDS, LATE_SECONDS = 3.1, 0.9
"""The proxy counts whole seconds, and ends a call some time before its grant does rather than after it."""


@pytest.mark.slow
def test_a_call_is_cut_when_the_money_ends(lab: Lab) -> None:
    house = lab.house("0.04")
    calls = house.calling(holds=20).ended()
    assert calls.talk.was_hung_up
    assert 4 - 2.2 <= calls.talk.talked <= 4 + LATE_SECONDS
    until(lambda: lab.callees.talk(calls.call_id).was_hung_up, "the other end hears of it, too")
    assert house.paid(calls.talk.talked)["duration_seconds"] <= 4


@pytest.mark.slow
def test_a_call_that_goes_on_is_extended_and_not_cut(lab: Lab) -> None:
    house = lab.house("5")
    talk = house.call(holds=2 * SLICE_SECONDS + 2)
    assert not talk.was_hung_up
    assert house.paid(talk.talked)["granted_seconds"] == 3 * SLICE_SECONDS


@pytest.mark.slow
def test_a_call_is_extended_as_far_as_the_money_goes(lab: Lab) -> None:
    house = lab.house("0.14")
    talk = house.call(holds=25)
    assert talk.was_hung_up and 14 - EARLY_SECONDS <= talk.talked <= 14 + LATE_SECONDS
    assert house.paid(talk.talked)["granted_seconds"] == 14


@pytest.mark.slow
def test_money_that_comes_in_time_keeps_a_call_going(lab: Lab) -> None:
    house = lab.house("0.12")
    calls = house.calling(holds=17)
    house.open_call()
    house.fund("5")
    assert not calls.ended().talk.was_hung_up
    house.paid(17)


@pytest.mark.prove
def test_a_pool_that_runs_dry_in_mid_call_hands_over_to_credits(lab: Lab) -> None:
    house = lab.house("5")
    house.hold("MCOPSTN1", "MCOEV", "MCOPSTNPP")
    _use_up(house, minutes=1199)
    talk = house.call(holds=64)
    assert not talk.was_hung_up
    [call, _] = house.closed(2)
    rows = house.story()["rows"]
    assert [(row["payer"], row["minutes"]) for row in rows if row["payer"] == "pool"] == [("pool", 1)]
    assert Decimal(call["charge"]) == (call["duration_seconds"] - 60) * PER_SECOND > 0


@pytest.mark.prove
def test_a_pool_that_runs_dry_and_no_credits_end_a_call(lab: Lab) -> None:
    house = lab.house()
    house.hold("MCOPSTN1", "MCOEV")
    _use_up(house, minutes=1199)
    talk = house.call(holds=80)
    assert talk.was_hung_up and 60 - EARLY_SECONDS <= talk.talked <= 60 + LATE_SECONDS
    assert house.closed(2)[0]["charge"] == "0"


def _use_up(house: House, minutes: int) -> None:
    """Of its plan, by a call of earlier today; of this month, whatever the day."""
    started_at = datetime.now(UTC) - timedelta(seconds=1)
    about = house.organization.call("earlier", started_at=started_at.isoformat(), duration_seconds=minutes * 60)
    assert good(house.api.post("/v1/calls/record", about))["pool_minutes"] == minutes


@pytest.mark.slow
def test_twenty_at_once_are_never_promised_more_than_there_is(lab: Lab) -> None:
    house = lab.house("0.60")
    talks = house.calling(times=20, holds=4).ended().talks.values()
    codes = [talk.final for talk in talks]
    assert (codes.count(200), codes.count(402)) == (6, 14)
    paid = [call for call in house.closed(20) if call["state"] == "settled"]
    assert sum(Decimal(call["charge"]) for call in paid) == sum(call["duration_seconds"] for call in paid) * PER_SECOND
    assert Decimal(house.organization.balance()["balance"]) >= 0


@pytest.mark.slow
def test_twenty_who_talk_as_long_as_they_can_use_up_the_balance_and_no_more(lab: Lab) -> None:
    house = lab.house("0.50")
    talks = house.calling(times=20, holds=30).ended().talks.values()
    assert all(talk.was_hung_up for talk in talks if talk.final == 200)
    house.closed(20)
    assert 0 <= Decimal(house.organization.balance()["balance"]) < Decimal("0.20")
