"""The load generators, each a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from bench.places import Ground
from bench.server import Server

SCRIPT = Path(__file__).parent / "load.lua"
ROOT = Path(__file__).parent.parent


class LoadFailed(Exception):
    """Not every request had the answer that it must have."""


class Closed(NamedTuple):
    cycles: int
    seconds: float
    p50_ms: float
    p99_ms: float
    """Of a whole cycle: from its authorize to the answer of its settle."""
    overloaded: int
    """Requests that were answered 503: they came to nothing, or nobody knows."""


def closed_loop(server: Server, ground: Ground, connections: int, size: int, seconds: float) -> Closed:
    """Every connection asks again when it has its answer. `size`: operations in a request."""
    duration = f"{round(seconds)}s" if seconds >= 1 else "1s"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{duration}", "--timeout", "10s", "-s", str(SCRIPT), server.url]
    arguments = ["--", ground.key, str(ground.world.organizations), str(size)]
    told = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if "RESULT " not in told.stdout:
        raise LoadFailed(told.stdout + told.stderr)
    cycles, overloaded, failed, passed, p50, p99, *failure = told.stdout.split("RESULT ")[1].split()
    if int(failed):
        raise LoadFailed(f"{failed} requests failed: {' '.join(failure) or 'no answer'}")
    return Closed(int(cycles), float(passed), float(p50), float(p99), int(overloaded))


class Open(NamedTuple):
    cycles: int
    p50_ms: float
    p99_ms: float
    """Of an authorize: from the instant at which it was due to its answer."""
    late_p99_ms: float
    """How late the generator itself was; it is part of the above."""
    overloaded: int
    unanswered: int


def open_loop(server: Server, ground: Ground, cycles_per_second: float, seconds: float) -> Open:
    """Calls begin when they begin, whether or not the server has answered the one before."""
    told = _python("bench.open_loop", server.url, ground.key, ground.world.organizations, cycles_per_second, seconds)
    return Open(*json.loads(told))


class Alone(NamedTuple):
    cycles: int
    seconds: float
    cpu_seconds: float
    p50_ms: float
    p99_ms: float
    """Of a whole group: authorized and settled."""
    warm_up_cycles: int
    """Before that, so that the books have them, too."""


def engine_alone(ground: Ground, size: int, warm_up_seconds: float, seconds: float) -> Alone:
    """The engine without its door: as many threads as lanes, each with groups of its own."""
    about = (ground.world.organizations, size, warm_up_seconds, seconds)
    told = _python("bench.alone", *about, **ground.environment)
    return Alone(*json.loads(told))


def _python(module: str, *arguments: object, **environment: str) -> str:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {**os.environ, **environment}
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    if told.returncode:
        raise LoadFailed(told.stderr)
    return told.stdout
