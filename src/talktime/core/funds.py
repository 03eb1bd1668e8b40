"""Money moved by people: granted, corrected, given back. A decision is whole: entries, lots and debt together."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talktime.core.ledger import (
    ADJUSTMENTS,
    DEBT,
    EXPIRED,
    PROMOTION,
    REFUNDS,
    REVENUE,
    SHORTFALL,
    Entry,
    EntryKind,
    Posting,
    from_lots,
    lot_book,
    to_lots,
)
from talktime.core.lots import OPEN, SPENT, Lot, Move, Part, Parts, Purse, split, split_last, total
from talktime.core.money import AMOUNT_MAX
from talktime.core.organizations import Account
from talktime.core.time import NEVER


class BalanceTooLarge(ValueError):
    """More than anyone has; sums of it would no longer fit."""


class NothingToReverse(ValueError):
    """More than the call was charged, less what was given back before."""


class NotLeft(ValueError):
    """More than what is free of a lot."""


class MadeLot(Struct, frozen=True):
    """A lot as it comes to be: what paid debt at once is no longer in it."""

    lot: Lot
    amount: int

    @property
    def state(self) -> str:
        return OPEN if self.lot.posted else SPENT


class Movement(Struct, frozen=True):
    """What a decision changes."""

    entries: tuple[Entry, ...] = ()
    lots: tuple[tuple[str, Move], ...] = ()
    debt: int = 0
    made: MadeLot | None = None

    @property
    def posted(self) -> int:
        """By how much the balance changes: lots together, less the debt."""
        return sum([move.posted for _, move in self.lots]) + (self.made.lot.posted if self.made else 0) - self.debt

    @property
    def held(self) -> int:
        return sum([move.held for _, move in self.lots])


class Cause(Struct, frozen=True):
    """Why money moves: the key under which it happens once, who says so, and what he says about it."""

    key: str
    by: str
    note: str = ""


class Cashier:
    """The money of one organization while one decision is made. What has expired goes first."""

    def __init__(self, org_id: int, account: Account, now: int) -> None:
        self._org_id, self._account, self._now = org_id, account, now
        self._purse = Purse(account.lots, account.debt)
        self._entries: list[Entry] = []
        self._debt = 0
        self._made: MadeLot | None = None

    def grant(self, lot: Lot, cause: Cause) -> None:
        """`lot` is as large as the grant; what is owed is paid out of it at once."""
        self._forfeit(cause.by)
        postings = [Posting(PROMOTION, lot_book(lot.lot_id), lot.posted)]
        self._put_in(lot, postings)
        self._book(EntryKind.GRANT, cause, postings, lot.posted)

    def fund(self, lot: Lot, source: str, kind: EntryKind, cause: Cause) -> None:
        """Money that somebody has paid: a lot of its own, out of which what is owed is paid at once."""
        self._forfeit(cause.by)
        postings = [Posting(source, lot_book(lot.lot_id), lot.posted)]
        self._put_in(lot, postings)
        self._book(kind, cause, postings, lot.posted)

    def pay_back(self, lot_id: str, amount: int, cause: Cause) -> None:
        """To whoever paid it: what is free of that lot, and nothing else."""
        self._forfeit(cause.by)
        taken = self._purse.take_from(lot_id, amount)
        if total(taken) < amount:
            raise NotLeft
        self._book(EntryKind.REFUND, cause, from_lots(taken, REFUNDS), -amount)

    def take_again(self, back: Parts, cause: Cause) -> None:
        """What could not be paid back is where it was. What has ended meanwhile expires at once."""
        self._forfeit(cause.by)
        paid = self._pay_debt(back)
        self._purse.restore(without(back, paid))
        self._book(EntryKind.REFUND, cause, [*to_lots(back, REFUNDS), *from_lots(paid, DEBT)], total(back))
        self._forfeit(cause.by)

    def claw_back(self, lot_id: str, amount: int, book: str, kind: EntryKind, cause: Cause) -> None:
        """Whoever paid has his money again: first what is left of it, then any other, then it is owed."""
        own = self._purse.take_from(lot_id, amount)
        self._forfeit(cause.by)
        others = self._purse.hold(amount - total(own), self._now)
        self._purse.charge(others)
        postings = from_lots((*own, *others), book)
        if owed := amount - total(own) - total(others):
            postings.append(Posting(DEBT, book, owed))
            self._debt += owed
        self._book(kind, cause, postings, -amount)

    def give(self, lot_id: str, amount: int, cause: Cause) -> None:
        """A correction upwards pays what is owed; the rest is a promotional lot without an end."""
        self._forfeit(cause.by)
        paid = min(amount, self._account.debt)
        postings = [Posting(ADJUSTMENTS, DEBT, paid)] if paid else []
        self._debt -= paid
        if rest := amount - paid:
            postings.append(Posting(ADJUSTMENTS, lot_book(lot_id), rest))
            lot = Lot(lot_id, rest, 0, self._now, NEVER, promotional=True)
            self._made = MadeLot(lot, rest)
        self._book(EntryKind.ADJUSTMENT, cause, postings, amount)

    def take(self, amount: int, cause: Cause) -> None:
        """A correction downwards takes what is free in spending order, then makes the balance negative."""
        self._forfeit(cause.by)
        taken = self._purse.hold(amount, self._now)
        self._purse.charge(taken)
        postings = from_lots(taken, ADJUSTMENTS)
        if owed := amount - total(taken):
            postings.append(Posting(DEBT, ADJUSTMENTS, owed))
            self._debt += owed
        self._book(EntryKind.ADJUSTMENT, cause, postings, -amount)

    def available(self, by: str) -> int:
        """What calls can be charged, once what has expired is gone."""
        self._forfeit(by)
        return self._purse.available(self._now)

    def charge(self, amount: int, shortfall: int, cause: Cause) -> None:
        """Of calls that are over, at most what is available; `shortfall` is what of their price nobody pays."""
        taken = self._purse.hold(amount, self._now)
        self._purse.charge(taken)
        postings = from_lots(taken, REVENUE)
        if shortfall:
            postings.append(Posting(SHORTFALL, REVENUE, shortfall))
        if postings:
            self._book(EntryKind.CHARGE, cause, postings, -total(taken))

    def reverse(self, charged: Parts, reversed_before: int, amount: int, cause: Cause) -> None:
        """Back to the lots it was taken from, the last first. What is past its end expires again."""
        _, left = split_last(charged, reversed_before)
        back, _ = split_last(left, amount)
        if total(back) < amount or reversed_before > total(charged):
            raise NothingToReverse
        self._forfeit(cause.by)
        paid = self._pay_debt(back)
        self._purse.restore(without(back, paid))
        self._book(EntryKind.REVERSAL, cause, [*to_lots(back, REVENUE), *from_lots(paid, DEBT)], amount)
        self._forfeit(cause.by)

    def movement(self) -> Movement:
        moved = tuple(sorted(self._purse.moved.items()))
        movement = Movement(tuple(self._entries), moved, self._debt, self._made)
        if abs(self._account.posted + movement.posted) > AMOUNT_MAX:
            raise BalanceTooLarge
        return movement

    def _put_in(self, lot: Lot, postings: list[Posting]) -> None:
        paid = min(lot.posted, self._account.debt)
        if paid:
            postings.append(Posting(lot_book(lot.lot_id), DEBT, paid))
            self._debt -= paid
        rest = Lot(lot.lot_id, lot.posted - paid, 0, lot.purchased_at, lot.expires_at, lot.priority, lot.promotional)
        self._made = MadeLot(rest, lot.posted)

    def _pay_debt(self, parts: Parts) -> Parts:
        """What came back pays what is owed before anybody can spend it; what has expired pays nothing."""
        ends = {lot.lot_id: lot.expires_at for lot in self._account.lots}
        paid, _ = split([part for part in parts if self._now < ends[part.lot_id]], self._account.debt)
        self._debt -= total(paid)
        return paid

    def _forfeit(self, by: str) -> None:
        for part in self._purse.expire(self._now):
            # Numbered, since a lot may expire in parts.
            key = f"expire:{part.lot_id}:{self._account.last_entry_no + len(self._entries) + 1}"
            self._book(EntryKind.EXPIRY, Cause(key, by), from_lots((part,), EXPIRED), -part.amount)

    def _book(self, kind: EntryKind, cause: Cause, postings: Sequence[Posting], amount: int) -> None:
        entry = Entry(self._org_id, cause.key, kind, self._now, tuple(postings), amount, cause.by, cause.note)
        self._entries.append(entry)


def without(parts: Parts, taken: Parts) -> Parts:
    """What is left of each lot's part."""
    left: dict[str, int] = {}
    for part in parts:
        left[part.lot_id] = left.get(part.lot_id, 0) + part.amount
    for part in taken:
        left[part.lot_id] -= part.amount
    return tuple(Part(lot_id, amount) for lot_id, amount in left.items() if amount)
