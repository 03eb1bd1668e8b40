"""What the Containerfile promises, read from it. It is built and run by `test_install.py`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from talktime.cli.main import app
from talktime.cli.shipped import SHIPPED
from talktime.settings import load
from tests.packages.test_services import analyzed

FOLDER = SHIPPED / "container"
RECIPE = (FOLDER / "Containerfile").read_text().replace("\\\n", "")
UNIT = (FOLDER / "talktime.service").read_text().replace("\\\n", "")


def told(instruction: str) -> list[str]:
    """What each line with it says, in their order."""
    return re.findall(rf"^{instruction} (.+)$", RECIPE, re.MULTILINE)


def test_nothing_comes_from_anywhere_but_the_base_that_is_given_and_the_packages_that_are_listed() -> None:
    assert {source.split()[0] for source in told("FROM")} == {"${BASE}"}
    assert told("ARG") == ["BASE"]
    assert told("ADD") == []
    installed = [run for run in told("RUN") if " install " in run and "pip" in run]
    assert len(installed) == 1
    assert "--require-hashes" in installed[0]


def test_it_does_not_run_as_root() -> None:
    [user] = told("USER")
    [made] = [run for run in told("RUN") if "useradd" in run]
    assert re.fullmatch(r"([1-9]\d*):\1", user)
    assert f"--uid {user.partition(':')[0]} " in made
    # Nothing is made or changed afterwards as somebody else.
    assert RECIPE.index("\nUSER ") > RECIPE.rindex("\nRUN ")


def test_what_it_keeps_is_in_its_volume() -> None:
    [environment], [volume] = told("ENV"), told("VOLUME")
    settings = load({}, dict(one.split("=", 1) for one in environment.split()))
    assert str(settings.data) == volume
    assert f":{volume} " in UNIT


def test_its_health_is_asked_by_a_command_of_ours() -> None:
    [check], [entry], [begins] = told("HEALTHCHECK"), told("ENTRYPOINT"), told("CMD")
    known = typer.main.get_command(app)
    assert isinstance(known, TyperGroup)
    for words in (json.loads(check.partition("CMD ")[2]), json.loads(entry) + json.loads(begins)):
        assert words[0] == "talktime"
        assert words[1] in known.commands


def test_its_service_gives_it_nothing_that_it_does_not_need() -> None:
    for option in ("--read-only", "--read-only-tmpfs=false", "--cap-drop all", "--security-opt no-new-privileges"):
        assert f" {option} " in UNIT
    assert "--privileged" not in UNIT


@pytest.mark.parametrize("unit", ["talktime.service", "talktime-backup.service", "talktime-backup.timer"])
def test_systemd_has_nothing_to_complain_of_its_units(unit: str, tmp_path: Path) -> None:
    """Which asks for programs as well: Podman is not on every machine on which this is read."""
    judged = tmp_path / unit
    judged.write_text((FOLDER / unit).read_text().replace("/usr/bin/podman", "/bin/true"))
    told = analyzed("verify", "--man=no", str(judged))
    assert [line for line in told.stderr.splitlines() if str(tmp_path) in line] == []
    assert told.returncode == 0


def test_its_backups_are_those_of_every_other_installation() -> None:
    timer = "talktime-backup.timer"
    assert (FOLDER / timer).read_text() == (SHIPPED / "systemd" / timer).read_text()
    inside, beside = ((SHIPPED / kind / "talktime-backup.service").read_text() for kind in ("container", "systemd"))
    options = " backup --check --keep 7\n"
    assert options in inside and options in beside.replace(" --data /var/lib/talktime", "")
