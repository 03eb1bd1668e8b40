"""What the power is cut under: implement `Workload` to put another store to the test."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Wrong(StrEnum):
    LOST = "lost"  # an acknowledged commit is missing
    PARTIAL = "partial"  # a commit is there in part, or something nobody wrote
    CORRUPT = "corrupt"  # SQLite itself says so


@dataclass(frozen=True, slots=True)
class Finding:
    wrong: Wrong
    words: str


# As `sqlite3.connect`: a path, and its named options.
Connect = Callable[..., sqlite3.Connection]


class Workload(Protocol):
    """Work on a store that the power is cut under. Nothing may differ between two runs with the same seed."""

    def create(self, path: Path, connect: Connect) -> None:
        """Make a database that is ready for work, and close it. The power does not fail here; most machines start with
        a copy of it."""

    def steps(self, path: Path, connect: Connect, seed: str) -> Iterator[str]:
        """Open the store, make what is not there yet, and work on from what it holds until the power fails. Yield a
        name for each commit as soon as whoever asked for it would be answered: this is its acknowledgement. An
        exception ends the life when the power has failed, and is an error if not. The harness closes what is open."""

    def check(self, path: Path, seed: str, acknowledged: Sequence[str]) -> Finding | None:
        """Compare the database, opened in the ordinary way, with all that was acknowledged in all lives of the machine:
        each of these is there, and every other commit is there whole or not at all."""
