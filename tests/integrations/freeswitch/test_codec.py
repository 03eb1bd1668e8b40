"""FreeSWITCH's two modules as they ask and report over HTTP; FreeSWITCH itself is not here."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from contextlib import closing

import pytest

from tests.integrations.callers import Tenant, tenant
from tests.integrations.freeswitch.requests import (
    CDR,
    DIALPLAN,
    FORM,
    UUID,
    actions,
    ask,
    asked_with,
    in_a_form,
    record,
    tell,
)
from tests.web.client import World

REFUSED = [("respond", "503 Service Unavailable"), ("hangup", "CALL_REJECTED")]


def granted(ann: Tenant, **more: str) -> list[tuple[str, str]]:
    return actions(ask(ann.switch, variable_talktime_user=ann.user, **more))


def test_a_call_goes_out_with_its_limit(world: World) -> None:
    ann = tenant(world)
    assert granted(ann) == [
        ("set", f"talktime_call_id={UUID}"),
        ("set", "execute_on_answer=sched_hangup +300 allotted_timeout"),
        ("set", "hangup_after_bridge=true"),
        ("bridge", "sofia/gateway/trunk/+12025550117"),
    ]
    assert ann.story(UUID)["state"] == "open"


def test_a_call_that_was_answered_before_is_limited_at_once(world: World) -> None:
    assert granted(tenant(world), Answer_State="answered")[1] == ("sched_hangup", "+300 allotted_timeout")


def test_a_refusal_is_heard_as_the_code_that_says_why(world: World) -> None:
    assert granted(tenant(world, "")) == [
        ("set", "talktime_reason=credits_not_set_up"),
        ("respond", "402 Payment Required"),
        ("hangup", "CALL_REJECTED"),
    ]


def test_an_emergency_call_has_no_limit(world: World) -> None:
    ann = tenant(world, "")
    calls = granted(ann, Hunt_Destination_Number="911")
    assert calls == [("set", f"talktime_call_id={UUID}"), ("bridge", "sofia/gateway/trunk/911")]


def test_the_same_question_twice_holds_once(world: World) -> None:
    ann = tenant(world)
    first, held = granted(ann), ann.held
    assert (granted(ann), ann.held) == (first, held)


def test_who_calls_is_what_the_directory_says_and_nothing_else(world: World) -> None:
    ann = tenant(world)
    assert actions(ask(ann.switch))[0] == ("set", "talktime_reason=no_licence")
    own = {"variable_talktime_call_type": "ucap_out", "variable_talktime_organization": ann.organization.id}
    done = actions(ask(world.operator, f"?gateway=trunk&user={ann.user}", Unique_ID="other", **own))
    assert ("set", f"talktime_organization={ann.organization.id}") in done
    assert ann.story("other")["call_type"] == "ucap_out"


@pytest.mark.parametrize(
    ("query", "fields", "reason"),
    [
        ("", {}, "invalid_value"),
        ("?gateway=a/b", {}, "invalid_value"),
        ("?gateway=trunk", {"Unique-ID": ""}, "invalid_value"),
        ("?gateway=trunk", {"Unique-ID": "${system(id)}"}, "invalid_value"),
        ("?gateway=trunk", {"Hunt-Destination-Number": "${system(id)}"}, "invalid_value"),
        ("?gateway=trunk", {"Hunt-Destination-Number": "1|sofia/gateway/other/1"}, "invalid_value"),
        ("?gateway=trunk", {"Hunt-Destination-Number": "1,loopback/2"}, "invalid_value"),
        ("?gateway=trunk", {"Hunt-Destination-Number": "+1202555011\n7"}, "invalid_value"),
        ("?gateway=trunk&call_type=gratis", {}, "invalid_value"),
        ("?gateway=trunk&organization=org_7fffffff", {}, "not_found"),
        ("?gateway=trunk&gateway=trunk", {}, "invalid_value"),
    ],
)
def test_what_cannot_be_passed_on_is_refused(world: World, query: str, fields: dict[str, str], reason: str) -> None:
    ann = tenant(world)
    told = actions(asked_with(ann.switch, query, {"variable_talktime_user": ann.user} | fields))
    assert told == [("set", f"talktime_reason={reason}"), *REFUSED]
    assert ann.held == "0"


def test_hostile_texts_stay_texts(world: World) -> None:
    ann = tenant(world)
    hostile = {"Caller-Caller-ID-Number": '"/><action application="bridge" data="', "Caller-Network-Addr": "\x01\ud7ff"}
    answer = asked_with(ann.switch, "?gateway=trunk", {"variable_talktime_user": ann.user} | hostile)
    assert [one for one, _ in actions(answer)] == ["set", "set", "set", "bridge"]


@pytest.mark.parametrize("body", [b"", b"a", b"&" * 5000, b"\xff\xfe", b"Unique-ID=%ff", b"{}"])
def test_what_is_no_channel_is_refused(world: World, body: bytes) -> None:
    answer = tenant(world).switch.send("POST", f"{DIALPLAN}?gateway=trunk", body, FORM)
    assert actions(answer)[1:] == REFUSED


def test_a_stranger_and_a_revoked_key_are_refused_in_the_same_words(world: World) -> None:
    """With a status FreeSWITCH would fall back on its own files, and they might let the call go."""
    ann = tenant(world)
    for client, reason in ((world.nobody, "unauthorized"), (ann.organization.key("funds"), "scope_missing")):
        assert actions(ask(client)) == [("set", f"talktime_reason={reason}"), *REFUSED]


def test_no_decision_is_a_refusal(world: World) -> None:
    ann = tenant(world)
    with closing(sqlite3.connect(world.app.settings.sqlite_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        told = actions(ask(ann.switch, variable_talktime_user=ann.user))
        other.execute("ROLLBACK")
    assert told == [("set", "talktime_reason=not_available"), *REFUSED]


def test_a_call_is_charged_what_the_record_says(world: World) -> None:
    ann = tenant(world)
    granted(ann)
    assert tell(ann.switch).status == 204
    story = ann.story(UUID)
    assert (story["state"], story["charge"], story["duration_seconds"]) == ("settled", "0.24", 61)
    assert (story["cause"], ann.held) == ("NORMAL_CLEARING", "0")


def test_a_record_that_comes_twice_charges_once(world: World) -> None:
    ann = tenant(world)
    granted(ann)
    for _ in range(3):
        assert tell(ann.switch).status == 204
    assert ann.organization.balance == "9.76"


def test_a_call_that_nobody_answered_costs_nothing(world: World) -> None:
    ann = tenant(world)
    granted(ann)
    assert tell(ann.switch, answer_epoch="0", billsec="0", billmsec="0", hangup_cause="USER_BUSY").status == 204
    assert (ann.story(UUID)["state"], ann.story(UUID)["cause"], ann.held) == ("released", "USER_BUSY", "0")


def test_seconds_are_enough(world: World) -> None:
    ann = tenant(world)
    granted(ann)
    assert tell(ann.switch, billmsec=None).status == 204
    assert ann.story(UUID)["duration_seconds"] == 61


@pytest.mark.parametrize("call", [None, ""])
def test_other_calls_and_other_legs_are_no_business_of_ours(world: World, call: str | None) -> None:
    ann = tenant(world)
    assert tell(ann.switch, talktime_call_id=call).status == 204
    assert ann.organization.api.get("/v1/calls").json["data"] == []


def test_the_record_may_come_in_a_form_whatever_its_kind_says(world: World) -> None:
    ann = tenant(world)
    granted(ann)
    body = json.dumps(record()).encode()
    assert ann.switch.send("POST", CDR, in_a_form(body), FORM).status == 204
    assert ann.switch.send("POST", CDR, body, FORM).status == 204
    assert ann.organization.balance == "9.76"


def test_an_operators_switch_is_told_back_whose_call_it_was(world: World) -> None:
    ann = tenant(world)
    own = {"variable_talktime_organization": ann.organization.id, "variable_talktime_user": ann.user}
    actions(ask(world.operator, **own))
    assert tell(world.operator, talktime_organization=ann.organization.id).status == 204
    assert ann.story(UUID)["state"] == "settled"
    assert tell(world.operator).code == "organization_required"


@pytest.mark.parametrize("field", ["answer_epoch", "billmsec", "billsec"])
@pytest.mark.parametrize("value", ["-1", "x", "1e9", "9" * 30, {}, True])
def test_a_record_with_senseless_figures_is_not_taken(world: World, field: str, value: object) -> None:
    ann = tenant(world)
    granted(ann)
    told = tell(ann.switch, **{field: value})
    assert told.status in (204, 422)
    assert (ann.story(UUID)["state"] == "open") == (told.status == 422)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"cdr=", b"cdr=%7B", b'{"variables": []}', b"\xff", b"eyJhIjoxfQ=="]
)
def test_what_is_no_record_is_refused(world: World, body: bytes) -> None:
    assert tenant(world).switch.send("POST", CDR, body).status in (400, 422)


def test_the_key_may_be_the_password_of_anybody(world: World) -> None:
    ann = tenant(world)
    basic = b64encode(f"freeswitch:{ann.switch.key}".encode()).decode()
    assert world.nobody.post(CDR, record(talktime_call_id=None), authorization=f"Basic {basic}").status == 204
