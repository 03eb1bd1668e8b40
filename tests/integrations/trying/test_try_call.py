"""`talktime try-call`: one call through each door, and what it says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from talktime.cli.client import Client
from talktime.settings import Settings
from tests.cli.inside import inside
from tests.http.shop import Organization, Shop
from tests.integrations.asterisk.asterisk import agi
from tests.support.loopback import Answer, Loopback, Request
from tests.support.server import Server

pytestmark = pytest.mark.slow
TO = ("--to", "+442079460123")
GRANTED, REFUSED, CALLED_WRONGLY, NO_DECISION, CUT = 0, 1, 2, 3, 4


@pytest.fixture
def org(shop: Shop) -> Organization:
    return shop.organization("10", limits={"slice_seconds": 60})


class Tried:
    def __init__(self, code: int, said: str, complained: str) -> None:
        self.code, self.said, self.complained = code, said, complained

    @property
    def json(self) -> Any:
        return json.loads(self.said)


def tried(url: str, org: Organization, *options: str, scopes: tuple[str, ...] = ("calls", "funds")) -> Tried:
    key = org.key(*scopes)["key"]
    done = inside("try-call", *TO, "--url", url, "--user", org.caller, *options, TALKTIME_KEY=key)
    return Tried(done.returncode, done.stdout, done.stderr)


def steps(told: Any) -> list[str]:
    return [step["what"] for step in told["steps"]]


def test_each_step_is_shown_and_the_call_is_charged(platform_server: Server, org: Organization) -> None:
    done = tried(platform_server.url, org, "--seconds", "130", "--json")
    told = done.json
    assert done.code == GRANTED
    assert steps(told) == ["authorize", "answered", "extend", "extend", "settle"]
    assert (told["granted_seconds"], told["talked_seconds"], told["held"], told["charge"]) == (180, 130, "0.1", "0.3")
    assert (told["balance_before"], told["balance_after"], told["state"]) == ("10", "9.7", "settled")
    assert org.balance()["held"] == "0"


def test_people_read_it_as_sentences(platform_server: Server, org: Organization) -> None:
    done = tried(platform_server.url, org, "--seconds", "30")
    assert "Granted 60 s, talked 30 s, held at first 0.1." in done.said
    assert "Charged 0.1 USD; the call is settled." in done.said
    assert "Balance 10 before, 9.9 after." in done.said


def test_a_refused_call_says_why(platform_server: Server, org: Organization) -> None:
    done = tried(platform_server.url, org, "--to", "+999123456789", "--json")
    assert (done.code, done.json["reason"], done.json["code"]) == (REFUSED, "no_rate", 404)
    assert done.json["balance_after"] == "10"


def test_a_call_that_money_does_not_reach_is_cut(platform_server: Server, shop: Shop) -> None:
    org = shop.organization("0.1", limits={"slice_seconds": 60})
    done = tried(platform_server.url, org, "--json")
    assert (done.code, done.json["cut"], done.json["talked_seconds"], done.json["charge"]) == (CUT, True, 60, "0.1")


def test_who_does_not_answer_costs_nothing(platform_server: Server, org: Organization) -> None:
    done = tried(platform_server.url, org, "--seconds", "0", "--json")
    assert (done.code, steps(done.json), done.json["state"]) == (GRANTED, ["authorize", "release"], "released")
    assert done.json["balance_after"] == "10"


def test_the_seconds_may_really_pass(platform_server: Server, org: Organization) -> None:
    assert tried(platform_server.url, org, "--seconds", "1", "--wait", "--json").json["charge"] == "0.1"


def test_a_key_that_may_not_see_money_still_tries(platform_server: Server, org: Organization) -> None:
    told = tried(platform_server.url, org, "--json", scopes=("calls",)).json
    assert (told["charge"], told["balance_before"]) == ("0.3", None)


def test_without_an_address_the_data_folder_is_tried(tmp_path: Path) -> None:
    """Beside a running server or without one, like all commands."""
    assert inside("try-call", *TO, "--data", tmp_path / "data").returncode == CALLED_WRONGLY
    with Client(Settings(data=tmp_path / "data")) as client:
        for name in ("One Ltd", "Two Ltd"):
            made = client.send("POST", "/v1/operator/organizations", {"name": name, "country": "GB", "currency": "USD"})
    done = inside("try-call", "--to", "999", "--data", tmp_path / "data", "--org", made["id"], "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["charge"], told["balance_after"]) == (GRANTED, "0", "0")
    assert "exactly one organization" in inside("try-call", *TO, "--data", tmp_path / "data").stderr


# ---------------------------------------------------------------- other doors


@pytest.fixture(scope="module")
def agi_at(platform_server: Server) -> Iterator[str]:
    with agi(platform_server.url, platform_server.operator_key) as port:
        yield f"127.0.0.1:{port}"


def by_agi(server: Server, org: Organization, at: str, *options: str) -> Tried:
    return tried(server.url, org, "--door", "agi", "--at", at, "--org", org.id, "--json", *options)


def test_a_call_goes_through_the_door_of_asterisk(platform_server: Server, org: Organization, agi_at: str) -> None:
    done = by_agi(platform_server, org, agi_at, "--seconds", "59")
    assert (done.code, steps(done.json)) == (GRANTED, ["authorize", "answered", "settle"])
    assert (done.json["charge"], done.json["balance_after"]) == ("0.1", "9.9")


def test_what_the_door_of_asterisk_refuses_is_refused(platform_server: Server, org: Organization, agi_at: str) -> None:
    done = by_agi(platform_server, org, agi_at, "--to", "+999123456789")
    assert (done.code, done.json["reason"]) == (REFUSED, "no_rate")
    assert by_agi(platform_server, org, agi_at, "--seconds", "0").json["state"] == "released"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--door", "agi", "--at", "127.0.0.1:1"], NO_DECISION, "talktime agi does not answer"),
        (["--door", "diameter"], CALLED_WRONGLY, "Diameter"),
        (["--door", "radius"], CALLED_WRONGLY, "--radius-secret-file"),
        (["--door", "agi", "--at", "pbx:x"], CALLED_WRONGLY, "--at"),
        (["--door", "sip", "--to", "x;y", "--at", "127.0.0.1:1"], CALLED_WRONGLY, "called by SIP"),
    ],
)
def test_what_cannot_be_tried_is_said(
    platform_server: Server, org: Organization, options: list[str], code: int, words: str
) -> None:
    done = tried(platform_server.url, org, *options)
    assert (done.code, words in done.complained) == (code, True), done.complained


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ftp://example.com", "example.com"])
def test_an_address_where_nobody_is_is_named(org: Organization, url: str) -> None:
    done = tried(url, org)
    assert done.code in (CALLED_WRONGLY, NO_DECISION)
    assert url.rpartition("/")[2] in done.complained


def test_a_server_that_is_not_ours_is_noticed(org: Organization) -> None:
    class Stranger(Loopback):
        def answer(self, request: Request) -> Answer:
            return Answer(200, {}, b"<html>")

    with Stranger() as stranger:
        done = tried(stranger.url, org)
    assert (done.code, "does not answer like Talktime" in done.complained) == (NO_DECISION, True)
