"""The minutes of one pool in one month while a batch is decided, and by how much they have moved."""

from __future__ import annotations

from msgspec import Struct

from talktime.core.licence_terms import Caps
from talktime.core.pool_minutes import THRESHOLDS, PoolMinutes, left

PoolKey = tuple[int, str, str]
"""Organization, pool and month."""


class PoolMonth(Struct, frozen=True, gc=False):
    """As a batch reads it: the first kind of minutes, and the second of a licence that has two."""

    first: PoolMinutes
    second: PoolMinutes = PoolMinutes(0)
    is_kept: bool = True
    """False: nothing was held in this month yet, so there is no row."""


class MovedPool(Struct, frozen=True, gc=False, array_like=True):
    """By how much the minutes change, and what must still hold when they do."""

    org_id: int
    pool_id: str
    month: str
    first_used: int
    first_held: int
    second_used: int
    second_held: int
    first_total: int
    second_total: int
    whichever_first: bool
    is_kept: bool
    at: int

    @property
    def key(self) -> PoolKey:
        return self.org_id, self.pool_id, self.month


class PoolBook:
    def __init__(self, read: PoolMonth, caps: Caps | None) -> None:
        self._read = read
        self._minutes = [read.first, read.second]
        self._caps = caps

    def left(self, second: bool) -> int:
        return left(self._minutes[second], (self._minutes[not second],), self._caps)

    def hold(self, second: bool, minutes: int) -> None:
        self._minutes[second] = self._minutes[second].hold(minutes)

    def give_back(self, second: bool, minutes: int) -> None:
        self._minutes[second] = self._minutes[second].give_back(minutes)

    def use(self, second: bool, held: int, minutes: int) -> int:
        """Ends a hold; a longer call takes what else is free. How many minutes it used."""
        self._minutes[second], paid = self._minutes[second].use(held, minutes, self.left(second))
        return paid

    def unuse(self, second: bool, minutes: int) -> None:
        self._minutes[second] = self._minutes[second].unuse(minutes)

    def moved(self, key: PoolKey, at: int) -> MovedPool | None:
        read, now = (self._read.first, self._read.second), self._minutes
        if (now[0], now[1]) == read:
            return None
        return MovedPool(
            *key,
            now[0].used - read[0].used,
            now[0].held - read[0].held,
            now[1].used - read[1].used,
            now[1].held - read[1].held,
            read[0].total,
            read[1].total,
            self._caps is Caps.WHICHEVER_FIRST,
            self._read.is_kept,
            at,
        )


def crossed(total: int, used_before: int, used_after: int) -> list[int]:
    """The thresholds that use has come to with this change."""
    return [one for one in THRESHOLDS if total > 0 and 100 * used_before < one * total <= 100 * used_after]
