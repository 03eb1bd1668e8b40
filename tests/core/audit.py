"""What must always hold of books, stored or on paper: every counter against what it is derived from.

Each rule is a sentence about one organization that is true or not; `wrong` names those that are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

from talktime.core.calls import Call, CallState
from talktime.core.ledger import DEBT, REVENUE, SHORTFALL, Posting, lot_book
from talktime.core.lots import total


class AccountRow(NamedTuple):
    org_id: int
    posted: int
    held: int
    debt: int
    last_entry_no: int
    last_at: int


class LotRow(NamedTuple):
    org_id: int
    lot_id: str
    posted: int
    held: int
    state: str


class CallRow(NamedTuple):
    org_id: int
    call_id: str
    version: int
    state: str
    held: int
    charge: int
    opened_at: int
    due_at: int | None
    switch: str | None
    story: Call


class EntryRow(NamedTuple):
    org_id: int
    entry_id: str
    entry_no: int
    key: str
    kind: str
    at: int
    amount: int
    balance_after: int
    postings: tuple[Posting, ...]
    by: str
    note: str


class Snapshot(NamedTuple):
    """All books at one instant; the entries in the order of their numbers."""

    accounts: list[AccountRow]
    lots: list[LotRow]
    calls: list[CallRow]
    entries: list[EntryRow]


class Org(NamedTuple):
    account: AccountRow
    lots: list[LotRow]
    calls: list[CallRow]
    entries: list[EntryRow]

    @property
    def books(self) -> Counter[str]:
        return balances(posting for entry in self.entries for posting in entry.postings)


def wrong(books: Snapshot) -> list[str]:
    return [f"{org.account.org_id}: {rule.__name__}" for org in _apart(books) for rule in RULES if not rule(org)]


def _apart(books: Snapshot) -> list[Org]:
    return [
        Org(
            account,
            [row for row in books.lots if row.org_id == account.org_id],
            [row for row in books.calls if row.org_id == account.org_id],
            [row for row in books.entries if row.org_id == account.org_id],
        )
        for account in books.accounts
    ]


def balances(postings: Iterable[Posting]) -> Counter[str]:
    books: Counter[str] = Counter()
    for posting in postings:
        books[posting.source] -= posting.amount
        books[posting.destination] += posting.amount
    return books


def belongs_to_the_customer(book: str) -> bool:
    return book == DEBT or book.startswith(lot_book(""))


# --------------------------------------------------------------------------------------------------- money


def the_balance_is_the_lots_less_the_debt(org: Org) -> bool:
    return org.account.posted == sum(lot.posted for lot in org.lots) - org.account.debt


def each_lot_has_what_was_posted_to_it(org: Org) -> bool:
    return all(lot.posted == org.books[lot_book(lot.lot_id)] for lot in org.lots)


def the_debt_is_what_its_book_says(org: Org) -> bool:
    return org.account.debt == -org.books[DEBT]


def no_lot_is_below_what_it_holds(org: Org) -> bool:
    return all(0 <= lot.held <= lot.posted for lot in org.lots)


def only_debt_makes_less_than_nothing_available(org: Org) -> bool:
    return org.account.posted >= org.account.held or org.account.debt > 0


def only_empty_lots_are_closed(org: Org) -> bool:
    return all((lot.state == "open") == (lot.posted > 0) for lot in org.lots)


# --------------------------------------------------------------------------------------------------- holds


def what_calls_hold_is_held(org: Org) -> bool:
    return org.account.held == sum(call.held for call in org.calls)


def what_lots_hold_is_held(org: Org) -> bool:
    return org.account.held == sum(lot.held for lot in org.lots)


def each_lot_holds_what_calls_drew_from_it(org: Org) -> bool:
    drawn: Counter[str] = Counter()
    for call in org.calls:
        for part in call.story.drawn:
            drawn[part.lot_id] += part.amount
    return drawn == Counter({lot.lot_id: lot.held for lot in org.lots if lot.held})


# --------------------------------------------------------------------------------------------------- entries


def entries_are_numbered_without_gaps(org: Org) -> bool:
    return [entry.entry_no for entry in org.entries] == list(range(1, org.account.last_entry_no + 1))


def each_balance_follows_from_the_one_before(org: Org) -> bool:
    balance = 0
    for entry in org.entries:
        balance += entry.amount
        if entry.balance_after != balance:
            return False
    return balance == org.account.posted


def each_amount_is_what_its_postings_move(org: Org) -> bool:
    for entry in org.entries:
        moved = balances(entry.postings)
        if entry.amount != sum(amount for book, amount in moved.items() if belongs_to_the_customer(book)):
            return False
    return True


def every_cause_is_booked_once(org: Org) -> bool:
    return len({entry.key for entry in org.entries}) == len(org.entries)


def entries_sort_like_their_ids(org: Org) -> bool:
    return all(earlier.entry_id < later.entry_id for earlier, later in pairwise(org.entries))


def time_never_goes_back(org: Org) -> bool:
    instants = [*(entry.at for entry in org.entries), org.account.last_at]
    return instants == sorted(instants)


# --------------------------------------------------------------------------------------------------- calls


def each_row_says_what_its_story_says(org: Org) -> bool:
    return all(row == row_of(row.story) for row in org.calls)


def row_of(call: Call) -> CallRow:
    held, charge = total(call.drawn), call.settled.charge if call.settled else 0
    counted = (call.version, call.state.value, held, charge)
    return CallRow(call.org_id, call.call_id, *counted, call.opened_at, call.due_at, call.switch, call)


def only_open_calls_are_due_and_hold(org: Org) -> bool:
    return all((call.state == CallState.OPEN) == (call.due_at is not None) for call in org.calls) and not any(
        call.held for call in org.calls if call.state != CallState.OPEN
    )


def each_call_was_charged_what_it_says(org: Org) -> bool:
    return all(_booked(org, call.call_id) == _said(call.story) for call in org.calls)


def _booked(org: Org, call_id: str) -> tuple[int, int]:
    keys = (f"settle:{call_id}", f"stale:{call_id}")
    moved = balances(posting for entry in org.entries if entry.key in keys for posting in entry.postings)
    return moved[REVENUE] + moved[SHORTFALL], -moved[SHORTFALL]


def _said(call: Call) -> tuple[int, int]:
    return (_from_balance(call), call.settled.shortfall) if call.settled else (0, 0)


def _from_balance(call: Call) -> int:
    """What is paid later is on the bill, not in the books."""
    rows = call.settled.rows if call.settled else ()
    return (call.settled.charge if call.settled else 0) - sum(row.charge for row in rows if row.payer == "postpaid")


def each_call_names_the_lots_it_was_charged_to(org: Org) -> bool:
    return all(total(call.story.charged) == _from_balance(call.story) for call in org.calls)


RULES: tuple[Callable[[Org], bool], ...] = (
    the_balance_is_the_lots_less_the_debt,
    each_lot_has_what_was_posted_to_it,
    the_debt_is_what_its_book_says,
    no_lot_is_below_what_it_holds,
    only_debt_makes_less_than_nothing_available,
    only_empty_lots_are_closed,
    what_calls_hold_is_held,
    what_lots_hold_is_held,
    each_lot_holds_what_calls_drew_from_it,
    entries_are_numbered_without_gaps,
    each_balance_follows_from_the_one_before,
    each_amount_is_what_its_postings_move,
    every_cause_is_booked_once,
    entries_sort_like_their_ids,
    time_never_goes_back,
    each_row_says_what_its_story_says,
    only_open_calls_are_due_and_hold,
    each_call_was_charged_what_it_says,
    each_call_names_the_lots_it_was_charged_to,
)
