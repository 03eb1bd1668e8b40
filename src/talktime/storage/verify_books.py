"""The books of one organization, added up again entry by entry in the order in which they were written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, func, select, text

from talktime.core.ledger import (
    ADJUSTMENTS,
    DEBT,
    DISPUTES,
    EXPIRED,
    PROMOTION,
    REFUNDS,
    REVENUE,
    SHORTFALL,
    EntryKind,
)
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.seal_store import COLUMNS, Chain, link, unsealed

Tell = Callable[[str, str], None]
Looked = Callable[[int], None]
PORTION = 2_000
# A cursor is planned for whoever wants the first rows soon, and then the charge of each call is searched for among all
# of its organization. All rows are wanted here.
TO_THE_END = text("SET LOCAL cursor_tuple_fraction = 1")
BOOKS = frozenset({DEBT, REVENUE, EXPIRED, PROMOTION, ADJUSTMENTS, SHORTFALL, REFUNDS, DISPUTES})
FUNDING = frozenset({EntryKind.TOP_UP, EntryKind.RECHARGE, EntryKind.GRANT})
KINDS = frozenset(EntryKind)
FINISHED = ("spent", "expired")
e, u, s = t.entries.c, t.audit.c, t.seals.c

decode_postings = msgspec.json.Decoder(list[tuple[str, str, int]], strict=True).decode


class Books:
    """What the entries say, beside what is stored."""

    def __init__(self, account: Any, lots: Sequence[Any]) -> None:
        self.account = account
        self.lots: Mapping[str, Any] = {lot.lot_id: lot for lot in lots}
        self.sums: dict[str, int] = defaultdict(int)
        self.entries = 0
        self.balance = 0
        self.last_no = 0
        self.last_at = 0
        self.funded = False
        self.call_charges = 0
        """How many entries are the charge of a call: each must find its call."""
        self.unsealed = 0

    def add(self, row: Any, tell: Tell) -> None:
        self._check_order(row, tell)
        effect = self._post(row, tell)
        if not _whole(row.amount_micros, row.balance_after):
            tell("I16", f"entry {row.entry_no}: an amount is no whole number")
            return
        if effect is not None and effect != row.amount_micros:
            tell("I1", f"entry {row.entry_no}: its postings move {effect}, it says {row.amount_micros}")
        if row.balance_after != self.balance + row.amount_micros:
            tell("I2", f"entry {row.entry_no}: {self.balance} and {row.amount_micros} do not make {row.balance_after}")
        if row.kind not in KINDS:
            tell("I1", f"entry {row.entry_no}: there is no kind '{row.kind}'")
        self.balance += row.amount_micros
        self.funded |= row.kind in FUNDING
        self.call_charges += row.entry_key.startswith(("settle:", "stale:"))

    def _check_order(self, row: Any, tell: Tell) -> None:
        if row.entry_no != self.last_no + 1:
            tell("I2", f"entry {row.entry_no} follows entry {self.last_no}")
        if row.at < self.last_at:
            tell("I17", f"entry {row.entry_no}: its time is before that of the one before it")
        self.entries += 1
        self.last_no, self.last_at = row.entry_no, row.at

    def _post(self, row: Any, tell: Tell) -> int | None:
        """By how much the postings change the balance; None when they cannot be read."""
        try:
            postings = decode_postings(row.postings)
        except msgspec.DecodeError as error:
            tell("I16" if "float" in str(error) else "I1", f"entry {row.entry_no}: postings: {error}")
            return None
        if not postings:
            tell("I1", f"entry {row.entry_no}: it moves nothing")
        effect = 0
        for source, destination, amount in postings:
            if amount <= 0 or source == destination:
                tell("I1", f"entry {row.entry_no}: {amount} from {source} to {destination} is no posting")
            effect += amount * (_is_own(destination) - _is_own(source))
            for book, moved in ((source, -amount), (destination, amount)):
                self._move(row, book, moved, tell)
        return effect

    def _move(self, row: Any, book: str, moved: int, tell: Tell) -> None:
        self.sums[book] += moved
        lot = self.lots.get(book.removeprefix("lot:")) if book.startswith("lot:") else None
        if lot is None and book not in BOOKS and not book.startswith("clearing:"):
            tell("relations", f"entry {row.entry_no}: there is no book {book}")
        elif lot is not None:
            if self.sums[book] < 0:
                tell("I9", f"entry {row.entry_no}: lot {lot.lot_id} falls below zero")
            if row.kind == EntryKind.EXPIRY and row.at < lot.expires_at:
                tell("I9", f"entry {row.entry_no}: lot {lot.lot_id} expires before its time")

    def check_stored(self, tell: Tell) -> None:
        account = self.account
        if not _whole(account.posted_micros, account.held_micros, account.debt_micros):
            tell("I16", "account: an amount is no whole number")
            return
        self._check_lots(tell)
        total = sum(self.sums.values())
        if total:
            tell("I1", f"the sum over all books is {total}")
        if account.posted_micros != self.balance:
            tell("I2", f"account: the entries make {self.balance}, stored is {account.posted_micros}")
        if account.debt_micros != -self.sums[DEBT]:
            tell("I2", f"account: the debt book has {self.sums[DEBT]}, stored is a debt of {account.debt_micros}")
        if account.last_entry_no != self.last_no or self.entries != self.last_no:
            tell("I2", f"account: {self.entries} entries end with {self.last_no}, stored is {account.last_entry_no}")
        if account.last_at < self.last_at:
            tell("I17", f"account: the last entry is of {self.last_at}, stored is {account.last_at}")
        if account.held_micros < 0 or account.debt_micros < 0:
            tell("I3", f"account: held {account.held_micros}, debt {account.debt_micros}")
        if account.posted_micros + account.debt_micros < account.held_micros:
            tell("I3", f"account: {account.held_micros} is held of {account.posted_micros}")
        if self.funded and not account.credits_set_up:
            tell("I2", "account: it was funded, and its credits are not set up")

    def _check_lots(self, tell: Tell) -> None:
        posted = held = 0
        for lot in self.lots.values():
            if not _whole(lot.posted_micros, lot.held_micros, lot.amount_micros):
                tell("I16", f"lot {lot.lot_id}: an amount is no whole number")
                return
            self._check_lot(lot, tell)
            posted += lot.posted_micros
            held += lot.held_micros
        account = self.account
        if account.posted_micros != posted - account.debt_micros:
            tell(
                "I9", f"account: lots of {posted} less a debt of {account.debt_micros}, stored {account.posted_micros}"
            )
        if account.held_micros != held:
            tell("I2", f"account: the lots hold {held}, stored is {account.held_micros}")
        if account.has_frozen != any(lot.state == "frozen" for lot in self.lots.values()):
            tell("I2", f"account: a dispute freezes something of it: {bool(account.has_frozen)}, and its lots disagree")

    def _check_lot(self, lot: Any, tell: Tell) -> None:
        derived = self.sums.get(f"lot:{lot.lot_id}", 0)
        if lot.posted_micros != derived:
            tell("I2", f"lot {lot.lot_id}: the entries make {derived}, stored is {lot.posted_micros}")
        if not 0 <= lot.held_micros <= lot.posted_micros:
            tell("I3", f"lot {lot.lot_id}: {lot.held_micros} is held of {lot.posted_micros}")
        if lot.posted_micros > lot.amount_micros:
            tell("I9", f"lot {lot.lot_id}: it has {lot.posted_micros} left of {lot.amount_micros}")
        # What a dispute has frozen may be empty: something of it may come back.
        if lot.state != "frozen" and (lot.state in FINISHED) != (lot.posted_micros == 0):
            tell("I9", f"lot {lot.lot_id}: it is {lot.state} and has {lot.posted_micros}")

    def check_holds(self, held: Mapping[str, int], tell: Tell) -> None:
        """`held`: what the open calls hold of each lot."""
        for lot in self.lots.values():
            wanted = held.get(lot.lot_id, 0)
            if lot.held_micros != wanted:
                tell("I2", f"lot {lot.lot_id}: open calls hold {wanted}, stored is {lot.held_micros}")
        for lot_id in held.keys() - self.lots.keys():
            tell("relations", f"open calls hold money of lot {lot_id}, which does not exist")


def check_books(tx: ReadTx, org_id: int, tell: Tell, looked: Looked) -> Books:
    account = tx.execute(select(t.accounts).where(t.accounts.c.org_id == org_id)).one()
    lots = tx.execute(select(t.lots).where(t.lots.c.org_id == org_id)).all()
    books = Books(account, lots)
    chain = SealedChain(tx, org_id, Chain.ENTRIES)
    entries = select(*COLUMNS[Chain.ENTRIES]).where(e.org_id == org_id).order_by(e.entry_id)
    for row in streamed(tx, entries, looked):
        books.add(row, tell)
        chain.follow(row, tell)
    books.check_stored(tell)
    for key in tx.scalars(_booked_twice(org_id)):
        tell("I2", f"the key {key} is booked more than once")
    books.unsealed = chain.end(tell)
    return books


def check_audit(tx: ReadTx, org_id: int, tell: Tell) -> int:
    """How many rows are not sealed yet."""
    chain = SealedChain(tx, org_id, Chain.AUDIT)
    last_no = last_at = 0
    rows = select(*COLUMNS[Chain.AUDIT]).where(u.org_id == org_id).order_by(u.audit_no)
    for row in streamed(tx, rows):
        if row.audit_no != last_no + 1:
            tell("I14", f"audit row {row.audit_no} follows row {last_no}")
        if row.at < last_at:
            tell("I17", f"audit row {row.audit_no}: its time is before that of the one before it")
        last_no, last_at = row.audit_no, row.at
        chain.follow(row, tell)
    stored = tx.scalar(select(t.accounts.c.last_audit_no).where(t.accounts.c.org_id == org_id))
    if stored != last_no:
        tell("I14", f"account: the audit ends with row {last_no}, stored is {stored}")
    return chain.end(tell)


class SealedChain:
    """The hashes made anew from the rows, compared wherever a seal was set."""

    def __init__(self, tx: ReadTx, org_id: int, chain: Chain) -> None:
        self._name = chain.value
        mine = select(s.through_no, s.digest).where(s.org_id == org_id, s.chain == chain.value)
        self._seals = iter(streamed(tx, mine.order_by(s.through_no)))
        self._next = next(self._seals, None)
        self._digest = bytes.fromhex(unsealed(org_id, chain).digest)
        self._after_last_seal = 0

    def follow(self, row: Sequence[Any], tell: Tell) -> None:
        self._digest = link(self._digest, row)
        self._after_last_seal += 1
        if self._next is not None and self._next.through_no == row[0]:
            if self._next.digest != self._digest.hex():
                tell("I14", f"{self._name}: the rows up to {row[0]} are not those that were sealed")
                # One change shows in all that follows; told once, and followed on from what was sealed.
                self._digest = bytes.fromhex(self._next.digest)
            self._next = next(self._seals, None)
            self._after_last_seal = 0

    def end(self, tell: Tell) -> int:
        if self._next is not None:
            tell("I14", f"{self._name}: row {self._next.through_no} was sealed and is not there")
            return 0
        return self._after_last_seal


def streamed(tx: ReadTx, query: Select[Any], looked: Looked | None = None) -> Generator[Any, None, None]:
    if tx.dialect.name == "postgresql":
        tx.execute(TO_THE_END)
    with tx.execute(query, execution_options={"stream_results": True, "yield_per": PORTION}) as found:
        for portion in found.partitions():
            yield from portion
            if looked:
                looked(len(portion))


def _booked_twice(org_id: int) -> Select[Any]:
    return select(e.entry_key).where(e.org_id == org_id).group_by(e.entry_key).having(func.count() > 1)


def _is_own(book: str) -> bool:
    """Whether the money in it is the organization's balance."""
    return book.startswith("lot:") or book == DEBT


def _whole(*amounts: object) -> bool:
    return all(type(amount) is int for amount in amounts)
