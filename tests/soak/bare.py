"""What the machine does by itself, beside everything else: how long a page takes to the disk, and how long the same
little computation takes the processor, again and again. Neighbours on the same host make both slower, unseen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import NamedTuple

from bench.open_loop import percentile

PAGE = b"0" * 4096
EVERY_SECONDS = 0.1
STEPS = 3000
"""A fifth of a millisecond or so: nothing that anybody else would feel."""


class Tried(NamedTuple):
    at: float
    flush: float
    computed: float
    """Of the processor's own time, so that waiting for it does not count."""


class Bare(Thread):
    """A disk that waits keeps every commit waiting, whoever made it; a slow processor makes everything slow."""

    def __init__(self) -> None:
        super().__init__(name="bare", daemon=True)
        self._ended = Event()
        self._tried: list[Tried] = []

    def run(self) -> None:
        begun = time.monotonic()
        with TemporaryDirectory() as folder:
            file = os.open(Path(folder) / "page", os.O_CREAT | os.O_WRONLY)
            try:
                while not self._ended.wait(EVERY_SECONDS):
                    self._tried.append(Tried(time.monotonic() - begun, _flushed(file), _computed()))
            finally:
                os.close(file)

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def flush_p99(self, begin: float, end: float) -> float:
        """In milliseconds, as all of these, of what began in that time."""
        return percentile([one.flush for one in self._tried if begin <= one.at < end], 0.99)

    def computed_p50(self, begin: float, end: float) -> float:
        return percentile([one.computed for one in self._tried if begin <= one.at < end], 0.5)


def _took(clock: Callable[[], float], act: Callable[[], object]) -> float:
    begun = clock()
    act()
    return clock() - begun


def _flushed(file: int) -> float:
    def flush() -> None:
        os.pwrite(file, PAGE, 0)
        os.fdatasync(file)

    return _took(time.monotonic, flush)


def _computed() -> float:
    return _took(time.thread_time, lambda: sum(number * number % 7 for number in range(STEPS)))
