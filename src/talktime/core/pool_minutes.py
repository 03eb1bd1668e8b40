"""The minutes of one pool in one month: held before they are used, never more than there are."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from talktime.core.licence_terms import Caps

THRESHOLDS = (80, 100)
"""Per cent of a pool at which administrators are told."""


class WrongMinutes(ValueError):
    """No pool can have such minutes: a call and its pool were read with a change of both in between."""


class PoolMinutes(Struct, frozen=True, gc=False):
    total: int
    used: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        """Plain arithmetic, as it is shown."""
        return self.total - self.used - self.held

    def hold(self, minutes: int) -> PoolMinutes:
        if not 0 <= minutes <= max(self.available, 0):
            raise WrongMinutes("a pool is never overdrawn")
        return replace(self, held=self.held + minutes)

    def give_back(self, minutes: int) -> PoolMinutes:
        if not 0 <= minutes <= self.held:
            raise WrongMinutes("only what is held can be given back")
        return replace(self, held=self.held - minutes)

    def use(self, held: int, minutes: int, more: int = 0) -> tuple[PoolMinutes, int]:
        """Ends a hold. A call that was longer than its hold takes up to `more`; the answer says how much it used."""
        paid = min(max(minutes, 0), held + more)
        return replace(self.give_back(held), used=self.used + paid), paid

    def unuse(self, minutes: int) -> PoolMinutes:
        """It was shorter than it was charged."""
        if not 0 <= minutes <= self.used:
            raise WrongMinutes("only what was used can be taken back")
        return replace(self, used=self.used - minutes)


def whole_minutes(seconds: int) -> int:
    """A minute that has begun counts (D-01)."""
    return -(-max(seconds, 0) // 60)


def left(pool: PoolMinutes, others: Iterable[PoolMinutes] = (), caps: Caps | None = None) -> int:
    """What can be held now. `others`: the other kinds of minutes of the same licence.

    Whichever is reached first: when one cap is reached, by used and held minutes, both are used up (D-13). Nothing is
    latched: minutes that are given back open it again (D-41).
    """
    if caps is Caps.WHICHEVER_FIRST and any(other.available <= 0 for other in others):
        return 0
    return max(pool.available, 0)
