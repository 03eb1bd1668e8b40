"""Q6, the fast part. The long one: `python -m tests.http.races --repetitions 20`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.http import races
from tests.http.races import CAUGHT_BY, DIALECTS, RACES, SELF_CHECK_TRIES_MAX, WORKERS
from tests.http.shop import place

pytestmark = pytest.mark.slow
on_both = pytest.mark.parametrize("dialect", DIALECTS)


@on_both
def test_what_is_won_in_a_race_is_won_once(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with place(dialect, tmp_path, lambda: request.getfixturevalue("postgres")) as where:
        figures = races.run(where, dialect, range(2))
    assert figures.races == 2 * len(RACES)
    assert figures.requests > figures.races * WORKERS


@on_both
def test_a_server_that_looks_and_then_writes_is_caught(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with place(dialect, tmp_path, lambda: request.getfixturevalue("postgres")) as where:
        caught = races.caught_after(where, dialect)
    assert sorted(caught) == sorted(race.__name__ for race in CAUGHT_BY)
    assert all(1 <= tries <= SELF_CHECK_TRIES_MAX for tries in caught.values()), caught


@pytest.mark.prove
@on_both
def test_twenty_repetitions(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with place(dialect, tmp_path, lambda: request.getfixturevalue("postgres")) as where:
        assert races.run(where, dialect, range(20)).repetitions == 20
