"""What Linux says of this machine and of processes on it."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
FLUSHES = 40
PAGE = b"\x5a" * 8192
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Stat(NamedTuple):
    name: str
    parent: int
    cpu_seconds: float
    """With that of children that have ended."""


def cores() -> int:
    return os.cpu_count() or 1


def facts() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def flush_seconds(folder: Path) -> float:
    """The median of writing a page over an older one and having it on the disk, as a log does."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(PAGE * FLUSHES)
        file.flush()
        os.fsync(file.fileno())
        return statistics.median([_flush(file.fileno(), page) for page in range(FLUSHES)])


def _flush(descriptor: int, page: int) -> float:
    began = time.perf_counter()
    os.pwrite(descriptor, PAGE, page * len(PAGE))
    os.fdatasync(descriptor)
    return time.perf_counter() - began


def stat(process: int) -> Stat | None:
    """None if there is no such process here."""
    try:
        text = (PROC / str(process) / "stat").read_text()
    except OSError:
        return None
    # The name stands in brackets, and may have some in it.
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    return Stat(name, int(fields[1]), sum(map(int, fields[11:15])) / TICKS_A_SECOND)


def family(process: int) -> Iterator[Stat]:
    """It, and what it has started."""
    if found := stat(process):
        yield found
    for path in PROC.iterdir():
        if path.name.isdecimal() and (one := stat(int(path.name))) and one.parent == process:
            yield one


def cpu_seconds(process: int) -> float:
    return sum(one.cpu_seconds for one in family(process))


def busy_seconds() -> float:
    """Of all cores, since the machine was started."""
    fields = [int(one) for one in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS_A_SECOND


def memory_bytes(process: int) -> int:
    return int((PROC / str(process) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def written_bytes(process: int) -> int | None:
    """To the disk. None where the system does not tell."""
    try:
        lines = (PROC / str(process) / "io").read_text().splitlines()
    except OSError:
        return None
    return int(dict(line.split(": ") for line in lines)["write_bytes"])
