"""Q16. By hand: `python -m tests.http.canaries`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.http import canaries
from tests.http.broken_mouth import LEAKS
from tests.support.postgres import new_cluster

pytestmark = pytest.mark.slow


def test_no_secret_is_kept_or_told_on_sqlite(tmp_path: Path) -> None:
    figures = canaries.on_sqlite(tmp_path)
    assert figures.found == []
    assert {place.partition(":")[0] for place in figures.control} >= {"data folder", "data folder, closed", "backup"}
    assert figures.canaries >= 10


def test_no_secret_is_kept_or_told_on_postgresql(tmp_path: Path) -> None:
    """A cluster of its own: it is stopped, since errors talk, and all its files are searched."""
    with new_cluster(fsync=False) as cluster:
        figures = canaries.on_postgres(tmp_path, cluster)
    assert figures.found == []
    assert {place.partition(":")[0] for place in figures.control} >= {"cluster", "backup"}


def test_a_server_that_talks_too_much_is_caught(tmp_path: Path) -> None:
    found = canaries.caught(tmp_path)
    assert [leak for leak in LEAKS if not any(one.startswith(leak) for one in found)] == []
