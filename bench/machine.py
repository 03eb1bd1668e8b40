"""What else the figures depend on: the disk's flush, and what others used of the machine meanwhile."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

FLUSHES = 40
PAGE = b"\x5a" * 8192


def flush_ms(folder: Path) -> float:
    """The median of writing a page over an older one and having it on the disk, as a log does."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(PAGE * FLUSHES)
        file.flush()
        os.fsync(file.fileno())
        return statistics.median([_flush(file.fileno(), page) for page in range(FLUSHES)]) * 1e3


def _flush(descriptor: int, page: int) -> float:
    began = time.perf_counter()
    os.pwrite(descriptor, PAGE, page * len(PAGE))
    os.fdatasync(descriptor)
    return time.perf_counter() - began


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Of these, of what they have started, and of what that had started and has ended."""
    total = 0.0
    for process in processes:
        for one in (process, *process.children(recursive=True)):
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


class Watch:
    """Which part of the machine was used in the meantime by anything but the bench and these processes, in percent.

    The kernel's own threads, which write to the disk, count as others.
    """

    others = 0.0

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = processes

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        self._before = self._used()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            cores = psutil.cpu_count() or 1
            passed = (time.perf_counter() - self._began) * cores
            self.others = max(self._used() - self._before, 0.0) / passed * 100

    def _used(self) -> float:
        times = psutil.cpu_times()
        busy = times.user + times.nice + times.system + times.irq + times.softirq + times.steal
        return float(busy) - cpu_seconds(self._processes) - _own()


def _own() -> float:
    """This process, and the load generators that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def facts() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
