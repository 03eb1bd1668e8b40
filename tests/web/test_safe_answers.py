"""What a browser may make of the API's answers, whoever led it there."""

from __future__ import annotations

import pytest

from talktime.web.asgi import SAFE
from tests.web.client import World

EVERYWHERE = {name.decode(): value.decode() for name, value in SAFE}
GUARDED = ("default-src 'none'", "base-uri 'none'", "form-action", "frame-ancestors 'none'")


def test_answers_of_the_api_run_nothing_and_stand_in_no_frame(world: World) -> None:
    org = world.organization()
    settled = {"call_id": "guarded", "duration_seconds": 0}
    answers = (org.api.get("/v1/balance"), org.api.post("/v1/calls/settle", settled), world.nobody.get("/v1/nothing"))
    assert [answer.status for answer in answers] == [200, 200, 404]
    assert [{name: answer.headers.get(name) for name in EVERYWHERE} for answer in answers] == [EVERYWHERE] * 3


@pytest.mark.parametrize("path", ["/v1/docs", "/pay/done", "/healthz", "/metrics", "/v1/openapi.json"])
def test_pages_of_the_api_have_one_policy_and_it_is_strict(path: str, world: World) -> None:
    """Two policies would both hold, and the stricter one take the other's style sheet away."""
    headers = world.nobody.get(path).headers
    (policy,) = headers.get_list("content-security-policy")
    assert [one for one in GUARDED if one not in policy] == []
    assert headers["referrer-policy"] == "no-referrer"


def test_what_a_page_is_drawn_with_may_be_kept(world: World) -> None:
    assert world.nobody.get("/static/hosted.css").headers.get_list("cache-control") == ["public, max-age=3600"]


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS"])
def test_pages_of_others_are_let_in_by_no_header_and_nothing_is_echoed(method: str, world: World) -> None:
    asked = world.nobody.send(method, "/v1/balance", origin="https://elsewhere.example")
    told = world.nobody.send("GET", "/v1/docs", origin="https://elsewhere.example")
    assert (asked.status, told.status) == (405, 200)
    assert "elsewhere" not in asked.content.decode()
    allowed = [name for answer in (asked, told) for name in answer.headers if name.startswith("access-control")]
    assert allowed == []
