"""Q12, all of it: it is quick enough. By hand: `python -m tests.http.permissions`."""

from __future__ import annotations

from pathlib import Path

import pytest

from talktime.core.scopes import Scope
from talktime.web.table import ROUTES
from tests.http import permissions
from tests.http.broken_gate import TOLD
from tests.http.permissions import PUBLIC, SCOPES, scope_of
from tests.http.races import answering
from tests.http.shop import Api, place
from tests.support.server import serving


def test_the_table_says_what_the_contract_says() -> None:
    assert {route.path for route in ROUTES if route.scope is None} == PUBLIC
    named = {f"{route.method} {route.path}": str(route.scope) for route in ROUTES if route.path not in PUBLIC}
    guarded = {f"{route.method} {route.path}": scope_of(route) for route in ROUTES if route.path not in PUBLIC}
    assert named == guarded
    assert {*SCOPES, "operator"} == {scope.value for scope in Scope}


@pytest.mark.slow
def test_everybody_may_do_what_the_rule_says_and_nothing_else(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        figures = permissions.differences(server)
    assert figures.differences == []
    assert figures.requests > figures.routes * figures.askers


@pytest.mark.slow
def test_on_postgresql_as_well(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with place("postgresql", tmp_path, lambda: request.getfixturevalue("postgres")) as where, serving(where) as server:
        assert permissions.differences(server, only_done=True).differences == []


@pytest.mark.slow
def test_a_revoked_key_is_refused_at_the_next_request(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        assert permissions.still_served(server) == []


@pytest.mark.slow
def test_a_revoked_key_is_refused_by_every_process(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with (
        place("postgresql", tmp_path, lambda: request.getfixturevalue("postgres")) as where,
        serving(where, "--workers", "2") as server,
    ):
        assert permissions.still_served(server) == []
        apis = [Api(server.url, None) for _ in range(permissions.CONNECTIONS)]
        for api in apis:
            api.get("/healthz")
        assert len(answering(server)) == 2
        for api in apis:
            api.close()


@pytest.mark.slow
def test_a_gate_that_stands_open_is_told(tmp_path: Path) -> None:
    told = permissions.caught(tmp_path / "data")
    assert [begin for begin in TOLD if not any(one.startswith(begin) for one in told)] == []
