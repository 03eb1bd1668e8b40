"""Q11, the fast part. The long one: `python -m tests.http.parsers --cases 20000`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.http import hostile, parsers
from tests.http.shop import place

pytestmark = pytest.mark.slow


def test_whatever_is_sent_is_read_or_refused_by_name(tmp_path: Path) -> None:
    """Each input within a second, all of them in 256 MiB; a careless parser is noticed. What is wrong is raised."""
    assert " 0 untyped" in parsers.limited(cases=150, seed=1)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_server_refuses_hostile_requests_and_lives_on(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with place(dialect, tmp_path, lambda: request.getfixturevalue("postgres")) as where:
        figures = hostile.run(where)
    assert figures.wrong == []
    assert figures.requests > 300


@pytest.mark.prove
def test_twenty_thousand_mutations_for_each_parser() -> None:
    assert " 0 untyped" in parsers.limited(cases=20_000, seed=2)
