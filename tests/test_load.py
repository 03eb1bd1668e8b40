"""Q17, the fast part. The long one: `python -m tests.load --calls 10000 --seconds 300`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.http.shop import place
from tests.load.__main__ import DIALECTS, run
from tests.load.broken import PAUSE_SECONDS, SlowServer
from tests.load.plan import Bounds, Plan
from tests.support.server import Server

pytestmark = pytest.mark.slow
FEW = Plan(calls=300, every_seconds=5, starts_per_second=10, seconds=2.5, organizations=3, connections=20)
GENEROUS = Bounds(p99_ms=1000)
on_both = pytest.mark.parametrize("dialect", DIALECTS)


@on_both
def test_calls_in_progress_are_extended_while_others_begin_and_end(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with place(dialect, tmp_path, lambda: request.getfixturevalue("postgres")) as where:
        figures = run(Server(where), FEW)
    assert figures.wrong(GENEROUS) == []
    assert {"authorize", "answered", "extend", "settle"} == set(figures.heard.waited)
    assert figures.memory_mib > 10


def test_a_server_that_takes_its_time_is_noticed(tmp_path: Path) -> None:
    """What it refuses, since others wait for too long, is not asked for: what it answers has waited for its pause."""
    figures = run(SlowServer(tmp_path / "data"), replace(FEW, calls=50, seconds=1.5))
    strict = Bounds(p99_ms=PAUSE_SECONDS * 1000 / 2)
    assert any(one.startswith("p99: ") for one in figures.wrong(strict)), figures


def test_calls_that_are_not_extended_are_noticed(tmp_path: Path) -> None:
    """Money for the calls, and for nothing more."""
    figures = run(Server(tmp_path / "data"), replace(FEW, calls=30, every_seconds=1, organizations=1, money="3.1"))
    assert any(one.startswith("errors: ") for one in figures.wrong(GENEROUS)), figures


@pytest.mark.prove
@on_both
def test_ten_thousand_calls(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with place(dialect, tmp_path, lambda: request.getfixturevalue("postgres")) as where:
        assert run(Server(where), Plan()).wrong(Bounds()) == []
