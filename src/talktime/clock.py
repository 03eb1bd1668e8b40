"""The time that operations are given: it follows the clock of the machine, but never goes back and never jumps."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

SLEW = 10
"""A tenth of the passed time is the most that is added or taken while the machine's clock is elsewhere."""
STEP_NS = 1_000_000
"""Nearer than this nothing is corrected."""


def passed_ns() -> int:
    """Goes on while the machine sleeps, and is not set by anybody."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic_ns()


class SteadyClock:
    """A clock set forward a year would expire every lot, one set back repeat the past. Both are only approached."""

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = passed_ns) -> None:
        self._wall, self._steady = wall_ns, steady_ns
        self._lock = Lock()
        self._told, self._at = wall_ns(), steady_ns()

    def __call__(self) -> int:
        """Microseconds since 1970."""
        with self._lock:
            steady = self._steady()
            passed = max(steady - self._at, 0)
            self._at = steady
            self._told += passed + self._correction(passed)
            return self._told // 1000

    def _correction(self, passed: int) -> int:
        away = self._wall() - (self._told + passed)
        if abs(away) < STEP_NS:
            return 0
        most = passed // SLEW
        return max(-most, min(most, away))

    @property
    def seconds_away(self) -> float:
        """How far the machine's clock is from what is told: not far, unless somebody has set it."""
        return (self._wall() - self._told) / 1e9
