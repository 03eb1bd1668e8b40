"""`talktime radius init`: a folder that FreeRADIUS can read, with nothing in it that its author did not mean."""

from __future__ import annotations

import json
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.inside import inside
from tests.http.shop import Api, Shop
from tests.support.server import Server, talktime

KEY = "tt_live_1-01a1ff012b5f74489552ffce40047b31-v5dVh2nuwjO9VW53RCg2rbFFQtmmMVLdeG4kDdkks64"


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    return str(file)


def init(to: Path, *options: str) -> tuple[int, str]:
    """Its exit code and all that it said."""
    done = inside("radius", "init", "--to", str(to), *options)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["--gateway", "gw1=192.0.2.10"],
        ["--gateway", "gw1=192.0.2.10", "--gateway", "gw-2.example=2001:db8::/48", "--gateway", "lab=198.51.100.7/24"],
        [
            "--gateway",
            "gw1=192.0.2.10",
            "--organization",
            "org_1f",
            "--call-type",
            "ucap_out",
            "--user",
            "a.b@example.com",
        ],
        [
            "--gateway",
            "gw1=192.0.2.10",
            "--plain-digits",
            "--emergency",
            "999",
            "--listen",
            "::",
            "--auth-port",
            "1645",
        ],
        ["--gateway", "gw1=192.0.2.10", "--url", "https://talktime.example.com/below/"],
    ],
)
def test_freeradius_can_read_what_is_written(tmp_path: Path, key_file: str, options: list[str]) -> None:
    code, said = init(tmp_path / "raddb", "--key-file", key_file, *options)
    assert (code, "FreeRADIUS can read it" in said) == (0, True), said
    assert KEY not in said
    written = {file.name: file.read_text() for file in (tmp_path / "raddb").iterdir()}
    assert [name for name, text in written.items() if "@url@" in text or "@plain@" in text] == []


@pytest.mark.slow
def test_secrets_are_for_their_owner_alone_and_another_each_time(tmp_path: Path, key_file: str) -> None:
    given = ["--key-file", key_file, "--gateway", "gw1=192.0.2.10", "--gateway", "gw2=192.0.2.11"]
    secrets = set()
    for options in (given, [*given, "--force"]):
        made = inside("radius", "init", "--to", str(tmp_path), *options, "--json")
        assert made.returncode == 0, made.stderr
        secrets |= {one["secret"] for one in json.loads(made.stdout)["gateways"].values()}
    assert len(secrets) == 4
    assert all(secret.isalnum() for secret in secrets), "a dash at the beginning would be an option to radclient"
    for name in ("key.conf", "clients.conf"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.slow
def test_what_is_there_is_kept_unless_somebody_insists(tmp_path: Path, key_file: str) -> None:
    (tmp_path / "radiusd.conf").write_text("mine")
    code, said = init(tmp_path, "--key-file", key_file, "--gateway", "gw1=192.0.2.10")
    assert (code, "--force" in said) == (2, True)
    assert (tmp_path / "radiusd.conf").read_text() == "mine"
    assert not (tmp_path / "key.conf").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["--gateway", 'gw1"=192.0.2.10'],
        ["--gateway", "gw1 {=192.0.2.10"],
        ["--gateway", "=192.0.2.10"],
        ["--gateway", "gw1=nowhere"],
        ["--gateway", "gw1=192.0.2.10\n}"],
        ["--url", 'http://127.0.0.1:8080"'],
        ["--url", "http://127.0.0.1:8080/%{exec:id}"],
        ["--url", "ftp://127.0.0.1"],
        ["--user", "%{User-Password}"],
        ["--user", 'a"b'],
        ["--organization", "org_1}"],
        ["--call-type", "gratis"],
        ["--emergency", "1.*"],
        ["--listen", "localhost; x"],
        ["--auth-port", "70000"],
    ],
)
def test_hostile_options_are_refused_and_nothing_is_written(tmp_path: Path, key_file: str, options: list[str]) -> None:
    code, said = init(tmp_path / "raddb", "--key-file", key_file, "--gateway", "ok=192.0.2.1", *options)
    assert code == 2
    assert options[0] in said
    assert not (tmp_path / "raddb").exists()


@pytest.mark.slow
def test_a_file_without_a_key_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text('"\n}')
    code, said = init(tmp_path / "raddb", "--key-file", str(tmp_path / "key"), "--gateway", "gw1=192.0.2.10")
    assert (code, "holds no key" in said) == (2, True)
    code, said = init(tmp_path / "raddb", "--gateway", "gw1=192.0.2.10")
    assert (code, "--organization" in said) == (2, True)


@pytest.mark.slow
def test_beside_a_server_it_makes_its_own_key(platform_server: Server, shop: Shop, tmp_path: Path) -> None:
    org = shop.organization("5")
    options = ["--organization", org.id, "--gateway", "gw1=192.0.2.10", *platform_server.database]
    made = talktime("radius", "init", "--to", tmp_path / "raddb", *options)
    assert made.returncode == 0, made.stderr
    line = (tmp_path / "raddb" / "key.conf").read_text().splitlines()[-1]
    key = line.partition('"')[2].rstrip('"')
    with closing(Api(platform_server.url, key)) as api:
        assert api.get("/v1/calls").status == 200
        assert api.get("/v1/balance").status == 403
