"""When something that did not arrive is tried again."""

from __future__ import annotations

from talktime.core.time import MINUTE, SECOND

_HOUR = 60 * MINUTE
WAITS = (5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, _HOUR, *(2 * _HOUR,) * 3, *(4 * _HOUR,) * 4)
"""From one try to the next: within 24 hours. Thereafter a person decides."""


def next_try(tries: int, now: int) -> int | None:
    """After so many. None: it is not tried again by itself."""
    return now + WAITS[tries - 1] if tries <= len(WAITS) else None
