"""`talktime kamailio init` writes a folder that Kamailio accepts, whatever it is given, or nothing at all."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from talktime.cli import kamailio
from talktime.cli.client import Client
from talktime.cli.options import settings_of
from talktime.integrations.kamailio.phones import ha1
from tests.cli.inside import inside
from tests.support.server import Server

TRUNK = ("--trunk", "192.0.2.10")
CUT_URL = "http://127.0.0.1:5066/cut"


class Installation:
    """A data folder with two organizations and no server."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.orgs = [self.ask("POST", "/v1/operator/organizations", _organization())["id"] for _ in range(2)]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        with Client(settings_of(self.data, None)) as client:
            return client.send(method, path, body)

    def init(self, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return inside("kamailio", "init", "--to", folder, *options, "--data", self.data)

    @property
    def pbx(self) -> tuple[str, ...]:
        return (*TRUNK, "--organization", f"{self.orgs[0]}=192.0.2.20")


def _organization() -> dict[str, str]:
    return {"name": "Example Ltd", "country": "GB", "currency": "USD"}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("installation") / "data")


@pytest.fixture
def without_kamailio(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine where it is not installed: nothing takes time. The calls of the lab go on meanwhile, so that the
    environment must stay as it is."""
    monkeypatch.setattr(kamailio, "kamailio_program", lambda: None)


VARIANTS = {
    "a PBX": ["--organization", "{0}=192.0.2.20"],
    "networks of two": ["--organization", "{0}=192.0.2.0/28", "--organization", "{1}=198.51.100.7"],
    "a conference bridge": ["--organization", "{0}:conf_out=192.0.2.30"],
    "version six": ["--organization", "{0}=2001:db8::/32", "--listen", "[::1]:5060", "--trunk", "[2001:db8:1::1]:5070"],
    "phones": ["--digest", "--realm", "sip.example.com"],
    "phones and a PBX": ["--digest", "--organization", "{0}=192.0.2.20"],
    "two sockets and a door": [
        "--digest",
        "--listen",
        "127.0.0.1:5060",
        "--listen",
        "tcp:127.0.0.1:5060",
        "--cut-url",
        CUT_URL,
    ],
    "a long name": ["--digest", "--name", "n" * 64, "--url", "http://talktime.example.com:8080/behind/"],
}


@pytest.mark.slow
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_kamailio_accepts_what_is_written(installation: Installation, tmp_path: Path, options: list[str]) -> None:
    given = [one.format(*installation.orgs) for one in options]
    made = installation.init(tmp_path / "edge", *TRUNK, *given, "--json")
    assert (made.returncode, made.stderr) == (0, "")
    told = json.loads(made.stdout)
    assert (told["accepted_by_kamailio"], told["registered"]) == (True, True)


@pytest.mark.slow
def test_what_kamailio_has_against_it_is_told(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "kamailio"
    program.write_text("#!/bin/sh\necho ERROR: bad config file >&2\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setattr(kamailio, "kamailio_program", lambda: str(program))
    made = installation.init(tmp_path / "edge", *installation.pbx)
    assert made.returncode == 3
    assert "ERROR: bad config file" in made.stderr


@pytest.mark.usefixtures("without_kamailio")
class TestWithoutKamailio:
    def test_only_its_owner_can_read_what_is_secret(self, installation: Installation, tmp_path: Path) -> None:
        installation.init(tmp_path / "edge", *installation.pbx, "--cut-url", CUT_URL)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "edge").iterdir()}
        secret = {name for name, mode in modes.items() if mode == 0o600}
        assert secret == {"settings.cfg", "phones", "calls.sqlite"}
        assert set(modes.values()) == {0o600, 0o644}

    def test_nothing_is_left_to_fill_in_and_no_secret_is_elsewhere(
        self, installation: Installation, tmp_path: Path
    ) -> None:
        installation.init(tmp_path / "edge", *installation.pbx)
        texts = {path.name: path.read_text() for path in (tmp_path / "edge").iterdir() if path.suffix != ".sqlite"}
        assert not [name for name, text in texts.items() if "SWITCH_FOLDER" in text]
        assert [name for name, text in texts.items() if "tt_live_" in text] == ["settings.cfg"]

    def test_for_one_organization_the_key_opens_its_calls_and_nothing_else(
        self, installation: Installation, tmp_path: Path
    ) -> None:
        installation.init(tmp_path / "edge", *installation.pbx)
        keys = installation.ask("GET", f"/v1/operator/organizations/{installation.orgs[0]}/keys?limit=1000")["data"]
        assert keys and all(one["scopes"] == ["calls"] for one in keys)

    def test_the_switch_is_known_with_its_door(self, installation: Installation, tmp_path: Path) -> None:
        for force in ([], ["--force"]):
            done = installation.init(
                tmp_path / "edge", *TRUNK, "--digest", "--name", "known", "--cut-url", CUT_URL, *force
            )
            assert (done.returncode, "Talktime knows the switch known." in done.stdout) == (0, True)
        switch = installation.ask("GET", "/v1/switches/known")
        assert (switch["cut_url"], switch["has_cut_token"]) == (CUT_URL, True)

    def test_it_says_when_nobody_has_looked_at_the_configuration(
        self, installation: Installation, tmp_path: Path
    ) -> None:
        assert "nobody has looked" in installation.init(tmp_path / "edge", *installation.pbx).stdout

    def test_a_folder_is_written_over_only_by_force_and_your_lists_stay(
        self, installation: Installation, tmp_path: Path
    ) -> None:
        folder = tmp_path / "edge"
        installation.init(folder, *installation.pbx)
        (folder / "numbers").write_text("mine")
        before = (folder / "settings.cfg").read_text()
        refused = installation.init(folder, *installation.pbx)
        assert (refused.returncode, "--force" in refused.stderr) == (2, True)
        assert (folder / "settings.cfg").read_text() == before
        forced = installation.init(folder, *TRUNK, "--digest", "--force")
        assert forced.returncode == 0
        assert (folder / "numbers").read_text() == "mine"
        assert "WITH_DIGEST" in (folder / "settings.cfg").read_text()

    def test_a_platform_that_is_not_there_is_told_later(self, installation: Installation, tmp_path: Path) -> None:
        key = tmp_path / "key"
        key.write_text("tt_live_7-0123456789\n")
        dead = ["--key-file", str(key), "--url", "http://127.0.0.1:9"]
        made = installation.init(tmp_path / "edge", *installation.pbx, *dead)
        assert (made.returncode, "does not know the switch kamailio yet" in made.stdout) == (0, True)
        assert 'talktime.key = "tt_live_7-0123456789"' in (tmp_path / "edge" / "settings.cfg").read_text()

    def test_an_organization_that_is_not_there_gets_no_switch(self, installation: Installation, tmp_path: Path) -> None:
        made = installation.init(tmp_path / "edge", *TRUNK, "--organization", "org_999=192.0.2.20")
        assert (made.returncode, "there is no organization org_999" in made.stderr) == (3, True)
        assert list((tmp_path / "edge").iterdir()) == []

    @pytest.mark.parametrize(
        "options",
        [
            ["--name", 'a" desc "x'],
            ["--name", "a\nlisten=udp:0.0.0.0:5060"],
            ["--name", ""],
            ["--name", "n" * 65],
            ["--url", 'http://x" desc "'],
            ["--url", "file:///etc/passwd"],
            ["--url", "http://user:secret@example.com"],
            ["--url", "http://[::1"],
            ["--url", "http://example.com:99999"],
            ["--url", "http:"],
            ["--trunk", "carrier.example.com"],
            ["--trunk", "192.0.2.1:0"],
            ["--trunk", "192.0.2.1:65536"],
            ["--trunk", "192.0.2.1:٣"],
            ["--trunk", "192.0.2.1;transport=tcp"],
            ["--listen", "tls:192.0.2.1:5061"],
            ["--listen", "udp:0.0.0.0:5060\nxlog"],
            ["--organization", "192.0.2.1"],
            ["--organization", "org_1="],
            ["--organization", "org_1=192.0.2.1/33"],
            ["--organization", "org_1;conf_out=192.0.2.1"],
            ["--organization", "org_1:conf_in=192.0.2.1"],
            ["--organization", "org_1:user_out x=192.0.2.1"],
            ["--organization", "org_1\n2=192.0.2.1"],
            ["--realm", 'a" b'],
            ["--cut-url", "https://127.0.0.1:5066/cut"],
            ["--cut-url", "http://127.0.0.1:5066/other"],
            ["--cut-url", "http://127.0.0.1/cut"],
            ["--cut-url", "http://edge.example.com:5066/cut"],
            ["--key-file", "/dev/null"],
        ],
        ids=repr,
    )
    def test_a_value_that_could_become_configuration_is_refused(
        self, installation: Installation, tmp_path: Path, options: list[str]
    ) -> None:
        made = installation.init(tmp_path / "edge", *TRUNK, "--digest", *options)
        assert (made.returncode, made.stdout) == (2, "")
        assert made.stderr.startswith(f"talktime: {options[0].removeprefix('--').split('-file')[0]}")
        assert not (tmp_path / "edge" / "kamailio.cfg").exists()

    def test_a_folder_whose_name_kamailio_would_misread_is_refused(
        self, installation: Installation, tmp_path: Path
    ) -> None:
        made = installation.init(tmp_path / 'e"dge', *installation.pbx)
        assert (made.returncode, made.stderr.startswith("talktime: folder")) == (2, True)

    def test_somebody_must_be_able_to_call(self, installation: Installation, tmp_path: Path) -> None:
        made = installation.init(tmp_path / "edge", *TRUNK)
        assert (made.returncode, "nobody could call" in made.stderr) == (2, True)

    def test_a_phone_stands_in_the_list_once_and_without_its_password(
        self, installation: Installation, tmp_path: Path
    ) -> None:
        folder = tmp_path / "edge"
        installation.init(folder, *TRUNK, "--digest", "--realm", "sip.example.com")
        for number in ("+442079460101", "+442079460102"):
            last = _phone(folder, "desk", "--user", number)
        password = last.stdout.strip()
        lines = (folder / "phones").read_text().splitlines()
        assert lines[1:] == [f"desk,org_1,{ha1('desk', 'sip.example.com', password)},+442079460102"]
        assert stat.S_IMODE((folder / "phones").stat().st_mode) == 0o600

    def test_a_password_can_be_given_in_a_file_and_is_not_told(
        self, installation: Installation, tmp_path: Path
    ) -> None:
        folder, file = tmp_path / "edge", tmp_path / "password"
        installation.init(folder, *TRUNK, "--digest")
        file.write_text("secret\n")
        assert _phone(folder, "desk", "--user", "usr_1", "--password-file", str(file)).stdout == ""
        assert ha1("desk", "talktime", "secret") in (folder / "phones").read_text()

    @pytest.mark.parametrize(("name", "user"), [("a,b", "usr_1"), ("a", "usr_1,x"), ("a", "usr\n1"), ("$au", "usr_1")])
    def test_a_phone_whose_line_would_be_another_is_refused(
        self, installation: Installation, tmp_path: Path, name: str, user: str
    ) -> None:
        installation.init(tmp_path / "edge", *TRUNK, "--digest")
        before = (tmp_path / "edge" / "phones").read_text()
        assert _phone(tmp_path / "edge", name, "--user", user).returncode == 2
        assert (tmp_path / "edge" / "phones").read_text() == before


def _phone(folder: Path, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    return inside("kamailio", "phone", name, "--in", folder, "--organization", "org_1", *options)


@pytest.mark.slow
def test_with_a_key_of_yours_the_switch_is_made_known_from_anywhere(platform_server: Server, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(platform_server.operator_key)
    there = ["--url", platform_server.url, "--key-file", str(key), "--name", "far-away", "--cut-url", CUT_URL]
    for force in ([], ["--force"]):
        made = inside("kamailio", "init", "--to", tmp_path / "edge", *TRUNK, "--digest", *there, *force)
        assert (made.returncode, "Talktime knows the switch far-away." in made.stdout) == (0, True)
