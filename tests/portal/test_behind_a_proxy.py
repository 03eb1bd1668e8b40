"""The portal where a proxy stands before it: who tries too often is the visitor, not the proxy; and TLS stays."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from talktime.actions.attempts import OF_AN_ADDRESS
from talktime.portal.door import Portal, beside
from talktime.settings import Settings
from talktime.web.asgi import Api
from tests.portal.client import ADDRESS, PASSWORD, PortalWorld, Reader
from tests.web.client import World
from tests.web.conftest import opened

HOME, OTHER = "192.0.2.7", "198.51.100.1"
TLS = "strict-transport-security"


@pytest.fixture
def proxied(empty_data: Path, tmp_path: Path) -> Iterator[PortalWorld]:
    """Whoever asks in these tests comes from 127.0.0.1: here that is a proxy."""
    shutil.copytree(empty_data, tmp_path / "behind")
    with opened(Settings(data=tmp_path / "behind", trusted_proxies="127.0.0.1")) as world:
        made = PortalWorld(world)
        yield made
        made.close()


def visitor(portal: PortalWorld, *chain: str) -> Reader:
    reader = portal.nobody()
    reader.headers["x-forwarded-for"] = ", ".join(chain)
    return reader


def guess(reader: Reader, times: int) -> int:
    """The status of the last of so many attempts, each under another name."""
    values = reader.get("/sign-in").form("/sign-in").values
    tries = ({"email": f"nobody-{one}@example.com", "password": "a guess"} for one in range(times))
    return [reader.send("/sign-in", values | one).status for one in tries][-1]


def test_who_guesses_too_often_stops_nobody_else_behind_the_same_proxy(proxied: PortalWorld) -> None:
    assert guess(visitor(proxied, HOME), OF_AN_ADDRESS + 1) == 429
    assert guess(visitor(proxied, HOME, OTHER), 1) == 401
    # Another name before his own is no way around it.
    assert guess(visitor(proxied, OTHER, HOME), 1) == 429


def test_without_a_trusted_proxy_another_name_each_time_is_no_way_around_the_limit(portal: PortalWorld) -> None:
    assert guess(visitor(portal, HOME), OF_AN_ADDRESS) == 401
    assert guess(visitor(portal, OTHER), 1) == 429


def test_sessions_and_the_audit_log_say_from_where_somebody_really_came(proxied: PortalWorld) -> None:
    org = proxied.world.organization()
    proxied.member(org, "helpdesk")
    reader = visitor(proxied, "203.0.113.9", HOME)
    assert reader.submit("/sign-in", "/sign-in", email="helpdesk@example.com", password=PASSWORD).status == 303
    assert HOME in reader.get("/me").words
    (signed_in,) = [one for one in org.api.get("/v1/audit").json["data"] if one["action"] == "member.signed_in"]
    assert HOME in str(signed_in["new"]) and "203.0.113.9" not in str(signed_in["new"])


def answers(world: World, reached_at: str) -> dict[str, httpx.Headers]:
    """Of a page, of one for whoever has a link, and of the API."""

    async def ask() -> dict[str, httpx.Headers]:
        transport = httpx.ASGITransport(beside(Api(world.app), Portal(world.app), reached_at))
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
            return {path: (await client.get(path)).headers for path in ("/sign-in", "/pay/none", "/v1/balance")}

    return asyncio.run(ask())


def test_whoever_has_seen_a_page_by_tls_asks_for_no_other_without(world: World) -> None:
    told = answers(world, "https://talktime.example.com")
    assert told["/sign-in"][TLS] == told["/pay/none"][TLS] == "max-age=31536000"
    assert TLS not in told["/v1/balance"]


def test_where_there_is_no_tls_nothing_is_said_of_it(world: World) -> None:
    assert all(TLS not in headers for headers in answers(world, "http://talktime.example.com").values())
