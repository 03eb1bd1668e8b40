"""A server that forgets to give back what it took, for a soak that must notice: `python -m tests.soak.broken serve`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from talktime import app
from talktime.cli.main import main
from talktime.storage.sqlite_store import SqliteStore, SqliteTx
from tests.support.server import Server

LEAKED_A_SECOND = 150 * 2**20
"""By the clock, so that it is as much on a machine that has little time for it."""
FILES_AT_ONCE = 5
FILES_MAX = 500
_KEPT: list[bytes] = []
_last = time.monotonic()
_OPEN: list[int] = []


class LeakyServer(Server):
    def start(self) -> float:
        with patch("tests.support.server.TALKTIME", (sys.executable, "-m", "tests.soak.broken")):
            return super().start()


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


if __name__ == "__main__":
    app.SqliteStore = Leaky  # type: ignore[attr-defined]
    main()
