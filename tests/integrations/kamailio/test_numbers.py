"""Calls that come in, by the numbers that the proxy knows, and what pays for them."""

from __future__ import annotations

import pytest

from tests.http.shop import good
from tests.sip.lab import TRUNK, House, Lab

pytestmark = pytest.mark.slow

SOMEBODY = "+12025550117"


def freephone(lab: Lab, money: str) -> House:
    house = lab.house(money)
    number = {"number": house.freephone, "type": "toll_free", "serves": "attendant"}
    good(house.api.post("/v1/numbers", number))
    return house


def test_a_toll_free_call_is_paid_by_who_is_called(lab: Lab) -> None:
    house = freephone(lab, "5")
    calls = house.calling(at=TRUNK, to=house.freephone, user=SOMEBODY, holds=2.5).ended()
    assert calls.talk.final == 200
    assert lab.inside.talk(calls.call_id).final == 200
    story = house.paid(calls.talk.talked)
    assert (story["call_type"], story["from"], story["to"]) == ("ucap_in", SOMEBODY, house.freephone)


def test_a_toll_free_number_without_money_does_not_ring(lab: Lab) -> None:
    house = freephone(lab, "0.005")
    calls = house.calling(at=TRUNK, to=house.freephone, user=SOMEBODY).ended()
    assert calls.talk.final == 402
    assert not lab.inside.talk(calls.call_id).messages
    house.refused("no_balance")


def test_a_toll_free_call_is_cut_when_the_money_ends(lab: Lab) -> None:
    house = freephone(lab, "0.04")
    talk = house.call(at=TRUNK, to=house.freephone, user=SOMEBODY, holds=20)
    assert talk.was_hung_up and talk.talked <= 4.9
    house.paid(talk.talked)


def test_who_is_called_on_his_own_number_pays_nothing(lab: Lab) -> None:
    house = lab.house()
    talk = house.call(at=TRUNK, to=house.direct_line, user=SOMEBODY, holds=12)
    assert (talk.final, talk.was_hung_up) == (200, False)
    [call] = house.closed()
    assert (call["state"], call["call_type"], call["charge"]) == ("settled", "user_in", "0")


def test_a_meeting_by_the_minute_is_paid_by_its_organizer(lab: Lab) -> None:
    house = lab.house("5")
    house.hold("MCOMEETACPEA", "MCOPSTNPP")
    talk = house.call(at=TRUNK, to=house.bridge, user="anonymous", holds=2.5)
    assert talk.final == 200
    assert house.paid(talk.talked)["call_type"] == "conf_in"


def test_a_meeting_in_a_plan_costs_nothing(lab: Lab) -> None:
    house = lab.house()
    house.hold("MCOMEETADD")
    talk = house.call(at=TRUNK, to=house.bridge, user=SOMEBODY, holds=2)
    assert talk.final == 200
    assert house.closed()[0]["charge"] == "0"


def test_nobody_is_called_from_outside_by_a_number_that_is_not_ours(lab: Lab) -> None:
    house = lab.house("5")
    for number in ("+442079460101", "112", "+12025550117"):
        calls = house.calling(at=TRUNK, to=number, user=house.number).ended()
        assert calls.talk.final == 404
        assert not lab.callees.talk(calls.call_id).messages
    house.closed(0)


@pytest.mark.parametrize("sender", ["<sip:anonymous@anonymous.invalid>", "<sip:[local_ip]>", "<tel:+12025550117>"])
def test_callers_without_a_number_may_call_a_meeting(lab: Lab, sender: str) -> None:
    house = lab.house()
    house.hold("MCOMEETADD")
    assert house.call(at=TRUNK, to=house.bridge, sender=sender, holds=1).final == 200
    assert house.closed()[0]["state"] == "settled"
