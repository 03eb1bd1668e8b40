"""What can be said of the lab without starting it: `make lab-failover` does the rest."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.failover.guide import TEXT, block_with
from tests.failover.lab import too_slow
from tests.failover.machines import CONFIGURATION, Machine, settings_in
from tests.operating.machine import Machine as Folder

EXAMPLE = (CONFIGURATION / "config.yml").read_text()


def seconds(name: str) -> int:
    return int(re.findall(rf"^ +{name}: (\d+)$", EXAMPLE, re.MULTILINE)[0])


def test_a_primary_may_miss_a_beat_before_it_is_replaced() -> None:
    """Patroni's own rule."""
    assert seconds("loop_wait") + 2 * seconds("retry_timeout") <= seconds("ttl")


def test_no_commit_is_answered_that_is_on_one_disk_only() -> None:
    assert re.findall(r"^ +(synchronous_mode\w*): true$", EXAMPLE, re.MULTILINE) == [
        "synchronous_mode",
        "synchronous_mode_strict",
    ]


def test_calls_go_on_while_etcd_is_away() -> None:
    """As `make lab-failover` shows."""
    assert "\n    failsafe_mode: true\n" in EXAMPLE


@pytest.mark.parametrize("back", [[10.1, 10.1, 2.0], [1.0, 1.0, 15.1]])
def test_the_lab_finds_that_writes_come_back_too_late(back: list[float]) -> None:
    assert too_slow(back)


def test_the_lab_finds_nothing_in_time_wrong() -> None:
    assert too_slow([9.9, 14.9, 8.0]) == []


def test_the_guide_names_the_settings_that_the_files_have() -> None:
    assert {f"PATRONI_{one}" for one in ("NAME", "ETCD3_HOSTS")} <= settings_in("patroni_env.conf").keys()
    for named in ("ttl", "wal_sender_timeout", "wal_keep_size", "synchronous_mode_strict"):
        assert f"`{named}`" in TEXT
        assert f"{named}: " in EXAMPLE


def test_what_the_lab_does_without_is_right_and_writes_the_files_that_the_lab_uses(tmp_path: Path) -> None:
    """Packages and services of whole machines: what they are told is judged, and nothing is installed or started."""
    Folder(tmp_path).follow(
        [
            block_with("apt-get install"),
            block_with("files patroni"),
            block_with("enable --now etcd"),
            block_with("enable --now patroni"),
        ]
    )
    written = {file.name: file.read_bytes() for file in (tmp_path / "patroni").iterdir()}
    assert written == {file.name: file.read_bytes() for file in CONFIGURATION.iterdir()}


# ------------------------------------------------------------------------------------------------- as Patroni sees it


def validated(configuration: str, environment: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "config.yml"
    file.write_text(configuration)
    command = ["patroni", "--validate-config", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **environment})


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Set up, and not started; something answers at the addresses of etcd."""
    one = Machine("db1", tmp_path / "db1")
    with closing(one), socket.create_server((one.host, one.etcd)):
        one.set_up({one.name: one})
        yield one


needs_patroni = pytest.mark.prove
"""`make lab-failover` and `make prove` install it; `make test` does without it."""


@needs_patroni
def test_patroni_has_nothing_to_complain_of(machine: Machine, tmp_path: Path) -> None:
    told = validated(EXAMPLE, machine.environment, tmp_path)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


@needs_patroni
def test_patroni_does_complain_of_what_is_missing(machine: Machine, tmp_path: Path) -> None:
    told = validated(EXAMPLE.replace("scope: talktime\n", ""), machine.environment, tmp_path)
    assert (told.returncode != 0, "scope" in told.stdout + told.stderr) == (True, True)
