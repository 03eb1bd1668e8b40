"""`talktime capacity`, on both databases."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from talktime.capacity.needs import Basis, Need
from talktime.cli.capacity import amount
from tests.capacity.arithmetic import worked_out
from tests.cli.inside import inside
from tests.support.postgres import Cluster

SECONDS = "1.5"
WIDE = "300"
"""So that each line stands in one."""
needs_processes = pytest.mark.slow


def told(*arguments: str | Path, **environment: str) -> Any:
    answer = inside("capacity", "--json", "--seconds", SECONDS, *arguments, **environment)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@needs_processes
def test_an_embedded_database_is_measured_and_gone_afterwards(tmp_path: Path) -> None:
    """Whatever the installation has set, its own database is left alone."""
    live = {"TALKTIME_DATABASE": "postgresql://nobody@db.example/live", "TALKTIME_DATA": str(tmp_path / "live")}
    picture = tmp_path / "curve.svg"
    found = told("--calls-per-second", "1000", "--folder", tmp_path, "--picture", picture, **live)
    assert list(tmp_path.iterdir()) == [picture]
    assert picture.read_text().startswith("<svg")
    measured = found["measured"]
    assert measured["database"] == "sqlite"
    positive = (
        "calls_per_second",
        "commands_a_batch",
        "server_cpu",
        "stored_bytes",
        "open_bytes",
        "sent_bytes",
        "flush",
    )
    assert [name for name in positive if not measured[name] > 0] == []
    assert len(measured["points"]) == 3
    assert {"what", "value", "unit", "arithmetic", "basis"} == set(found["needs"][0])
    assert found["simulated"]


@needs_processes
def test_people_read_the_arithmetic_beside_each_figure(tmp_path: Path) -> None:
    answer = inside("capacity", "--seconds", SECONDS, "--folder", tmp_path, COLUMNS=WIDE)
    assert answer.returncode == 0, answer.stderr
    facts, needed = answer.stdout.split("What 100 calls a second of 180 s need")
    assert re.search(r"CPU of the server for a call +│ [\d,]+ us", facts)
    told = [read_back(line) for line in needed.splitlines() if line.count("│") == 6]
    assert told[0] == Need("requests", 300, "a second", "100 calls x (3 + 0 extends)", Basis.MEASURED)
    assert {need.what for need in told} >= {"server processes", "commits", "disk", "network from switches"}
    assert [need for need in told if need.value and worked_out(need) != pytest.approx(need.value, rel=0.02)] == []


def read_back(line: str) -> Need:
    what, value, unit, arithmetic, basis = (cell.strip() for cell in line.split("│")[1:-1])
    return Need(what, float(value.replace(",", "")), unit, arithmetic, Basis(basis))


@needs_processes
def test_postgresql_is_measured_by_its_own_processes(postgres: Cluster, tmp_path: Path) -> None:
    """And told, though there is no picture of it."""
    url = postgres.fresh_database()
    about = ("--json", "--seconds", SECONDS, "--folder", tmp_path, "--database", url)
    answer = inside("capacity", *about, "--picture", tmp_path)
    assert (answer.returncode, "cannot be written: Is a directory" in answer.stderr) == (3, True), answer.stderr
    measured = json.loads(answer.stdout)["measured"]
    assert measured["database"] == "postgresql"
    assert measured["database_cpu"] is not None
    assert measured["logged_bytes"] > 100
    # A call id, who and whom, three times; but not the whole text of each statement again and again.
    assert 500 < measured["asked_bytes"] < 50_000
    assert 100 < measured["told_bytes"] < 50_000
    again = inside("capacity", "--seconds", SECONDS, "--folder", tmp_path, "--database", url)
    assert again.returncode == 3
    assert "make an empty one" in again.stderr


def test_what_is_not_an_address_is_refused(tmp_path: Path) -> None:
    refused = inside("capacity", "--folder", tmp_path, "--database", "mysql://db.example/live")
    assert refused.returncode == 2
    assert "postgresql://" in refused.stderr


def test_a_picture_without_a_folder_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    refused = inside("capacity", "--folder", tmp_path, "--picture", tmp_path / "no" / "curve.svg")
    assert (refused.returncode, "there is no folder" in refused.stderr) == (3, True), refused.stderr


def test_figures_are_written_as_people_read_them() -> None:
    assert [amount(value) for value in (0, 3, 86_400_000, 0.01234, 12.3456, 123.4)] == [
        "0", "3", "86,400,000", "0.0123", "12.3", "123",
    ]  # fmt: skip
