"""The one arithmetic of this door. The platform grants totals, counted from the answer of the call; a client of
Diameter is given the next piece of them with every report, and reports what it used since its last one."""

from __future__ import annotations

from dataclasses import dataclass, replace

VALIDITY_SPARE_SECONDS = 30
"""A client that has not spoken for so long beyond its piece is late; the platform ends the call 30 s after that."""
EMERGENCY_SECONDS = 300
"""A piece for calls that nobody cuts, whatever is known of their grant."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a client may use until its next report."""

    seconds: int
    final: bool

    @property
    def valid_seconds(self) -> int:
        return self.seconds + VALIDITY_SPARE_SECONDS


@dataclass(frozen=True, slots=True)
class Credit:
    """Totals of one call."""

    granted: int
    used: int = 0
    final: bool = False
    ask_after: int = 0
    """Used so much, it is time to ask the platform for more."""
    emergency: bool = False

    @property
    def left(self) -> int:
        return max(self.granted - self.used, 0)

    @property
    def wants_more(self) -> bool:
        """What is final may have grown meanwhile: money arrives during calls."""
        return self.final or self.used >= self.ask_after

    @property
    def piece(self) -> Piece:
        if self.emergency:
            return Piece(max(self.left, EMERGENCY_SECONDS), final=False)
        return Piece(self.left, self.final)

    def reported(self, seconds: int) -> Credit:
        return replace(self, used=self.used + seconds)

    def grown(self, granted: int, final: bool, ask_after: int) -> Credit:
        return replace(self, granted=granted, final=final, ask_after=ask_after)


def remembered(granted: int, final: bool, talked: float | None, reported: int) -> Credit:
    """The credit of a call that this process has not seen before, such as after a restart. What its earlier reports
    said is the time since the answer without what is reported now, and never more than was granted."""
    before = 0 if talked is None else int(talked) - reported
    return Credit(granted, min(max(before, 0), granted), final, ask_after=0)
