"""Over TLS every cookie is ours alone, whatever it keeps; and what it keeps is known again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.settings import Settings
from tests.portal.client import PASSWORD, PortalWorld, Reader, Shown
from tests.web.conftest import opened


@pytest.fixture
def secure(empty_data: Path, tmp_path: Path) -> Iterator[PortalWorld]:
    """Reached by https."""
    shutil.copytree(empty_data, tmp_path / "secure")
    with opened(Settings(data=tmp_path / "secure", public_url="https://talktime")) as world:
        made = PortalWorld(world)
        yield made
        made.close()


def written(shown: Shown) -> dict[str, list[str]]:
    """Each cookie with what is said of it."""
    told = [line.split("; ") for line in shown.headers.get_list("set-cookie")]
    return {first.partition("=")[0]: rest for first, *rest in told}


def signed_in(secure: PortalWorld) -> tuple[Reader, Shown]:
    secure.member(secure.world.organization(), "report_reader")
    reader = secure.nobody()
    who = {"email": "report_reader@example.com", "password": PASSWORD}
    return reader, reader.submit("/sign-in", "/sign-in", **who)


def test_every_cookie_is_taken_from_us_alone_and_over_tls_alone(secure: PortalWorld) -> None:
    reader, answer = signed_in(secure)
    chosen = reader.submit("/me", "/me", theme="dark", language="sl")
    told = written(answer) | written(chosen) | written(reader.get("/language/lv"))
    assert {"__Host-talktime", "__Host-talktime_language", "__Host-talktime_theme"} <= set(told)
    wanted = {"Path=/", "SameSite=Lax", "HttpOnly", "Secure"}
    assert {name: wanted - set(said) for name, said in told.items()} == {name: set() for name in told}
    assert [name for name in told if not name.startswith("__Host-")] == []


def test_what_they_keep_is_known_again(secure: PortalWorld) -> None:
    reader, _ = signed_in(secure)
    reader.submit("/me", "/me", theme="dark", language="sl")
    page = reader.get("/me").html
    assert '<html lang="sl" data-theme="dark">' in page


def test_a_session_that_another_site_has_written_is_none(secure: PortalWorld) -> None:
    reader, _ = signed_in(secure)
    stranger = secure.nobody()
    stranger.cookies["talktime"] = reader.cookies["__Host-talktime"]
    assert stranger.get("/me").status == 303
    assert reader.get("/me").status == 200


def test_where_somebody_signed_in_the_last_time_is_known_over_tls_as_well(secure: PortalWorld) -> None:
    org, reader = secure.world.organization(), secure.nobody()
    assert org.id not in reader.get("/sso").html
    reader.cookies["__Host-talktime_sso_last"] = org.id
    assert f"/sso/{org.id}" in reader.get("/sso").html
