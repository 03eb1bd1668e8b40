"""Lots: money bought together, spent in one written order, and gone when the lot expires."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

from talktime.core.time import NEVER


class Lot(Struct, frozen=True, gc=False):
    """`held` is part of `posted`. A lot that never ends has NEVER as its end."""

    lot_id: str
    posted: int
    held: int
    purchased_at: int
    expires_at: int
    priority: int = 100
    promotional: bool = False


class Part(NamedTuple):
    """What one lot gives to a hold or to a charge."""

    lot_id: str
    amount: int


Parts = tuple[Part, ...]


SPENT, EXPIRED, OPEN = "spent", "expired", "open"


class Move(Struct, gc=False):
    """By how much a lot changes, and what it is called if that empties it."""

    posted: int = 0
    held: int = 0
    when_empty: str = SPENT


def spending_order(lot: Lot) -> tuple[int, int, bool, int, str]:
    return lot.priority, lot.expires_at, not lot.promotional, lot.purchased_at, lot.lot_id


def total(parts: Iterable[Part]) -> int:
    return sum([part.amount for part in parts])


def split(parts: Sequence[Part], amount: int) -> tuple[Parts, Parts]:
    """`amount` out of the parts in their order, or all of them when they are less; and what is left."""
    taken, left = [], []
    for part in parts:
        size = min(part.amount, amount)
        amount -= size
        if size:
            taken.append(Part(part.lot_id, size))
        if size < part.amount:
            left.append(Part(part.lot_id, part.amount - size))
    return tuple(taken), tuple(left)


def split_last(parts: Sequence[Part], amount: int) -> tuple[Parts, Parts]:
    """`amount` from the end: what was drawn last goes back first. And what is left, in the order it was drawn."""
    taken, left = split(parts[::-1], amount)
    return taken, left[::-1]


def joined(earlier: Parts, later: Parts) -> Parts:
    """One hold that grew. Usually by more of the lot it was drawn from last."""
    if earlier and later and earlier[-1].lot_id == later[0].lot_id:
        grown = Part(later[0].lot_id, earlier[-1].amount + later[0].amount)
        return (*earlier[:-1], grown, *later[1:])
    return earlier + later


class Purse:
    """The lots of one organization while a batch is decided, and by how much each has moved."""

    def __init__(self, lots: Sequence[Lot], debt: int = 0) -> None:
        self._lots = sorted(lots, key=spending_order) if len(lots) > 1 else lots
        self._free = {lot.lot_id: lot.posted - lot.held for lot in lots}
        self._first_end = min([lot.expires_at for lot in lots], default=NEVER)
        self._debt = debt
        self.moved: dict[str, Move] = {}

    def available(self, now: int) -> int:
        """Negative only while there is debt, which the next money pays first."""
        return sum([self._free[lot.lot_id] for lot in self._lots if now < lot.expires_at]) - self._debt

    def hold(self, amount: int, now: int) -> Parts:
        """Set aside `amount`, or all that is available when that is less."""
        missing = min(amount, self.available(now)) if self._debt else amount
        parts: list[Part] = []
        for lot in self._lots:
            if missing <= 0:
                break
            size = min(self._free[lot.lot_id], missing) if now < lot.expires_at else 0
            if size > 0:
                parts.append(self._held(lot.lot_id, size))
                missing -= size
        return tuple(parts)

    def _held(self, lot_id: str, size: int) -> Part:
        self._free[lot_id] -= size
        self._move(lot_id).held += size
        return Part(lot_id, size)

    def take_from(self, lot_id: str, amount: int) -> Parts:
        """Charged at once, from this lot alone: at most what is free of it."""
        size = min(amount, self._free.get(lot_id, 0))
        if not size:
            return ()
        parts = (self._held(lot_id, size),)
        self.charge(parts)
        return parts

    def give_back(self, parts: Parts) -> None:
        for lot_id, size in parts:
            self._free[lot_id] = self._free.get(lot_id, 0) + size
            self._move(lot_id).held -= size

    def charge(self, parts: Parts) -> None:
        """What is charged was held before."""
        for lot_id, size in parts:
            move = self._move(lot_id)
            move.posted -= size
            move.held -= size

    def restore(self, parts: Parts) -> None:
        """A charge that was too high: the money is in its lots again."""
        for lot_id, size in parts:
            self._free[lot_id] = self._free.get(lot_id, 0) + size
            self._move(lot_id).posted += size

    def expire(self, now: int) -> Parts:
        """What is free of the lots that have ended, once. What a call still holds ends when it comes back."""
        if now < self._first_end:
            return ()
        ended = [lot.lot_id for lot in self._lots if lot.expires_at <= now]
        return tuple([self._expired(lot_id) for lot_id in ended if self._free[lot_id]])

    def _expired(self, lot_id: str) -> Part:
        part = Part(lot_id, self._free[lot_id])
        self._free[lot_id] = 0
        move = self._move(lot_id)
        move.posted -= part.amount
        move.when_empty = EXPIRED
        return part

    def _move(self, lot_id: str) -> Move:
        move = self.moved.get(lot_id)
        if move is None:
            move = self.moved[lot_id] = Move()
        return move
