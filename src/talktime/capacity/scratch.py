"""A server of a measurement's own, on a database that nobody else has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from talktime.capacity.loaded import Batches
from talktime.storage import measures
from talktime.storage.database import PostgresDatabase

GOODBYE_SECONDS = 60
WITHIN = re.compile(r'talktime_batch_seconds_bucket\{.*\ble="([^"]+)".*\} (\S+)')


class CannotServe(Exception):
    """The server did not start."""


class NotEmpty(Exception):
    """Somebody has that database already."""


def refuse_used(url: str) -> None:
    database = PostgresDatabase(url)
    try:
        if tables := measures.tables(database):
            raise NotEmpty(f"the database has {tables} tables: a measurement uses it up, so make an empty one for it")
    finally:
        database.close()


class Served(NamedTuple):
    url: str
    process: int

    def figures(self) -> dict[str, float]:
        """What it has counted, all labels together."""
        return _summed(self._lines())

    def batches(self) -> Batches:
        """Until now."""
        lines = self._lines()
        told, within = _summed(lines), defaultdict[float, float](float)
        for line in lines:
            if found := WITHIN.match(line):
                within[float(found[1])] += float(found[2])
        count, commands, seconds = (
            told[f"talktime_batch_{what}"] for what in ("seconds_count", "commands_sum", "seconds_sum")
        )
        return Batches(count, commands, seconds, tuple(sorted(within.items())))

    def _lines(self) -> list[str]:
        with urlopen(f"{self.url}/metrics", timeout=30) as answer:
            lines: list[str] = answer.read().decode().splitlines()
        return lines


def _summed(lines: Sequence[str]) -> dict[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#")):
        found[name.partition("{")[0]] += float(value)
    return dict(found)


@contextmanager
def serving(folder: Path, database: str | None) -> Iterator[Served]:
    """With its due work, as it is in real life. The settings of the installation beside it do not reach it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TALKTIME_")}
    given = {"TALKTIME_DATA": str(folder), "TALKTIME_PORT": "0", "TALKTIME_LOG_LEVEL": "warning"}
    if database:
        given["TALKTIME_DATABASE"] = database
    command = [sys.executable, "-m", "talktime.cli.main", "serve"]
    # In the folder, where no settings file lies about.
    with subprocess.Popen(command, cwd=folder, env=ours | given, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            line = server.stdout.readline()
            if not line.startswith("ready "):
                raise CannotServe("the server did not start; what it said is above")
            yield Served(line.split()[1], server.pid)
        finally:
            server.terminate()
            _end(server)


def _end(server: subprocess.Popen[str]) -> None:
    try:
        server.wait(GOODBYE_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
