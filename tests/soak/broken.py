"""Servers for a soak that must notice: `python -m tests.soak.broken Leaky serve` forgets to give back what it took, and
`Tired` becomes slower and slower, until it has no time for some who ask."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from talktime import app
from talktime.cli.main import main
from talktime.storage.errors import StoreUnavailable
from talktime.storage.sqlite_store import SqliteStore, SqliteTx
from tests.support.server import Server

LEAKED_A_SECOND = 150 * 2**20
"""By the clock, so that it is as much on a machine that has little time for it."""
FILES_AT_ONCE = 5
FILES_MAX = 500
SLEPT_AT_FIRST, SLEPT_MOST = 0.02, 0.3
"""Twice as long every second."""
FRESH_SECONDS = 2.0
REFUSED = 0.3
"""Of each second, so that who tries again at once is refused as well."""
_awake_since: list[float] = []
_KEPT: list[bytes] = []
_last = time.monotonic()
_OPEN: list[int] = []


class LeakyServer(Server):
    store = "Leaky"

    def start(self) -> float:
        with patch("tests.support.server.TALKTIME", (sys.executable, "-m", "tests.soak.broken", self.store)):
            return super().start()


class TiredServer(LeakyServer):
    store = "Tired"


class Leaky(SqliteStore):
    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[SqliteTx]:
        global _last
        now = time.monotonic()
        _KEPT.append(b"x" * int(min(now - _last, 1.0) * LEAKED_A_SECOND))
        _last = now
        if len(_OPEN) < FILES_MAX:
            _OPEN.extend([os.open("/dev/null", os.O_RDONLY) for _ in range(FILES_AT_ONCE)])
        with super().transaction(org_ids, locked) as tx:
            yield tx


def _awake() -> float:
    """Since the first call."""
    now = time.monotonic()
    if not _awake_since:
        _awake_since.append(now)
    return now - _awake_since[0]


class Tired(SqliteStore):
    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[SqliteTx]:
        awake = _awake()
        if awake > FRESH_SECONDS and awake % 1 < REFUSED:
            raise StoreUnavailable("too tired")
        time.sleep(min(SLEPT_AT_FIRST * 2**awake, SLEPT_MOST))
        with super().transaction(org_ids, locked) as tx:
            yield tx


if __name__ == "__main__":
    # The module's own name is what the server makes its store of.
    app.SqliteStore = {"Leaky": Leaky, "Tired": Tired}[sys.argv.pop(1)]  # type: ignore[attr-defined]
    main()
