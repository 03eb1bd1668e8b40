"""Whoever was not let in stands in the log: why, where, from where, and never what he typed."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from itertools import count
from typing import Any

import pytest
from structlog.testing import capture_logs

from talktime.portal import visit
from talktime.web.refusals import LINES_A_SECOND, Refusals
from tests.portal.client import PortalWorld
from tests.web.client import World

Line = MutableMapping[str, Any]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Line]]:
    # Each time another second.
    monkeypatch.setattr(visit, "REFUSALS", Refusals(count(1).__next__))
    with capture_logs() as told:
        yield told


def test_a_wrong_password_is_in_the_log_and_what_was_typed_is_not(portal: PortalWorld, lines: list[Line]) -> None:
    portal.nobody().submit("/sign-in", "/sign-in", email="canary@example.com", password="canary lantern")
    (line,) = lines
    assert (line["event"], line["log_level"], line["code"]) == ("refused", "warning", "sign_in_failed")
    assert (line["path"], line["method"], line["address"], line["member"]) == ("/sign-in", "POST", "127.0.0.1", None)
    assert "canary" not in str(line)


def test_who_tries_too_often_is_in_the_log(portal: PortalWorld, lines: list[Line]) -> None:
    for _ in range(11):
        portal.nobody().submit("/sign-in", "/sign-in", email="somebody@example.com", password="a guess")
    assert [line["code"] for line in lines] == ["sign_in_failed"] * 10 + ["too_many_attempts"]


def test_who_opens_what_he_may_not_is_in_the_log_with_his_id(portal: PortalWorld, lines: list[Line]) -> None:
    org = portal.world.organization()
    member = portal.member(org, "report_reader")
    assert portal.signed_in(org, member).get("/settings/keys").status == 403
    (line,) = lines
    assert (line["code"], line["member"]) == ("forbidden", member)


def test_a_key_that_is_none_or_may_not_is_in_the_log(world: World, lines: list[Line]) -> None:
    org = world.organization()
    assert world.nobody.get("/v1/balance").status == 401
    assert org.key("reports").post("/v1/users", {}).status == 403
    assert [(line["code"], line["path"], line["address"]) for line in lines] == [
        ("unauthorized", "/v1/balance", "127.0.0.1"),
        ("scope_missing", "/v1/users", "127.0.0.1"),
    ]


def test_nobody_fills_the_log_by_being_refused(lines: list[Line]) -> None:
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    for second in (1.0, 1.5, 2.0):
        now[0] = second
        for _ in range(LINES_A_SECOND):
            refusals.tell(code="unauthorized")
    assert len(lines) == 2 * LINES_A_SECOND
