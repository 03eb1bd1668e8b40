"""How calls end, and what that costs."""

from __future__ import annotations

import pytest

from tests.sip.lab import Lab
from tests.sip.scenarios import RINGS_SECONDS, Callee

pytestmark = pytest.mark.slow


def test_a_caller_who_hangs_up_pays_for_what_he_talked(lab: Lab) -> None:
    house = lab.house("5")
    talk = house.call(holds=2.5)
    assert (talk.final, talk.was_hung_up) == (200, False)
    assert abs(talk.talked - 2.5) < 0.5
    assert house.paid(talk.talked)["answered_at"]


def test_a_callee_who_hangs_up_ends_the_charge_too(lab: Lab) -> None:
    house = lab.house("5")
    talk = house.call(to=Callee.HANGS_UP, holds=9)
    assert talk.was_hung_up and talk.talked < 6
    house.paid(talk.talked)


def test_a_busy_callee_costs_nothing(lab: Lab) -> None:
    house = lab.house("5")
    assert house.call(to=Callee.BUSY).final == 486
    house.released()


def test_a_callee_who_does_not_answer_costs_nothing(lab: Lab) -> None:
    house = lab.house("5")
    assert house.call(to=Callee.GIVES_UP).final == 480
    house.released()


def test_a_trunk_that_refuses_costs_nothing(lab: Lab) -> None:
    house = lab.house("5")
    assert house.call(to=Callee.FAILS).final in (500, 503)
    house.released()


def test_a_caller_who_gives_up_ringing_pays_nothing(lab: Lab) -> None:
    house = lab.house("5")
    talk = house.call(to=Callee.RINGS, cancels=1)
    assert (talk.final, 180 in talk.codes) == (487, True)
    assert talk.answers_to("CANCEL") == [200]
    house.released()


def test_a_caller_who_gives_up_at_once_pays_nothing(lab: Lab) -> None:
    house = lab.house("5")
    talk = house.call(to=Callee.RINGS, cancels=0.001)
    assert talk.final == 487
    house.released()


def test_ringing_does_not_eat_what_was_granted(lab: Lab) -> None:
    house = lab.house("0.05")
    talk = house.call(to=Callee.RINGS_FIRST, holds=RINGS_SECONDS - 0.5)
    assert (talk.final, talk.was_hung_up) == (200, False)
    house.paid(talk.talked)


def test_nobody_behind_the_trunk_costs_nothing(lab: Lab) -> None:
    house = lab.house("5")
    with lab.own_proxy("dead-trunk", trunk="127.0.0.1:9") as proxy:
        talk = house.call(by=proxy)
        assert talk.final is not None and 400 <= talk.final < 600
        house.released()


def test_a_callee_who_vanishes_does_not_keep_the_caller_paying(lab: Lab) -> None:
    house = lab.house("5")
    talk = house.call(to=Callee.VANISHES, holds=2)
    house.paid(talk.talked)


def test_when_both_vanish_the_call_ends_with_what_was_granted(lab: Lab) -> None:
    house = lab.house("0.04")
    house.calling(to=Callee.VANISHES, vanishes=True)
    assert house.paid(3)["duration_seconds"] <= 4


def test_two_calls_of_one_caller_are_two_charges(lab: Lab) -> None:
    house = lab.house("5")
    calls = [house.calling(holds=seconds) for seconds in (1.5, 3)]
    talked = [one.ended().talk.talked for one in calls]
    paid = sorted(call["duration_seconds"] for call in house.closed(2))
    assert all(abs(one - other) <= 1 for one, other in zip(paid, sorted(talked), strict=True))
