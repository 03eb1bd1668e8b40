"""Lots: money bought together, spent in one written order, and gone when the lot expires."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct


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


class Move(NamedTuple):
    """By how much a lot changes, and what it is called if that empties it."""

    posted: int
    held: int
    when_empty: str


SPENT, EXPIRED, OPEN = "spent", "expired", "open"


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

    def __init__(self, lots: Iterable[Lot], debt: int = 0) -> None:
        self._lots = sorted(lots, key=spending_order)
        self._free = {lot.lot_id: lot.posted - lot.held for lot in self._lots}
        self._ends = {lot.lot_id: lot.expires_at for lot in self._lots}
        self._debt = debt
        self.moved: dict[str, Move] = {}

    def available(self, now: int) -> int:
        """Negative only while there is debt, which the next money pays first."""
        return sum([self._free[lot.lot_id] for lot in self._lots if now < lot.expires_at]) - self._debt

    def hold(self, amount: int, now: int) -> Parts:
        """Set aside `amount`, or all that is available when that is less."""
        wanted = amount if not self._debt else max(min(amount, self.available(now)), 0)
        parts, _ = split(
            [Part(lot.lot_id, self._free[lot.lot_id]) for lot in self._lots if now < lot.expires_at], wanted
        )
        for part in parts:
            self._free[part.lot_id] -= part.amount
            self._move(part, 0, 1, SPENT)
        return parts

    def give_back(self, parts: Parts) -> None:
        for part in parts:
            self._free[part.lot_id] = self._free.get(part.lot_id, 0) + part.amount
            self._move(part, 0, -1, SPENT)

    def charge(self, parts: Parts) -> None:
        """What is charged was held before."""
        for part in parts:
            self._move(part, -1, -1, SPENT)

    def restore(self, parts: Parts) -> None:
        """A charge that was too high: the money is in its lots again."""
        for part in parts:
            self._free[part.lot_id] = self._free.get(part.lot_id, 0) + part.amount
            self._move(part, 1, 0, SPENT)

    def expire(self, now: int) -> Parts:
        """What is free of the lots that have ended, once. What a call still holds ends when it comes back."""
        gone = tuple([Part(lot_id, free) for lot_id, free in self._free.items() if free and self._ends[lot_id] <= now])
        for part in gone:
            self._free[part.lot_id] = 0
            self._move(part, -1, 0, EXPIRED)
        return gone

    def _move(self, part: Part, posted: int, held: int, when_empty: str) -> None:
        earlier = self.moved.get(part.lot_id)
        if earlier is None:
            self.moved[part.lot_id] = Move(posted * part.amount, held * part.amount, when_empty)
        else:
            by = (earlier.posted + posted * part.amount, earlier.held + held * part.amount)
            self.moved[part.lot_id] = Move(*by, when_empty)
