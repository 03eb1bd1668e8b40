"""Calls in progress, as far as this process knows them. Whatever it forgets ends at its grant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic

FORGOTTEN_SECONDS = 60.0
"""After its grant a call is over; the platform has its own rules for one that nobody reports."""
EMERGENCY_SECONDS = 24 * 3600
"""Such a call has no end of its own."""
CALLS_MAX = 50_000
TOLERANCE_SECONDS = 0.1


@dataclass(slots=True)
class Call:
    call_id: str
    organization: str | None
    channel: str
    granted_seconds: int
    extend_after_seconds: int
    emergency: bool
    since: float
    answered_at: float | None = None
    next_at: float = float("inf")
    """When somebody has to look after it."""

    @property
    def named(self) -> dict[str, str]:
        """As every form of the API names it."""
        return {"call_id": self.call_id} | ({"organization": self.organization} if self.organization else {})

    def talked(self, now: float) -> float:
        return 0.0 if self.answered_at is None else now - self.answered_at

    def left(self, now: float) -> int:
        """Whole seconds, as Asterisk takes them, so that the cut is never later than what a settle forgives."""
        return int(self.granted_seconds - self.talked(now) + TOLERANCE_SECONDS)

    def look_again(self, seconds: int) -> None:
        """At a whole second of the call, so that what is left is whole as well."""
        now = monotonic()
        began = now if self.answered_at is None else self.answered_at
        self.next_at = began + int(self.talked(now)) + seconds

    def is_forgotten(self, now: float) -> bool:
        began = self.since if self.answered_at is None else self.answered_at
        lasts = EMERGENCY_SECONDS if self.emergency else self.granted_seconds
        return now > began + lasts + FORGOTTEN_SECONDS


class Calls:
    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._lock = Lock()

    def add(self, call: Call) -> None:
        with self._lock:
            if len(self._calls) >= CALLS_MAX:
                self._forget(monotonic())
            if len(self._calls) < CALLS_MAX:
                self._calls[call.call_id] = call

    def find(self, call_id: str) -> Call | None:
        return self._calls.get(call_id)

    def remove(self, call_id: str) -> Call | None:
        with self._lock:
            return self._calls.pop(call_id, None)

    @property
    def ids(self) -> Sequence[str]:
        with self._lock:
            return sorted(self._calls)

    def due(self) -> Sequence[Call]:
        """Each is due once; whoever has looked after it says when it is due again."""
        now = monotonic()
        with self._lock:
            self._forget(now)
            found = [call for call in self._calls.values() if call.next_at <= now]
            for call in found:
                call.next_at = float("inf")
        return found

    def _forget(self, now: float) -> None:
        for call in [one for one in self._calls.values() if one.is_forgotten(now)]:
            del self._calls[call.call_id]
