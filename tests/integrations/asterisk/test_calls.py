"""Calls of an Asterisk without a manager interface: granted once, and charged for what was talked."""

from __future__ import annotations

import pytest

from talktime.integrations.asterisk.channel import Channel
from tests.http.shop import Organization, Shop
from tests.integrations.asterisk.asterisk import Pbx, soon
from tests.support.fault_proxy import Fault, FaultProxy

pytestmark = pytest.mark.slow
AUTHORIZE, SETTLE = "POST /v1/calls/authorize", "POST /v1/calls/settle"


def test_a_call_is_granted_and_charged_for_what_was_talked(pbx: Pbx, channel: Channel, org: Organization) -> None:
    pbx.authorize(channel)
    told = channel.variables
    assert (told["TALKTIME_DECISION"], told["TALKTIME_SECONDS"], told["TALKTIME_LIMIT"]) == (
        "granted",
        "300",
        "L(300000)",
    )
    assert channel.ends_at is None
    assert org.balance()["held"] == "0.5"
    channel.ask(f"answered?call_id={told['TALKTIME_CALL_ID']}")
    story = pbx.ended(channel, "ANSWER", ANSWEREDTIME="130")
    assert (story["state"], story["charge"], story["cause"], story["from"]) == (
        "settled",
        "0.3",
        "answer",
        "+442079460101",
    )
    assert org.balance()["held"] == "0"
    assert told["TALKTIME_CALL_ID"] == ""


def test_milliseconds_are_counted_where_asterisk_counts_them(pbx: Pbx, channel: Channel) -> None:
    pbx.authorize(channel)
    assert pbx.ended(channel, "ANSWER", ANSWEREDTIME="60", ANSWEREDTIME_MS="60101")["duration_seconds"] == 61


def test_a_second_that_has_begun_is_paid(pbx: Pbx, channel: Channel) -> None:
    pbx.authorize(channel)
    assert pbx.ended(channel, "ANSWER", ANSWEREDTIME="0")["duration_seconds"] == 1


@pytest.mark.parametrize("status", ["BUSY", "NOANSWER", "CANCEL", "CHANUNAVAIL", ""])
def test_who_was_not_answered_pays_nothing(pbx: Pbx, channel: Channel, org: Organization, status: str) -> None:
    pbx.authorize(channel)
    story = pbx.ended(channel, status)
    assert (story["state"], org.balance()["held"], org.balance()["balance"]) == ("released", "0", "10")


def test_a_refusal_says_why_and_what_the_caller_hears(pbx: Pbx, shop: Shop, org: Organization) -> None:
    channel = pbx.channel("+999123456789")
    pbx.authorize(channel)
    told = channel.variables
    wanted = {"TALKTIME_DECISION": "refused", "TALKTIME_REASON": "no_rate", "TALKTIME_SIP_CODE": "404"}
    assert told.items() >= (wanted | {"TALKTIME_CAUSE": "1"}).items()
    assert "TALKTIME_CALL_ID" not in told


def test_without_money_there_is_no_call(shop: Shop, network: FaultProxy, pbx: Pbx, org: Organization) -> None:
    org.operator.post(f"{org.path}/adjustments", {"amount": "-10", "reason": "The end"})
    channel = pbx.channel("+442079460123")
    pbx.authorize(channel)
    told = channel.variables
    assert (told["TALKTIME_DECISION"], told["TALKTIME_REASON"], told["TALKTIME_SIP_CODE"]) == (
        "refused",
        "no_balance",
        "402",
    )
    # Asterisk has no cause for 402.
    assert told["TALKTIME_CAUSE"] == "21"


def test_an_emergency_call_has_no_limit(pbx: Pbx, org: Organization) -> None:
    channel = pbx.channel("999")
    pbx.authorize(channel)
    assert (channel.variables["TALKTIME_DECISION"], channel.variables["TALKTIME_LIMIT"]) == ("granted", "")
    assert pbx.ended(channel, "ANSWER", ANSWEREDTIME="4000")["charge"] == "0"


@pytest.mark.parametrize(
    "fault", [Fault.LOSE_REQUEST, Fault.FAIL_BEFORE, Fault.LOSE_ANSWER, Fault.FAIL_AFTER, Fault.DELAY]
)
def test_without_an_answer_there_is_no_call_and_nothing_stays_held(
    pbx: Pbx, channel: Channel, network: FaultProxy, org: Organization, fault: Fault
) -> None:
    network.fault_next([fault], on=AUTHORIZE)
    pbx.authorize(channel)
    told = channel.variables
    assert (told["TALKTIME_DECISION"], told["TALKTIME_REASON"], told["TALKTIME_CAUSE"]) == (
        "failed",
        "no_decision",
        "34",
    )
    soon(lambda: bool(org.balance()["held"] == "0"))


def test_the_end_of_a_call_is_told_until_it_is_taken(
    pbx: Pbx, channel: Channel, network: FaultProxy, org: Organization
) -> None:
    pbx.authorize(channel)
    network.fault_next([Fault.LOSE_REQUEST, Fault.FAIL_BEFORE], on=SETTLE)
    assert pbx.ended(channel, "ANSWER", ANSWEREDTIME="61")["charge"] == "0.2"


def test_who_asks_again_on_the_same_channel_has_another_call(pbx: Pbx, channel: Channel, org: Organization) -> None:
    pbx.authorize(channel)
    first = channel.variables["TALKTIME_CALL_ID"]
    channel.variables |= {"DIALSTATUS": "BUSY"}
    pbx.authorize(channel)
    assert channel.variables["TALKTIME_CALL_ID"] != first
    assert channel.variables["DIALSTATUS"] == ""
    soon(lambda: bool(pbx.story(channel, first)["state"] == "released"))
    assert pbx.ended(channel, "ANSWER", ANSWEREDTIME="60")["charge"] == "0.1"


def test_the_end_is_charged_by_another_process_too(pbx: Pbx, managed_port: int, channel: Channel) -> None:
    """All that the end needs stands in the channel."""
    pbx.authorize(channel)
    call_id = channel.variables["TALKTIME_CALL_ID"]
    other = Pbx(managed_port, pbx.org)
    after = other.channel("h")
    after.variables = dict(channel.variables)
    assert other.ended(after, "ANSWER", ANSWEREDTIME="61")["call_id"] == call_id
