"""What the disk does by itself, beside everything else: a page is flushed again and again, and nothing more."""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from bench.open_loop import percentile

PAGE = b"0" * 4096
EVERY_SECONDS = 0.1


class Disk(Thread):
    """A disk that waits keeps every commit waiting, whoever made it."""

    def __init__(self) -> None:
        super().__init__(name="disk", daemon=True)
        self._ended = Event()
        self._waited: list[tuple[float, float]] = []

    def run(self) -> None:
        begun = time.monotonic()
        with TemporaryDirectory() as folder:
            file = os.open(Path(folder) / "page", os.O_CREAT | os.O_WRONLY)
            try:
                while not self._ended.wait(EVERY_SECONDS):
                    self._waited.append((time.monotonic() - begun, _flushed(file)))
            finally:
                os.close(file)

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def p99(self, begin: float, end: float) -> float:
        """In milliseconds, of what began in that time."""
        return percentile([waited for at, waited in self._waited if begin <= at < end], 0.99)


def _flushed(file: int) -> float:
    begun = time.monotonic()
    os.pwrite(file, PAGE, 0)
    os.fdatasync(file)
    return time.monotonic() - begun
