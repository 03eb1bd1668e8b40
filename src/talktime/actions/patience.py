"""How long to leave alone what has just failed: twice as long each time, an hour at most."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from talktime.core.time import MINUTE, SECOND

AT_MOST = 60 * MINUTE


@dataclass(slots=True)
class Patience:
    """Of this process: another one, or the same after a restart, tries at once."""

    _failures: dict[Hashable, tuple[int, int]] = field(default_factory=dict)
    """How often in a row, and until when it is left alone."""

    def may(self, what: Hashable, now: int) -> bool:
        return self._failures.get(what, (0, 0))[1] <= now

    def failed(self, what: Hashable, now: int) -> None:
        times = self._failures.get(what, (0, 0))[0] + 1
        self._failures[what] = (times, now + min(SECOND << min(times, 12), AT_MOST))

    def done(self, what: Hashable) -> None:
        self._failures.pop(what, None)
