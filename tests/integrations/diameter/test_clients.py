"""Who may connect, and whose calls are asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from talktime.core.call_types import CallType
from talktime.integrations.diameter.avps import Wrong
from talktime.integrations.diameter.clients import Account, CannotUse, Directory, Guests, directory_of, peer_of
from talktime.integrations.diameter.codes import Code, of_refusal
from talktime.integrations.diameter.running import Options, _guests, _name
from talktime.web.call_answers import SIP

LINES = [
    "# who is who",
    "host  Scscf1.Example.net  org_1",
    "realm example.net         org_2 conf_in",
    "",
    "context 32260@3gpp.org    org_3  # everybody else's",
]


def asked(host: str = "a.example.org", realm: str = "example.org", context: str = "x") -> Any:
    return SimpleNamespace(host=host, realm=realm, context=context)


def test_an_organization_is_found_by_host_then_realm_then_context() -> None:
    directory = directory_of(LINES, CallType.USER_OUT)
    assert directory.account(asked("scscf1.example.net", "example.net")) == Account("org_1", CallType.USER_OUT)
    assert directory.account(asked(realm="example.net")) == Account("org_2", CallType.CONF_IN)
    assert directory.account(asked(context="32260@3gpp.org")).organization == "org_3"


def test_whoever_stands_in_no_line_is_refused() -> None:
    with pytest.raises(Wrong) as caught:
        directory_of(LINES, CallType.USER_OUT).account(asked())
    assert caught.value.code is Code.AUTHORIZATION_REJECTED


def test_without_a_file_all_calls_are_those_of_the_key() -> None:
    assert Directory({}, Account(None)).account(asked()).organization is None


@pytest.mark.parametrize(
    "line", ["host a", "peer a org_1", "host a acme", "host a org_1 fax", "host a org_1 user_out x"]
)
def test_a_line_that_cannot_be_meant_is_named(line: str) -> None:
    with pytest.raises(CannotUse, match="line 2"):
        directory_of(["", line], CallType.USER_OUT)


def test_a_peer_is_known_by_name_and_address() -> None:
    guests = Guests([peer_of("A.example=192.0.2.0/24"), peer_of("b.example", may_relay=True)])
    assert not guests.peer("a.example", "192.0.2.7").may_relay
    assert guests.peer("b.example", "2001:db8::1").may_relay
    for host, address in (("a.example", "198.51.100.1"), ("c.example", "192.0.2.7")):
        with pytest.raises(Wrong) as caught:
            guests.peer(host, address)
        assert caught.value.code is Code.UNKNOWN_PEER


def test_without_names_only_this_machine_may_connect() -> None:
    assert Guests().peer("any.example", "127.0.0.1")
    assert Guests().peer("any.example", "::ffff:127.0.0.1")
    with pytest.raises(Wrong):
        Guests().peer("any.example", "192.0.2.7")


def test_nobody_listens_to_the_world_without_saying_to_whom() -> None:
    with pytest.raises(CannotUse, match="--peer"):
        _guests(Options("a.example", "example"), "0.0.0.0")
    assert _guests(Options("a.example", "example", ["b.example"]), "0.0.0.0")


@pytest.mark.parametrize("wrong", ["", "a b", "a_b.example", "-a", "ä.example", "a" * 300])
def test_a_name_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(CannotUse):
        _name(wrong)
    with pytest.raises(CannotUse):
        peer_of("a.example=nowhere")


def test_who_has_no_money_is_told_so_and_nobody_else() -> None:
    without_money = {reason for reason, sip in SIP.items() if sip.code == 402}
    assert {reason for reason in SIP if of_refusal(reason) is Code.CREDIT_LIMIT_REACHED} == without_money
