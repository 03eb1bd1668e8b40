"""`talktime health`, as a container and a person ask it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from talktime.storage.folder import DATABASE_FILE
from tests.cli.inside import inside
from tests.support.ports import free_port
from tests.support.server import serving

pytestmark = pytest.mark.slow


def test_a_server_that_listens_everywhere_is_asked_here_and_is_not_ready_without_its_database(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--host", "0.0.0.0") as server:
        where = {"TALKTIME_HOST": "0.0.0.0", "TALKTIME_PORT": str(server.port)}
        # In this order: what was proved is believed for a second.
        with closing(sqlite3.connect(tmp_path / "data" / DATABASE_FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert inside("health", **where).stdout == "alive\n"
            assert inside("health", "--ready", **where).returncode == 1
        ready = inside("health", "--ready", "--json", **where)
        assert (ready.returncode, json.loads(ready.stdout)) == (0, {"healthy": True, "answer": "ready"})


def test_where_nobody_answers_it_says_so_and_ends_with_one() -> None:
    port = free_port()
    for arguments in ((), ("--json",), ("--ready",)):
        told = inside("health", "--port", str(port), *arguments)
        assert told.returncode == 1
        assert f"nobody answers at 127.0.0.1 port {port}" in told.stdout
    assert json.loads(inside("health", "--port", str(port), "--json").stdout)["healthy"] is False


def test_asking_every_half_minute_costs_little_since_nothing_of_the_database_is_loaded() -> None:
    heavy = ("sqlalchemy", "psycopg", "polars", "jinja2", "uvicorn", "talktime.app")
    listing = f"import sys, talktime.cli.main; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
