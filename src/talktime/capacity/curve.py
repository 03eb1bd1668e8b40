"""The answer-time curve of one server process: simulated at many loads with what was measured."""

from __future__ import annotations

from collections.abc import Callable

from talktime.capacity.callers import REQUESTS_A_CALL
from talktime.capacity.found import Measured, Point
from talktime.capacity.queueing import Answers, simulate

LOADS = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
COMMANDS = 8_000


def simulated(measured: Measured, calls_per_second: float, commands: int = COMMANDS, seed: int = 1) -> Answers:
    rate = calls_per_second * REQUESTS_A_CALL
    return simulate(measured.loaded, rate, commands, lanes=measured.lanes, seed=seed)


def curve(measured: Measured, watch: Callable[[], None] = lambda: None, commands: int = COMMANDS) -> list[Point]:
    """Up to where waiting has no end."""
    found = []
    for load in LOADS:
        rate = load * measured.calls_per_second
        answers = simulated(measured, rate, commands)
        watch()
        if not answers.held:
            break
        found.append(Point(rate, answers.p50, answers.p99))
    return found
