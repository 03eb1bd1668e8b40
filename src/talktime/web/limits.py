"""At most so many requests a second with one key."""

from __future__ import annotations

from time import monotonic

from talktime.core.scopes import Caller
from talktime.web.problems import Problem


class Limiter:
    """A bucket for each key: it holds a second's requests and fills evenly."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._buckets: dict[str, tuple[float, float]] = {}

    def admit(self, caller: Caller) -> None:
        if not self._per_second or caller.is_operator:
            return
        now = monotonic()
        left, since = self._buckets.get(caller.key_id, (float(self._per_second), now))
        left = min(left + (now - since) * self._per_second, float(self._per_second))
        if left < 1:
            raise Problem(429, "rate_limited", "Too many requests with this key.", headers={"retry-after": "1"})
        self._buckets[caller.key_id] = (left - 1, now)
