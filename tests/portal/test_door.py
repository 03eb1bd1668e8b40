"""The door of the portal: what comes in is not believed, what goes out tells nothing that is nobody's business."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from talktime.actions.sessions import IDLE
from talktime.core.time import MINUTE
from talktime.portal.cookies import read as read_cookies
from talktime.portal.door import Portal
from tests.portal.client import PASSWORD, PortalWorld, Reader
from tests.web.client import Organization
from tests.web.money import Payer

BASE = {"user-agent": "Example Browser"}


@pytest.fixture
def org(portal: PortalWorld) -> Organization:
    return portal.world.organization()


@pytest.fixture
def admin(portal: PortalWorld, org: Organization) -> Reader:
    return portal.as_role(org, "global_administrator")


def cookie_of(reader: Reader) -> dict[str, str]:
    return {"cookie": f"talktime={reader.cookies['talktime']}"}


def answered(portal: PortalWorld, messages: list[dict[str, Any]], headers: Mapping[str, str]) -> int:
    """The status of a sign-in whose request arrives like this."""
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    told = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/sign-in", "raw_path": b"/sign-in", "query_string": b""}
    asyncio.run(Portal(portal.world.app)({**scope, "headers": told}, receive, send))
    return int(sent[0]["status"])


def test_who_only_wants_to_know_about_a_page_gets_no_content(portal: PortalWorld, admin: Reader) -> None:
    page = admin.get("/me")
    head = portal.ask("HEAD", "/me", None, {**BASE, **cookie_of(admin)})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == page.headers["content-type"]
    assert abs(int(head.headers["content-length"]) - len(page.content)) < 100
    assert portal.ask("HEAD", "/sign-out", None, BASE).status_code == 405


@pytest.mark.parametrize("length", ["many", "-5", "1_0", "", "1.5"])
def test_a_length_that_is_no_number_is_refused(portal: PortalWorld, length: str) -> None:
    assert answered(portal, [], {"content-length": length}) == 400


@pytest.mark.parametrize("length", ["9" * 12, "9" * 5000])
def test_a_length_beyond_all_measure_is_refused_before_anything_is_read(portal: PortalWorld, length: str) -> None:
    assert answered(portal, [], {"content-length": length}) == 413


def test_a_body_is_measured_though_it_names_no_length(portal: PortalWorld) -> None:
    whole = {"type": "http.request", "body": b"x" * (2 << 20), "more_body": False}
    assert answered(portal, [whole], {}) == 413


def test_half_a_form_is_no_form(portal: PortalWorld) -> None:
    half = {"type": "http.request", "body": b"amount=10", "more_body": True}
    assert answered(portal, [half, {"type": "http.disconnect"}], {}) == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/xml"])
def test_what_no_browser_sends_is_no_form(admin: Reader, portal: PortalWorld, kind: str) -> None:
    headers = {**BASE, **cookie_of(admin), "origin": "http://talktime", "content-type": kind}
    assert portal.ask("POST", "/sign-out", b"token=1", headers).status_code == 400
    assert admin.get("/me").status == 200


def test_a_token_of_other_letters_is_a_wrong_one(admin: Reader) -> None:
    assert admin.send("/sign-out", {"token": "\N{LATIN SMALL LETTER E WITH ACUTE}"}).status == 403


def test_an_address_that_leads_on_holds_no_line_break(admin: Reader) -> None:
    token = admin.get("/me").form("/sign-out").values["token"]
    for name in ("%0d%0aset-cookie:%20a=b", "%C3%A9"):
        answer = admin.send(f"/billing/payment-options/cards/{name}/default", {"token": token})
        assert answer.status in (404, 422), name
        again = admin.get(f"/help/x?next={name}")
        assert "a" not in again.headers.get("set-cookie", ""), name


def test_a_name_in_an_address_is_a_name_and_no_way(portal: PortalWorld, admin: Reader) -> None:
    payer = Payer(portal.world)
    card, reader = payer.card(), portal.as_role(payer.org, "billing_administrator")
    token = reader.get("/me").form("/sign-out").values["token"]
    sent = reader.send(f"/billing/payment-options/agreements/..%2Fpayment-methods%2F{card}/remove", {"token": token})
    assert sent.status == 422
    assert payer.api.get(f"/v1/payment-methods/{card}").json["state"] == "active"


def test_a_part_of_a_page_leads_back_to_the_page(portal: PortalWorld) -> None:
    asked = {**BASE, "hx-request": "true", "referer": "http://talktime/billing/credits?tab=all"}
    sent = portal.ask("GET", "/billing/credits/now", None, asked)
    assert sent.headers["hx-redirect"] == "/sign-in?next=%2Fbilling%2Fcredits%3Ftab%3Dall"


def test_a_page_that_was_left_open_is_nobody_who_is_there(portal: PortalWorld, org: Organization) -> None:
    reader = portal.as_role(org, "global_administrator")
    clock = portal.world.clock
    for _ in range(3):
        clock.at += IDLE // 2 - MINUTE
        part = portal.ask("GET", "/billing/credits/now", None, {**BASE, **cookie_of(reader), "hx-request": "true"})
    assert part.headers["hx-redirect"].startswith("/sign-in")


def test_somebody_who_looks_from_time_to_time_stays(admin: Reader, portal: PortalWorld) -> None:
    for _ in range(3):
        portal.world.clock.at += IDLE // 2 - MINUTE
        assert admin.get("/me").status == 200


def test_where_a_form_stood_may_be_nonsense(portal: PortalWorld, org: Organization) -> None:
    reader = portal.as_role(org, "global_administrator")
    token = reader.get("/me").form("/sign-out").values["token"]
    portal.world.clock.at += 20 * MINUTE
    kind = {"content-type": "application/x-www-form-urlencoded", "origin": "http://talktime"}
    headers = {**BASE, **cookie_of(reader), **kind, "referer": "http://[nonsense"}
    sent = portal.ask("POST", "/settings/keys/new", f"token={token}".encode(), headers)
    assert sent.headers["location"] == "/sign-in/again?next=%2F"


def test_who_signs_in_over_somebody_ends_that_session(portal: PortalWorld, org: Organization, admin: Reader) -> None:
    old = admin.cookies["talktime"]
    portal.member(org, "helpdesk")
    token = admin.get("/me").form("/sign-out").values["token"]
    admin.send("/sign-in", {"token": token, "email": "helpdesk@example.com", "password": PASSWORD})
    assert admin.cookies["talktime"] != old
    assert Reader(portal, old).get("/me").to.startswith("/sign-in")


def test_cookies_of_others_spoil_none_of_ours() -> None:
    found = read_cookies('other={"a": [1]}; =; talktime=abc; talktime_theme="dark"; b')
    assert (found["talktime"], found["talktime_theme"]) == ("abc", "dark")


@pytest.mark.parametrize(
    "path",
    [
        "/operator/organizations?cursor=" + "9" * 30,
        "/operator/fraud-guard?cursor=" + "9" * 5000,
        "/operator/members/%C3%A9",
    ],
)
def test_addresses_that_nobody_made_break_no_page_of_the_operator(portal: PortalWorld, path: str) -> None:
    assert portal.as_role(None, "operator").get(path).status in (200, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/reports/usage?range=custom&from=9999-12-31&to=9999-12-31",
        "/reports/usage?range=custom&from=0001-01-01",
        "/calls/search?from=9999-12-31",
        "/billing/credits/activity.csv?to=9999-12-31",
        "/settings/audit?to=9999-12-31",
        "/billing/receipts/%C3%A9.pdf",
    ],
)
def test_addresses_that_nobody_made_break_no_page(admin: Reader, path: str) -> None:
    assert admin.get(path).status in (404, 422)


def test_a_database_that_does_not_answer_is_told_also_to_members(
    portal: PortalWorld, admin: Reader, tmp_path: Path
) -> None:
    database = portal.world.app.database
    reader, database.reader = database.reader, create_engine(f"sqlite:///{tmp_path}/nowhere/talktime.db")
    shown = admin.get("/billing/credits")
    database.reader = reader
    assert (shown.status, shown.title) == (503, "One moment please")
    assert admin.get("/billing/credits").status == 200
