"""The services for systemd: as systemd judges them, and as they are told that we are ready."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from talktime.cli.shipped import SHIPPED
from tests.support.server import serving, talktime

UNITS = ["talktime.service", "talktime-worker.service", "talktime@8081.service", "talktime-backup.service"]
TIMER = "talktime-backup.timer"
OF_SERVERS = ["systemd/talktime", "systemd/talktime@", "systemd/talktime-worker", "container/talktime"]
EXPOSURE_MAX = 1.5
"""Of 10; systemd calls up to 2.0 well protected."""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """With a program that is there, since systemd looks for it."""
    (tmp_path / TIMER).write_text((SHIPPED / "systemd" / TIMER).read_text())
    for name in UNITS:
        text = (SHIPPED / "systemd" / name.replace("8081", "")).read_text()
        assert "/opt/talktime/bin/talktime" in text
        (tmp_path / name).write_text(text.replace("/opt/talktime/bin/talktime", sys.executable))
    shutil.copy(SHIPPED / "systemd" / "talktime.socket", tmp_path)
    return tmp_path


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    assert program, "there is no systemd-analyze: `make packages` installs it"
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("unit", [*UNITS, TIMER])
def test_systemd_has_nothing_to_complain_of(units: Path, unit: str) -> None:
    told = analyzed("verify", "--man=no", str(units / unit))
    assert [line for line in told.stderr.splitlines() if unit in line] == []
    assert told.returncode == 0


@pytest.mark.parametrize("unit", OF_SERVERS)
def test_a_start_that_changes_big_tables_is_not_ended_and_begun_again_for_ever(unit: str) -> None:
    lines = (SHIPPED / f"{unit}.service").read_text().splitlines()
    assert [line for line in lines if line.startswith("TimeoutStartSec")] == ["TimeoutStartSec=infinity"]


@pytest.mark.parametrize("unit", OF_SERVERS)
def test_who_cannot_start_while_the_database_is_away_goes_on_trying(unit: str) -> None:
    """systemd gives up after five starts in ten seconds, where nothing else is said before the first service line."""
    about_it, _, service = (SHIPPED / f"{unit}.service").read_text().partition("[Service]")
    assert "\nStartLimitIntervalSec=0\n" in about_it
    assert "\nRestart=on-failure\n" in service


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_who_has_a_setting_that_cannot_be_used_does_not_try_again(command: str) -> None:
    refused = talktime(command, TALKTIME_PORT="words")
    assert (refused.returncode, "the setting 'port' cannot be 'words'" in refused.stderr) == (2, True)
    for unit in OF_SERVERS:
        assert f"\nRestartPreventExitStatus={refused.returncode}\n" in (SHIPPED / f"{unit}.service").read_text()


def test_systemd_listens_where_the_server_would(units: Path) -> None:
    told = analyzed("verify", "--man=no", str(units / "talktime.socket"))
    assert [line for line in told.stderr.splitlines() if "talktime.socket" in line] == []
    assert "ListenStream=127.0.0.1:8080" in (units / "talktime.socket").read_text()


def test_systemd_does_complain_of_what_it_does_not_know(units: Path) -> None:
    unit = units / UNITS[0]
    unit.write_text(unit.read_text().replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"))
    assert "NoNewPrivilege" in analyzed("verify", "--man=no", str(unit)).stderr


@pytest.mark.parametrize("unit", UNITS)
def test_little_can_be_done_from_within_a_service(units: Path, unit: str) -> None:
    told = analyzed("security", "--offline=true", f"--threshold={int(EXPOSURE_MAX * 10)}", str(units / unit))
    assert told.returncode == 0, told.stdout[-300:]


@pytest.mark.slow
def test_systemd_hears_that_the_server_is_ready(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(30)
        with serving(tmp_path / "data", environment={"NOTIFY_SOCKET": str(address)}):
            assert manager.recv(100) == b"READY=1"


def test_files_are_listed_written_and_not_written_over(tmp_path: Path) -> None:
    assert "talktime.service" in talktime("files").stdout
    written = talktime("files", "systemd", "--to", tmp_path / "units")
    assert (tmp_path / "units" / "talktime.service").read_bytes() == (SHIPPED / "systemd" / UNITS[0]).read_bytes()
    assert written.returncode == 0
    again = talktime("files", "systemd", "--to", tmp_path / "units")
    assert (again.returncode, "already there" in again.stderr) == (3, True)
    assert talktime("files", "systemd", "--to", tmp_path / "units", "--force").returncode == 0


def test_what_is_not_shipped_is_said_with_what_is() -> None:
    told = talktime("files", "cobol")
    assert (told.returncode, "systemd" in told.stderr) == (2, True)
