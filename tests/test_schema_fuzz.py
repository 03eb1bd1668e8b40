"""Q10, the fast part. The long one: `python -m tests.http.schema_fuzz --cases 500`."""

from __future__ import annotations

from pathlib import Path

import pytest

from talktime.web.table import DESCRIBED
from tests.http import schema_fuzz
from tests.http.broken_doors import PLANTED

pytestmark = pytest.mark.slow


def test_the_api_does_what_its_document_says(tmp_path: Path) -> None:
    figures = schema_fuzz.run(tmp_path / "data", cases=10, phases="fuzzing")
    # And the readable page about them.
    assert figures.operations == len(DESCRIBED) + 1
    assert figures.requests > 5 * figures.operations


def test_doors_that_do_something_else_are_told(tmp_path: Path) -> None:
    assert schema_fuzz.caught(tmp_path / "data") == dict.fromkeys(PLANTED, True)


@pytest.mark.prove
def test_five_hundred_cases_for_each_operation(tmp_path: Path) -> None:
    assert schema_fuzz.run(tmp_path / "data", cases=500).operations == len(DESCRIBED) + 1
