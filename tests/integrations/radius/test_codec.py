"""RADIUS as rlm_rest speaks it, without FreeRADIUS: what is asked and reported, and what is answered."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tests.integrations.callers import tenant
from tests.integrations.radius.packets import account, authorize, packet, replied
from tests.web.client import World

CALL = "gw1-5E0001"


def test_a_call_is_granted_in_seconds_and_in_words_that_old_gateways_understand(world: World) -> None:
    ann = tenant(world)
    granted = authorize(ann.switch, User_Name=ann.user)
    assert granted.status == 200
    assert replied(granted) == {
        "Session-Timeout": 300,
        "h323-credit-time": "h323-credit-time=300",
        "Class": f"talktime:{CALL}",
    }
    assert ann.story(CALL)["state"] == "open"


def test_the_same_request_twice_holds_once(world: World) -> None:
    ann = tenant(world)
    first = authorize(ann.switch, User_Name=ann.user)
    held = ann.held
    assert authorize(ann.switch, User_Name=ann.user).content == first.content
    assert ann.held == held


@pytest.mark.parametrize(
    ("credits", "to", "why"),
    [
        ("", "+12025550117", "The organization has not set up communication credits."),
        ("0.01", "+12025550117", "The available balance does not cover the fee and the first increment."),
        ("10", "+999", "The number is no usable E.164 number."),
    ],
)
def test_a_refusal_says_why(world: World, credits: str, to: str, why: str) -> None:
    ann = tenant(world, credits)
    refused = authorize(ann.switch, User_Name=ann.user, Called_Station_Id=to)
    assert refused.status == 401
    assert replied(refused) == {"Reply-Message": why}
    assert ann.held == "0"


def test_an_unknown_user_is_refused(world: World) -> None:
    refused = authorize(tenant(world).switch)
    assert refused.status == 401
    assert "not known" in replied(refused)["Reply-Message"]


def test_a_running_call_gets_more_time(world: World) -> None:
    ann = tenant(world)
    authorize(ann.switch, User_Name=ann.user)
    account(ann.switch, "Start")
    more = authorize(ann.switch, User_Name=ann.user, Service_Type="Authorize-Only")
    assert replied(more)["Session-Timeout"] == 600
    again = authorize(ann.switch, User_Name=ann.user, Acct_Session_Time=550)
    assert replied(again)["Session-Timeout"] == 900


def test_there_is_no_more_time_for_a_call_that_nobody_granted(world: World) -> None:
    refused = authorize(tenant(world).switch, Service_Type="Authorize-Only")
    assert refused.status == 401
    assert replied(refused)["Reply-Message"] == "This call was not granted, or has ended."


def test_an_emergency_call_has_no_end(world: World) -> None:
    ann = tenant(world, credits="")
    granted = authorize(ann.switch, User_Name=ann.user, Called_Station_Id="911")
    assert granted.status == 200
    assert set(replied(granted)) == {"Class"}


def test_a_call_is_charged_what_the_stop_says(world: World) -> None:
    ann = tenant(world)
    authorize(ann.switch, User_Name=ann.user)
    assert account(ann.switch, "Start").status == 204
    assert ann.story(CALL)["answered_at"] is not None
    assert account(ann.switch, "Interim-Update", Acct_Session_Time=30).status == 204
    assert account(ann.switch, "Stop", Acct_Session_Time=61, Acct_Terminate_Cause="User-Request").status == 204
    story = ann.story(CALL)
    assert (story["state"], story["charge"], story["duration_seconds"]) == ("settled", "0.24", 61)
    assert story["cause"] == "User-Request"
    assert ann.held == "0"


def test_a_stop_that_comes_twice_charges_once(world: World) -> None:
    ann = tenant(world)
    authorize(ann.switch, User_Name=ann.user)
    for _ in range(3):
        assert account(ann.switch, "Stop", Acct_Session_Time=60).status == 204
    assert ann.organization.balance == "9.88"
    assert len(ann.story(CALL)["entries"]) == 1


def test_a_start_that_is_overtaken_by_the_stop_changes_nothing(world: World) -> None:
    ann = tenant(world)
    authorize(ann.switch, User_Name=ann.user)
    assert account(ann.switch, "Stop", Acct_Session_Time=60).status == 204
    assert account(ann.switch, "Start").status == 204
    assert account(ann.switch, "Interim-Update", Acct_Session_Time=30).status == 204
    assert (ann.story(CALL)["state"], ann.organization.balance) == ("settled", "9.88")


def test_a_call_that_nobody_answered_costs_nothing(world: World) -> None:
    ann = tenant(world)
    authorize(ann.switch, User_Name=ann.user)
    assert account(ann.switch, "Stop", Acct_Session_Time=0).status == 204
    assert (ann.story(CALL)["state"], ann.held, ann.organization.balance) == ("released", "0", "10")


def test_an_interim_update_proves_the_answer_when_the_start_was_lost(world: World) -> None:
    ann = tenant(world)
    authorize(ann.switch, User_Name=ann.user)
    world.clock.pass_seconds(100)
    account(ann.switch, "Interim-Update", Acct_Session_Time=0)
    assert ann.story(CALL)["answered_at"] is None
    account(ann.switch, "Interim-Update", Acct_Session_Time=60, Acct_Delay_Time=10)
    assert ann.story(CALL)["answered_at"].startswith("2030-04-02T08:00:30")


@pytest.mark.parametrize("talked", [0, 60])
def test_a_name_that_was_used_before_is_no_free_call(world: World, talked: int) -> None:
    """Counters of gateways begin anew. The answer of the old call would be good for nothing that is held."""
    ann = tenant(world)
    assert authorize(ann.switch, User_Name=ann.user).status == 200
    account(ann.switch, "Stop", Acct_Session_Time=talked)
    for more in ({}, {"Service_Type": "Authorize-Only"}):
        again = authorize(ann.switch, User_Name=ann.user, **more)
        assert (again.status, replied(again)["Reply-Message"]) == (401, "This call was not granted, or has ended.")
    assert authorize(ann.switch, User_Name=ann.user, Called_Station_Id="+12025550118").status == 409


@pytest.mark.parametrize("kind", ["Accounting-On", "Accounting-Off", "7", "8"])
def test_a_gateway_that_begins_anew_ends_no_call(world: World, kind: str) -> None:
    ann = tenant(world)
    authorize(ann.switch, User_Name=ann.user)
    assert account(ann.switch, kind, Acct_Session_Id="00000000").status == 204
    assert ann.story(CALL)["state"] == "open"


def test_a_call_keeps_its_name_by_the_class_that_comes_back(world: World) -> None:
    """Gateways that name a call in one way when they ask, and in another when they report."""
    ann = tenant(world)
    name = "h323-conf-id=A1B2C3D4 00000000 11112222 33334444"
    granted = authorize(ann.switch, User_Name=ann.user, Acct_Session_Id=None, h323_conf_id=name)
    given = replied(granted)["Class"]
    assert given == "talktime:gw1-A1B2C3D4-00000000-11112222-33334444"
    sent = f"0x{given.encode().hex()}"
    assert account(ann.switch, "Stop", Acct_Session_Id="77", Class=sent, Acct_Session_Time=60).status == 204
    assert ann.story(given.removeprefix("talktime:"))["charge"] == "0.12"


def test_calls_of_two_gateways_with_the_same_counter_are_two(world: World) -> None:
    ann = tenant(world)
    for name in ("gw1", "gw2"):
        assert authorize(ann.switch, User_Name=ann.user, NAS_Identifier=name).status == 200
    assert len(ann.organization.api.get("/v1/calls", state="open").json["data"]) == 2


def test_a_packet_without_a_name_of_its_call_is_refused_with_a_sentence(world: World) -> None:
    refused = authorize(tenant(world).switch, Acct_Session_Id=None)
    assert (refused.status, refused.fields) == (422, ["Acct-Session-Id"])
    assert "the gateway must send Acct-Session-Id or h323-conf-id" in refused.json["detail"]


def test_a_stop_must_say_how_long_was_talked(world: World) -> None:
    ann = tenant(world)
    authorize(ann.switch, User_Name=ann.user)
    assert account(ann.switch, "Stop").fields == ["Acct-Session-Time"]
    assert account(ann.switch, "Stop", Acct_Session_Time="-5").fields == ["Acct-Session-Time"]
    assert ann.story(CALL)["state"] == "open"


def test_a_report_of_an_unknown_kind_is_not_taken(world: World) -> None:
    assert account(tenant(world).switch, "Tunnel-Start").fields == ["Acct-Status-Type"]


def test_what_the_configuration_says_is_asked_where_the_packet_says_nothing(world: World) -> None:
    ann = tenant(world)
    query = f"?organization={ann.organization.id}&call_type=ucap_out&user={ann.user}&switch=edge"
    assert authorize(world.operator, query).status == 200
    story = ann.story(CALL)
    assert (story["call_type"], story["user"], story["switch"]) == ("ucap_out", ann.user, "edge")
    assert account(world.operator, "Stop", query, Acct_Session_Time=60).status == 204
    assert ann.story(CALL)["state"] == "settled"


def test_attributes_of_the_configuration_go_before_its_address(world: World) -> None:
    ann = tenant(world)
    own = {"Talktime_User": ann.user, "Talktime_Call_Type": "ucap_out"}
    assert authorize(ann.switch, "?user=nobody&call_type=conf_out", **own).status == 200
    assert ann.story(CALL)["call_type"] == "ucap_out"


def test_an_operators_key_without_an_organization_is_told_what_is_missing(world: World) -> None:
    assert authorize(world.operator).code == "organization_required"
    assert authorize(tenant(world).switch, "?organization=org_7fffffff").status == 404


def test_the_key_may_be_the_password_of_anybody(world: World) -> None:
    ann = tenant(world)
    for given, status in ((ann.switch.key, 200), ("wrong", 401), ("", 401)):
        basic = b64encode(f"talktime:{given}".encode()).decode()
        answer = world.nobody.post("/v1/radius/authorize", packet(User_Name=ann.user), authorization=f"Basic {basic}")
        assert answer.status == status


def test_nothing_else_takes_a_password(world: World) -> None:
    ann = tenant(world)
    basic = b64encode(f"talktime:{ann.switch.key}".encode()).decode()
    for method, path in (("GET", "/v1/calls"), ("POST", "/v1/calls/authorize")):
        answer = world.nobody.send(method, path, b"{}", authorization=f"Basic {basic}")
        assert answer.status == 401


def test_a_key_without_the_scope_may_not_ask(world: World) -> None:
    other = tenant(world).organization.key("funds")
    assert authorize(other).status == 403
    assert account(other, "Stop", Acct_Session_Time=1).status == 403


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"User-Name": "ann"}', b'{"User-Name": {"value": [{}]}}', b"\xff"]
)
def test_what_is_no_packet_is_refused(world: World, body: bytes) -> None:
    assert tenant(world).switch.send("POST", "/v1/radius/authorize", body).status in (400, 422)


def test_a_packet_that_is_too_large_is_refused(world: World) -> None:
    assert authorize(tenant(world).switch, User_Name="a" * (1 << 16)).status == 413
