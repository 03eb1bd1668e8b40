"""The check that follows every run of the engine finds what is wrong: one planted fault for each of its rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from talktime.core.ledger import REVENUE, Posting
from tests.core.audit import RULES, Snapshot, wrong
from tests.core.paper import Paper
from tests.core.switch import NOW, YEAR, lot


def sound() -> Snapshot:
    """One call in progress, one settled, one stale and corrected, one lot spent."""
    paper = Paper(lot("lot1", "0.6"), lot("lot2", "10", NOW + 2 * YEAR), debt="1")
    for call_id in ("open", "settled", "stale"):
        paper.authorize(call_id)
    paper.settle("settled", 3600)
    paper.answered("stale")
    paper.lapse("stale", lost=True)
    paper.settle("stale", 60)
    return paper.snapshot()


def in_account(**changes: Any) -> Callable[[Snapshot], Snapshot]:
    return lambda books: books._replace(accounts=[books.accounts[0]._replace(**changes)])


def in_lot(place: int, **changes: Any) -> Callable[[Snapshot], Snapshot]:
    return lambda books: books._replace(lots=changed(books.lots, place, changes))


def in_call(call_id: str, **changes: Any) -> Callable[[Snapshot], Snapshot]:
    def change(books: Snapshot) -> Snapshot:
        place = next(n for n, row in enumerate(books.calls) if row.call_id == call_id)
        return books._replace(calls=changed(books.calls, place, changes))

    return change


def in_entry(place: int, **changes: Any) -> Callable[[Snapshot], Snapshot]:
    return lambda books: books._replace(entries=changed(books.entries, place, changes))


def changed(rows: list[Any], place: int, changes: dict[str, Any]) -> list[Any]:
    rows = list(rows)
    rows[place] = rows[place]._replace(**changes)
    return rows


def without_a_charge(books: Snapshot) -> Snapshot:
    call = next(row for row in books.calls if row.call_id == "settled")
    return in_call("settled", story=replace(call.story, settled=None))(books)


def charged_to_nobody(books: Snapshot) -> Snapshot:
    call = next(row for row in books.calls if row.call_id == "settled")
    return in_call("settled", story=replace(call.story, charged=()))(books)


FAULTS: dict[str, Callable[[Snapshot], Snapshot]] = {
    "the_balance_is_the_lots_less_the_debt": in_account(posted=1),
    "each_lot_has_what_was_posted_to_it": in_lot(1, posted=1_000_000),
    "the_debt_is_what_its_book_says": in_account(debt=0),
    "no_lot_is_below_what_it_holds": in_lot(1, held=11_000_000),
    "only_debt_makes_less_than_nothing_available": in_account(held=90_000_000, debt=0),
    "only_empty_lots_are_closed": in_lot(1, state="spent"),
    "what_calls_hold_is_held": in_call("open", held=0),
    "what_lots_hold_is_held": in_account(held=0),
    "each_lot_holds_what_calls_drew_from_it": in_lot(1, held=1),
    "entries_are_numbered_without_gaps": in_entry(2, entry_no=9),
    "each_balance_follows_from_the_one_before": in_entry(2, balance_after=0),
    "each_amount_is_what_its_postings_move": in_entry(3, postings=(Posting(REVENUE, "expired", 1),)),
    "every_cause_is_booked_once": in_entry(3, key="debt"),
    "entries_sort_like_their_ids": in_entry(0, entry_id="f" * 32),
    "time_never_goes_back": in_account(last_at=0),
    "each_row_says_what_its_story_says": in_call("settled", version=99),
    "only_open_calls_are_due_and_hold": in_call("settled", due_at=NOW),
    "each_call_was_charged_what_it_says": without_a_charge,
    "each_call_names_the_lots_it_was_charged_to": charged_to_nobody,
}


def test_sound_books_are_found_sound() -> None:
    assert wrong(sound()) == []


def test_every_rule_has_its_fault() -> None:
    assert list(FAULTS) == [rule.__name__ for rule in RULES]


@pytest.mark.parametrize("rule", list(FAULTS))
def test_each_rule_finds_its_fault(rule: str) -> None:
    assert f"1: {rule}" in wrong(FAULTS[rule](sound()))
