"""Several processes that end together, whatever one of them does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SECONDS_MAX = 60
STUBBORN = """
import os, time
from talktime import supervisor

supervisor.GOODBYE_SECONDS = 0.5

def stay(told, stop):
    print(os.getpid(), flush=True)
    told()
    while True:
        time.sleep(1)

tasks = [supervisor.Task("stubborn", stay)] * 2
supervisor.run(tasks, lambda: print("ready", flush=True), supervisor.Stop(), lambda: None)
"""


def test_processes_that_do_not_end_when_they_are_asked_are_ended() -> None:
    """As where each waits for a database that does not answer: nobody else would end them."""
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        said = [parent.stdout.readline().strip() for _ in range(3)]
        parent.terminate()
        assert parent.wait(SECONDS_MAX) == 0
    for pid in set(said) - {"ready"}:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
