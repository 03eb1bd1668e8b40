"""The table of routes: nothing stands open by mistake, and everything is described."""

from __future__ import annotations

import pytest

from talktime.core.scopes import Scope
from talktime.web.routes import Route
from talktime.web.table import PUBLIC, ROUTES, Unguarded, guarded
from tests.web.client import World


def handler() -> None:
    """Does nothing."""


def test_every_route_names_a_scope_or_is_meant_for_everybody() -> None:
    assert {route.path for route in ROUTES if route.scope is None} == PUBLIC


@pytest.mark.parametrize(
    "route", [Route("GET", "/v1/secrets", None, handler), Route("GET", "/healthz", Scope.CALLS, handler)]
)
def test_the_server_does_not_start_with_a_route_that_was_forgotten(route: Route) -> None:
    with pytest.raises(Unguarded):
        guarded([route])


def test_no_two_routes_are_the_same() -> None:
    named = [(route.method, route.path) for route in ROUTES]
    assert len(set(named)) == len(named)


def test_the_operators_routes_need_the_operators_scope() -> None:
    operators = [route for route in ROUTES if route.path.startswith("/v1/operator")]
    assert {route.scope for route in operators} == {Scope.OPERATOR}


def test_a_secret_is_never_kept_for_an_idempotency_key_unless_it_is_sealed() -> None:
    endings = ("/keys", "/webhooks", "/rotate")
    shown = [route for route in ROUTES if route.method == "POST" and route.path.endswith(endings)]
    assert [(route.once is not None, route.shown_once) for route in shown] == [
        (True, "key"),
        (True, "key"),
        (True, "secret"),
        (False, ""),
    ]


def refuses_in_its_own_words(dialplan: bytes) -> bool:
    """FreeSWITCH looks for another way when it hears a status that is not 200."""
    return b"talktime_reason=unauthorized" in dialplan and b"bridge" not in dialplan


def test_without_a_key_only_the_public_routes_answer(world: World) -> None:
    for route in ROUTES:
        if route.scope is not None:
            path = route.path.replace("{", "").replace("}", "")
            answer = world.nobody.send(route.method, path)
            assert answer.status == 401 or refuses_in_its_own_words(answer.content), route.path
    for path in PUBLIC:
        if "{" in path or path.startswith("/v1/providers"):
            # What is in braces was made here, or it is not there.
            continue
        assert world.nobody.get(path).status == 200
