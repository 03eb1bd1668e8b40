"""Who may not call hears why as a SIP code, the trunk hears nothing, and the story tells the reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.http.shop import good
from tests.sip.lab import STRANGER, House, Lab

pytestmark = pytest.mark.slow

UK, GERMANY, US, PREMIUM = "+442079460101", "+4930901820", "+12025550117", "+449098790117"


def poor(house: House) -> None:
    house.fund("0.005")


def without_credits_licence(house: House) -> None:
    house.fund("5")
    house.hold("MCOPSTN_PAYG_1")


def without_licence(house: House) -> None:
    house.fund("5")
    house.hold("MCOPSTNPP")


def rich(house: House) -> None:
    house.fund("5")


def new(house: House) -> None:
    """Nobody has ever paid anything in."""


def blocked(house: House) -> None:
    house.fund("5")
    good(house.api.post(f"/v1/users/{house.organization.caller_id}/block", {"reason": "Asked for"}))


def restricted(house: House) -> None:
    house.fund("5")
    path = f"/v1/users/{house.organization.caller_id}/policy"
    good(house.api.put(path, {"policy": "DialoutCPCandPSTNDisabled"}))


def kept_at_home(house: House) -> None:
    house.fund("5")
    house.limit(fraud={"international": False})


def closed(house: House) -> None:
    house.fund("5")
    good(house.organization.operator.delete(house.organization.path))


@pytest.mark.parametrize(
    ("reason", "code", "made", "to"),
    [
        ("no_balance", 402, poor, UK),
        ("credits_not_set_up", 402, new, UK),
        ("no_credits_licence", 402, without_credits_licence, UK),
        ("no_licence", 403, without_licence, UK),
        ("invalid_number", 404, rich, "+4420"),
        ("no_rate", 404, rich, GERMANY),
        ("user_blocked", 403, blocked, UK),
        ("policy_restricted", 403, restricted, UK),
        ("number_not_supported", 403, rich, PREMIUM),
        ("fraud_limit", 403, kept_at_home, US),
        ("organization_closed", 403, closed, UK),
    ],
)
def test_a_refused_call_says_why(lab: Lab, reason: str, code: int, made: Callable[[House], None], to: str) -> None:
    house = lab.house()
    made(house)
    calls = house.calling(to=to).ended()
    assert calls.talk.final == code
    assert calls.talk.words == {402: "402 Payment Required", 403: "403 Forbidden", 404: "404 Not Found"}[code]
    assert not lab.callees.talk(calls.call_id).messages
    house.refused(reason)


def test_a_caller_nobody_knows_may_not_call(lab: Lab) -> None:
    house = lab.house("5")
    assert house.call(user="+447700900999").final == 403
    house.refused("no_licence")


def test_a_source_nobody_knows_is_not_even_asked_about(lab: Lab) -> None:
    house = lab.house("5")
    calls = house.calling(at=STRANGER, headers=(f"X-Organization: {house.organization.id}",)).ended()
    assert calls.talk.final == 403
    assert not lab.callees.talk(calls.call_id).messages
    house.closed(0)
