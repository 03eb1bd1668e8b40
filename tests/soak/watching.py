"""What is looked at while it runs, and two windows of it side by side."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import psutil
import psycopg

from bench.open_loop import percentile
from talktime.storage.folder import DATABASE_FILE
from tests.load.__main__ import memory_mib
from tests.soak.bare import Bare
from tests.support.server import Server

HOT_TABLES = ("accounts", "lots", "pool_months", "tallies", "recharges")
HOT_INDEXES = ("calls_open",)
HOT = f"""SELECT sum(pg_total_relation_size(oid)) FROM pg_class
WHERE relname IN {HOT_TABLES} OR relname = '{HOT_INDEXES[0]}'"""


class Sizes(NamedTuple):
    stored: int
    hot: int


class Look(NamedTuple):
    at: float
    answers: int
    """How many authorizes had been answered."""
    calls: int
    """How many had ended."""
    memory_mib: float
    files: int
    sizes: Sizes
    busy: float
    """How much of all processors was used since the look before it, in percent, by whomever."""


def sizes_of(where: Path | str) -> Callable[[], Sizes]:
    return (lambda: _of_sqlite(where)) if isinstance(where, Path) else (lambda: _of_postgres(where))


def _of_sqlite(folder: Path) -> Sizes:
    """Pages that are free are used again; the log is as long as it ever was."""
    path = folder / DATABASE_FILE
    with closing(sqlite3.connect(path)) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "freelist_count", "page_size")
        )
    return Sizes((pages - free) * size, path.with_name(f"{path.name}-wal").stat().st_size + free * size)


def _of_postgres(url: str) -> Sizes:
    with psycopg.connect(url, autocommit=True) as connection:
        stored = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        hot = connection.execute(HOT).fetchone()
    assert stored and hot
    return Sizes(int(stored[0]), int(hot[0]))


def files_of(server: Server) -> int:
    first = psutil.Process(server.pid)
    found = 0
    for process in [first, *first.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            found += process.num_fds()
    return found


class Watch:
    """Looks so often that a window has many looks, at the sizes less often: they cost the database something."""

    def __init__(self, server: Server, every_seconds: float) -> None:
        self._server, self._every = server, every_seconds
        self._sizes = sizes_of(server.where)
        self.looks: list[Look] = []

    def look(self, at: float, answers: int, calls: int) -> None:
        last = self.looks[-1] if self.looks else None
        if last is None or at - last.at >= self._every:
            counted = (memory_mib(self._server), files_of(self._server), self._sizes(), psutil.cpu_percent())
            self.looks.append(Look(at, answers, calls, *counted))


@dataclass(frozen=True, slots=True)
class Window:
    looks: Sequence[Look]
    waited: Sequence[float]
    flush_p99: float
    """Of the bare disk."""
    computed_p50: float
    """Of the bare processor."""

    @property
    def p50(self) -> float:
        return percentile(self.waited, 0.5)

    @property
    def p99(self) -> float:
        return percentile(self.waited, 0.99)

    @property
    def memory_mib(self) -> float:
        return fmean(look.memory_mib for look in self.looks)

    @property
    def files(self) -> float:
        return fmean(look.files for look in self.looks)

    @property
    def busy(self) -> float:
        return fmean(look.busy for look in self.looks)

    @property
    def hot(self) -> int:
        return max(look.sizes.hot for look in self.looks)

    @property
    def bytes_a_call(self) -> float:
        first, last = self.looks[0], self.looks[-1]
        return (last.sizes.stored - first.sizes.stored) / max(last.calls - first.calls, 1)


def window(looks: Sequence[Look], waited: Sequence[float], bare: Bare, begin: float, end: float) -> Window:
    """From the last look before it begins to the first after its end."""
    first = max((place for place, look in enumerate(looks) if look.at <= begin), default=0)
    last = min((place for place, look in enumerate(looks) if look.at >= end), default=len(looks) - 1)
    mine = looks[first : last + 1]
    heard = waited[mine[0].answers : mine[-1].answers]
    return Window(mine, heard, bare.flush_p99(begin, end), bare.computed_p50(begin, end))
