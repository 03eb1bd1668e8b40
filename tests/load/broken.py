"""The server with a store that takes its time, for a harness that must notice: `python -m tests.load.broken serve`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from talktime import app
from talktime.cli.main import main
from talktime.storage.sqlite_store import SqliteStore, SqliteTx
from tests.support.server import Server

PAUSE_SECONDS = 0.8


class SlowServer(Server):
    def start(self) -> float:
        with patch("tests.support.server.TALKTIME", (sys.executable, "-m", "tests.load.broken")):
            return super().start()


class Slow(SqliteStore):
    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[SqliteTx]:
        with super().transaction(org_ids, locked) as tx:
            yield tx
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    app.SqliteStore = Slow  # type: ignore[attr-defined]
    main()
