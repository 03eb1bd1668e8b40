"""A server that forgets to give back what it took, for a soak that must notice: `python -m tests.soak.broken serve`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from talktime import app
from talktime.cli.main import main
from talktime.storage.sqlite_store import SqliteStore, SqliteTx
from tests.support.server import Server

LEAKED_BYTES = 4 * 2**20
FILES_AT_ONCE = 5
FILES_MAX = 500
_KEPT: list[bytes] = []
_OPEN: list[int] = []


class LeakyServer(Server):
    def start(self) -> float:
        with patch("tests.support.server.TALKTIME", (sys.executable, "-m", "tests.soak.broken")):
            return super().start()


class Leaky(SqliteStore):
    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[SqliteTx]:
        _KEPT.append(b"x" * LEAKED_BYTES)
        if len(_OPEN) < FILES_MAX:
            _OPEN.extend([os.open("/dev/null", os.O_RDONLY) for _ in range(FILES_AT_ONCE)])
        with super().transaction(org_ids, locked) as tx:
            yield tx


if __name__ == "__main__":
    app.SqliteStore = Leaky  # type: ignore[attr-defined]
    main()
