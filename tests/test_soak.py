"""The soak, the fast part. The long one: `make soak`, or `python -m tests.soak --seconds 3600`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from math import inf
from pathlib import Path

import psutil
import pytest

from tests.http.shop import place
from tests.load.__main__ import DIALECTS
from tests.soak.__main__ import Figures, run, write_into
from tests.soak.broken import LeakyServer, TiredServer
from tests.soak.plan import Bounds, Plan

pytestmark = pytest.mark.slow
BUSY_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
SHORT = Plan(seconds=3, calls_per_second=8, organizations=1, payers=2, connections=10, errand_seconds=0.05)
GENEROUS = Bounds(p99=inf, memory=1.5, files=2, bytes_a_call=inf, hot=inf, turned_away=0.5)
"""Such a short time says nothing of what is slow: only what leaks as if on purpose is seen in it. That each bound of
the long run can be missed is shown by planted servers, and with given figures in tests/soak/test_verdict.py."""


def test_calls_payments_files_and_messages_go_on_together(tmp_path: Path) -> None:
    figures = run(SHORT, tmp_path / "data")
    assert figures.wrong(GENEROUS) == []
    assert figures.did["mails"] and figures.did["webhooks"] and figures.did["file"]
    assert {"authorize", "answered", "settle"} <= set(figures.heard.waited)


def test_a_server_that_leaks_is_noticed(tmp_path: Path) -> None:
    figures = run(replace(SHORT, seconds=3), tmp_path / "data", LeakyServer)
    assert growing(figures) >= {"memory", "files"}, figures


def test_a_server_that_becomes_slower_and_refuses_some_is_noticed(tmp_path: Path) -> None:
    figures = run(SHORT, tmp_path / "data", TiredServer)
    assert {"p99", "turned_away"} <= growing(figures), figures


ENDED_IN_A_CALLBACK = """
import asyncio, signal, socket, uvloop
from tests.soak.__main__ import end_what_was_started

class Ended(asyncio.Protocol):
    def data_received(self, data):
        signal.raise_signal(signal.SIGTERM)

async def hear():
    one, other = socket.socketpair()
    await asyncio.get_running_loop().create_connection(Ended, sock=one)
    other.send(b".")
    await asyncio.sleep(5)

end_what_was_started()
uvloop.run(hear())
"""


def test_the_end_is_heard_in_the_middle_of_an_answer() -> None:
    """Where the event loop would log an exception and go on."""
    assert subprocess.run([sys.executable, "-c", ENDED_IN_A_CALLBACK], capture_output=True).returncode == -signal.SIGINT


def test_who_ends_a_soak_ends_its_server() -> None:
    command = [sys.executable, "-m", "tests.soak", "--seconds", "60", "--database", "sqlite", "--calls-per-second", "8"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as soak:
        server = busy_child(psutil.Process(soak.pid))
        soak.send_signal(signal.SIGTERM)
        assert soak.wait(PATIENCE_SECONDS) != 0
        assert server.wait(PATIENCE_SECONDS) is None and not server.is_running()


def busy_child(process: psutil.Process) -> psutil.Process:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        for child in process.children():
            with suppress(psutil.NoSuchProcess):
                if child.cpu_times().user > BUSY_SECONDS:
                    return child
        time.sleep(0.1)
    raise AssertionError("nobody was ever busy")


def growing(figures: Figures) -> set[str]:
    """Of what a few seconds can tell."""
    return {one.partition(":")[0] for one in figures.wrong(Bounds())} & {"p99", "memory", "files", "turned_away"}


def test_everything_is_written_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what others make: a cluster, and the page of the bare disk."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "memory").mkdir()
    write_into(tmp_path / "memory")
    assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(tmp_path / "memory")


@pytest.mark.prove
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_hour_changes_nothing_but_the_books(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with place(dialect, tmp_path, lambda: request.getfixturevalue("postgres")) as where:
        assert run(Plan(), where).wrong(Bounds()) == []
