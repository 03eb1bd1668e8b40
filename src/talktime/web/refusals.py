"""What anybody can bring about, in the log: so many lines a second and no more."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import structlog

LINES_A_SECOND = 10
WHO_MAY_NOT = (401, 403)

log = structlog.get_logger("talktime.refusals")


class Sparing:
    """Whether another line may be written in this second."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since, self._written = 0.0, 0

    def may_write(self) -> bool:
        if self._clock() - self._since >= 1:
            self._since, self._written = self._clock(), 0
        self._written += 1
        return self._written <= LINES_A_SECOND


class Refusals:
    """Who may not, and why."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._lines = Sparing(clock)

    def tell(self, **about: object) -> None:
        if self._lines.may_write():
            log.warning("refused", **about)
