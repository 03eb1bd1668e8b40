"""Long work beside calls: a thread that computes takes turns with the one that answers, a millisecond each, so what
computes for a second would make everybody wait for that second. In a process without calls nobody is in the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, local

REST = 4.0
"""Times as long as was worked: one fifth at most is taken from whoever answers."""
REST_SECONDS_MAX = 1.0


class Breaks(local):
    """Of one job; each thread that works for it rests for itself."""

    def __init__(self, stopped: Event, somebody_waits: Callable[[], bool]) -> None:
        self._stopped = stopped
        self._somebody_waits = somebody_waits
        self._rested = time.thread_time()

    def stop(self) -> bool:
        """Asked between portions of the work: whether to end it, after a rest if there are calls to be answered."""
        worked = time.thread_time() - self._rested
        if self._somebody_waits():
            self._stopped.wait(min(worked * REST, REST_SECONDS_MAX))
        self._rested = time.thread_time()
        return self._stopped.is_set()
