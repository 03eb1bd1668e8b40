"""Talktime as a process of its own, started as a person would start it."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from bench import machine
from bench.places import Ground

COMMAND = [sys.executable, "-m", "talktime.cli.main", "serve"]
GOODBYE_SECONDS = 60


class CannotStart(Exception):
    """It ended before it was ready; what it said is in the message."""


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    process: psutil.Process

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def cpu_seconds(self) -> float:
        return machine.cpu_seconds([self.process])

    def memory_mib(self) -> float:
        """Of the one process that answers."""
        return float(self.process.memory_info().rss) / 2**20

    def ask(self, key: str, path: str, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request("POST", path, body, {"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def serving(ground: Ground, **settings: Any) -> Iterator[Server]:
    """`settings` as in talktime.settings; without due work, which would come at its own times."""
    given = {"jobs": False, "port": 0, "log_level": "warning", **settings}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TALKTIME_")}
    environment |= {f"TALKTIME_{name.upper()}": str(value) for name, value in given.items()} | dict(ground.environment)
    # In a folder of its own, where no settings file lies about.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(COMMAND, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log)
        try:
            yield _ready(process, log)
        finally:
            process.terminate()
            process.communicate(timeout=GOODBYE_SECONDS)


def _ready(process: subprocess.Popen[bytes], log: Any) -> Server:
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    found = re.search(r"http://([\d.]+):(\d+)", line)
    if found is None:
        process.wait(GOODBYE_SECONDS)
        log.seek(0)
        raise CannotStart(f"{line}{log.read().decode(errors='replace')}")
    return Server(found[1], int(found[2]), psutil.Process(process.pid))
