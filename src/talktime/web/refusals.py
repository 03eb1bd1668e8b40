"""Who was refused, in the log: so many lines a second and no more, since anybody can ask and be refused."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import structlog

LINES_A_SECOND = 10
WHO_MAY_NOT = (401, 403)

log = structlog.get_logger("talktime.refusals")


class Refusals:
    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since, self._refused = 0.0, 0

    def tell(self, **about: object) -> None:
        if self._clock() - self._since >= 1:
            self._since, self._refused = self._clock(), 0
        self._refused += 1
        if self._refused <= LINES_A_SECOND:
            log.warning("refused", **about)
