"""Real packets through FreeRADIUS: what the gateway hears, and what the books say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.http.shop import Shop
from tests.integrations.radius.conftest import Lab
from tests.integrations.radius.lab import freeradius
from tests.support.proxy import Cut
from tests.support.server import serving

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def heals(lab: Lab) -> Iterator[None]:
    yield
    lab.wire.heal()


def test_a_call_is_granted_extended_and_charged(lab: Lab) -> None:
    call = lab.session()
    granted = lab.radius.authorize(call, User_Name=lab.org.caller)
    assert granted.kind == "Access-Accept"
    assert granted["Session-Timeout"] == "60"
    assert granted["h323-credit-time"] == "h323-credit-time=60"
    started = lab.radius.account(call, "Start", Class=granted["Class"])
    assert started.kind == "Accounting-Response"
    longer = lab.radius.authorize(call, User_Name=lab.org.caller, Service_Type="Authorize-Only")
    assert (longer.kind, longer["Session-Timeout"]) == ("Access-Accept", "120")
    assert lab.radius.account(call, "Interim-Update", Acct_Session_Time=50).kind == "Accounting-Response"
    for _ in range(2):
        ended = lab.radius.account(call, "Stop", Acct_Session_Time=61, Acct_Terminate_Cause="User-Request")
        assert ended.kind == "Accounting-Response"
    story = lab.story(call)
    assert (story["state"], story["duration_seconds"], story["charge"]) == ("settled", 61, "0.2")
    assert (story["cause"], len(story["entries"]), lab.held) == ("User-Request", 1, "0")


def test_a_refusal_is_a_reject_with_its_reason(lab: Lab) -> None:
    refused = lab.radius.authorize(lab.session(), User_Name=lab.org.caller, Called_Station_Id="+33199000117")
    assert refused.kind == "Access-Reject"
    assert refused["Reply-Message"] == "There is no published price for this destination."
    unknown = lab.radius.authorize(lab.session())
    assert unknown.kind == "Access-Reject"
    assert unknown["Reply-Message"] == "The user is not known, or lacks the licence for this call."
    assert lab.held == "0"


def test_a_call_that_nobody_answers_costs_nothing(lab: Lab) -> None:
    call = lab.session()
    assert lab.radius.authorize(call, User_Name=lab.org.caller).kind == "Access-Accept"
    assert lab.held != "0"
    assert lab.radius.account(call, "Stop", Acct_Session_Time=0).kind == "Accounting-Response"
    assert (lab.story(call)["state"], lab.held) == ("released", "0")


def test_a_report_of_what_was_never_asked_is_taken_and_costs_nothing(lab: Lab) -> None:
    call = lab.session()
    assert lab.radius.account(call, "Stop", Acct_Session_Time=61).kind == "Accounting-Response"
    assert lab.story(call)["charge"] == "0"


def test_a_gateway_that_begins_anew_is_answered(lab: Lab) -> None:
    for kind in ("Accounting-On", "Accounting-Off"):
        assert lab.radius.account("00000000", kind).kind == "Accounting-Response"


def test_numbers_with_the_prefix_of_international_calls_are_understood(lab: Lab) -> None:
    call = lab.session()
    dialled = lab.radius.authorize(call, User_Name=lab.org.caller, Called_Station_Id="00442079460123")
    assert dialled.kind == "Access-Accept"
    assert lab.story(call)["to"] == "+442079460123"
    lab.radius.account(call, "Stop", Acct_Session_Time=0)


def test_what_callers_choose_is_never_expanded(lab: Lab) -> None:
    session = f"{lab.session()}-%{{User-Name}}${{x}}"
    granted = lab.radius.authorize(session, User_Name=lab.org.caller, NAS_Identifier='%{exec:/bin/true}"\\')
    assert granted.kind == "Access-Accept"
    name = f"gw1-{session}"
    assert bytes.fromhex(granted["Class"][2:]).decode() == f"talktime:{name}"
    assert lab.radius.account(session, "Stop", Acct_Session_Time=0).kind == "Accounting-Response"
    hostile = lab.radius.authorize(lab.session(), User_Name='a"b\\c%{User-Password}', Calling_Station_Id='"}{')
    assert hostile["Reply-Message"] == "The user is not known, or lacks the licence for this call."
    assert lab.held == "0"


def test_strangers_get_no_answer(lab: Lab) -> None:
    unsigned = {"User_Name": lab.org.caller, "Called_Station_Id": "+442079460123", "Acct_Session_Id": lab.session()}
    assert lab.radius.send("auth", unsigned, patience=1.0).kind == ""
    signed = unsigned | {"Message_Authenticator": "0x00"}
    assert lab.radius.send("auth", signed, patience=1.0, secret="guessed").kind == ""
    assert lab.held == "0"


def test_a_packet_that_does_not_name_its_call_is_refused_or_not_taken(lab: Lab) -> None:
    assert lab.radius.authorize("", User_Name=lab.org.caller).kind == "Access-Reject"
    assert lab.radius.account("", "Stop", Acct_Session_Time=5, patience=1.0).kind == ""


def test_somebody_is_there_when_a_gateway_asks(lab: Lab) -> None:
    assert lab.radius.send("status", {"Message_Authenticator": "0x00"}).kind == "Access-Accept"


def test_a_platform_that_is_too_slow_refuses_calls_and_takes_no_report(lab: Lab) -> None:
    running = lab.session()
    assert lab.radius.authorize(running, User_Name=lab.org.caller).kind == "Access-Accept"
    lab.wire.silent = True
    refused = lab.radius.authorize(lab.session(), User_Name=lab.org.caller)
    assert refused.kind == "Access-Reject"
    assert refused.seconds >= 1.9
    assert lab.radius.account(running, "Stop", Acct_Session_Time=30, patience=3.0).kind == ""
    lab.wire.heal()
    assert lab.radius.account(running, "Stop", Acct_Session_Time=30).kind == "Accounting-Response"
    assert lab.story(running)["charge"] == "0.1"


def test_a_platform_that_fails_refuses_calls_at_once_and_is_back_at_once(lab: Lab) -> None:
    running = lab.session()
    assert lab.radius.authorize(running, User_Name=lab.org.caller).kind == "Access-Accept"
    lab.wire.cut = Cut(asked=0, stays=True)
    assert lab.radius.authorize(lab.session(), User_Name=lab.org.caller).kind == "Access-Reject"
    assert lab.radius.account(running, "Stop", Acct_Session_Time=30, patience=1.0).kind == ""
    emergency = lab.radius.authorize(lab.session(), User_Name=lab.org.caller, Called_Station_Id="112")
    assert emergency.kind == "Access-Accept"
    assert "Session-Timeout" not in emergency.attributes
    lab.wire.heal()
    # The gateway goes on sending, as gateways do.
    taken = lab.radius.account(running, "Stop", Acct_Session_Time=30, patience=2.0, tries=10)
    assert taken.kind == "Accounting-Response"
    assert lab.radius.authorize(lab.session(), User_Name="nobody")["Reply-Message"]
    assert (lab.story(running)["charge"], len(lab.story(running)["entries"])) == ("0.1", 1)


@pytest.mark.prove
def test_freeradius_starts_without_the_platform_and_finds_it_when_it_comes(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        with closing(Shop.opened(server.url, server.operator_key)) as shop:
            org = shop.organization("10")
        key = tmp_path / "key"
        key.write_text(server.operator_key)
        server.stop()
        options = ["--url", server.url, "--key-file", str(key), "--organization", org.id, "--user", org.caller]
        with freeradius(tmp_path / "raddb", *options) as radius:
            assert radius.authorize("1").kind == "Access-Reject"
            server.start()
            begun = time.monotonic()
            while radius.authorize("2").kind != "Access-Accept":
                assert time.monotonic() - begun < 30
            assert radius.account("2", "Stop", Acct_Session_Time=0).kind == "Accounting-Response"
            server.kill()
            assert radius.authorize("3").kind == "Access-Reject"


def test_an_organization_that_there_is_not_is_a_reject(lab: Lab, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(str(lab.shop.operator.key))
    options = ["--url", lab.shop.operator.url, "--key-file", str(key), "--organization", "org_7fffffff"]
    with freeradius(tmp_path / "raddb", *options) as radius:
        assert radius.authorize("1", User_Name=lab.org.caller).kind == "Access-Reject"
