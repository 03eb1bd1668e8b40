"""`talktime capacity`, on both databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from talktime.cli.capacity import amount
from tests.cli.inside import inside
from tests.support.postgres import Cluster

SECONDS = "1.5"
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
