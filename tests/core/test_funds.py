"""Money moved by people: whatever is decided, the books balance and nobody has more than there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from talktime.core.funds import BalanceTooLarge, Cashier, Cause, Movement, NothingToReverse, without
from talktime.core.ledger import DEBT, PROMOTION, REVENUE, EntryKind, Posting
from talktime.core.lots import Lot, Part
from talktime.core.money import AMOUNT_MAX
from talktime.core.organizations import Account
from talktime.core.time import NEVER

ORG, NOW = 7, 1_000
CAUSE = Cause("key", "somebody", "because")


def account(*lots: Lot, debt: int = 0) -> Account:
    posted = sum(lot.posted for lot in lots) - debt
    return Account("USD", list(lots), posted=posted, held=sum(lot.held for lot in lots), debt=debt, last_entry_no=4)


def lot(name: str, posted: int, held: int = 0, ends: int = NEVER, priority: int = 100) -> Lot:
    return Lot(name, posted, held, 0, ends, priority)


def moved(movement: Movement) -> dict[str, int]:
    """By how much each lot has changed."""
    changed = {lot_id: move.posted for lot_id, move in movement.lots}
    return changed | ({movement.made.lot.lot_id: movement.made.lot.posted} if movement.made else {})


def booked(movement: Movement) -> dict[str, int]:
    """The same, as the postings say it."""
    sums: dict[str, int] = {}
    for entry in movement.entries:
        for posting in entry.postings:
            sums[posting.source] = sums.get(posting.source, 0) - posting.amount
            sums[posting.destination] = sums.get(posting.destination, 0) + posting.amount
    return {book.removeprefix("lot:"): amount for book, amount in sums.items() if book.startswith("lot:")}


def test_a_grant_is_a_lot() -> None:
    cashier = Cashier(ORG, account(), NOW)
    cashier.grant(lot("new", 500), CAUSE)
    movement = cashier.movement()
    (entry,) = movement.entries
    assert entry.postings == (Posting(PROMOTION, "lot:new", 500),)
    assert (entry.key, entry.by, entry.note, entry.amount) == ("key", "somebody", "because", 500)
    assert movement.made is not None
    assert (movement.made.amount, movement.made.lot.posted, movement.made.state) == (500, 500, "open")
    assert (movement.posted, movement.held, movement.debt) == (500, 0, 0)


def test_a_grant_pays_what_is_owed() -> None:
    cashier = Cashier(ORG, account(debt=200), NOW)
    cashier.grant(lot("new", 500), CAUSE)
    movement = cashier.movement()
    assert movement.entries[0].postings == (Posting(PROMOTION, "lot:new", 500), Posting("lot:new", DEBT, 200))
    assert (moved(movement), movement.debt, movement.posted) == ({"new": 300}, -200, 500)


def test_a_grant_that_pays_debt_alone_is_spent() -> None:
    cashier = Cashier(ORG, account(debt=900), NOW)
    cashier.grant(lot("new", 500), CAUSE)
    movement = cashier.movement()
    assert movement.made is not None
    assert (movement.made.state, movement.debt, movement.posted) == ("spent", -500, 500)


def test_a_correction_downwards_takes_in_spending_order_and_then_makes_debt() -> None:
    cashier = Cashier(ORG, account(lot("b", 300, priority=2), lot("a", 100, held=40, priority=1)), NOW)
    cashier.take(500, CAUSE)
    movement = cashier.movement()
    assert (moved(movement), movement.debt, movement.posted, movement.held) == ({"a": -60, "b": -300}, 140, -500, 0)


def test_what_a_call_holds_is_not_taken() -> None:
    cashier = Cashier(ORG, account(lot("a", 100, held=100)), NOW)
    cashier.take(50, CAUSE)
    assert (moved(cashier.movement()), cashier.movement().debt) == ({}, 50)


def test_a_correction_upwards_pays_debt_and_makes_no_empty_lot() -> None:
    cashier = Cashier(ORG, account(debt=80), NOW)
    cashier.give("new", 80, CAUSE)
    movement = cashier.movement()
    assert (movement.made, movement.debt, movement.posted) == (None, -80, 80)


def test_a_correction_upwards_is_a_lot_without_an_end() -> None:
    cashier = Cashier(ORG, account(debt=80), NOW)
    cashier.give("new", 100, CAUSE)
    made = cashier.movement().made
    assert made is not None
    assert (made.lot.posted, made.lot.expires_at, made.lot.promotional) == (20, NEVER, True)


def test_what_has_expired_goes_first() -> None:
    cashier = Cashier(ORG, account(lot("old", 100, held=30, ends=NOW), lot("a", 50)), NOW)
    cashier.take(50, CAUSE)
    movement = cashier.movement()
    assert [(entry.kind, entry.key, entry.amount) for entry in movement.entries] == [
        (EntryKind.EXPIRY, "expire:old:5", -70),
        (EntryKind.ADJUSTMENT, "key", -50),
    ]
    assert (moved(movement), movement.debt) == ({"old": -70, "a": -50}, 0)
    assert dict(movement.lots)["old"].when_empty == "expired"


def test_a_call_is_given_back_to_the_lots_it_was_taken_from_last() -> None:
    cashier = Cashier(ORG, account(lot("a", 0), lot("b", 10)), NOW)
    cashier.reverse((Part("a", 100), Part("b", 50)), 20, 40, CAUSE)
    movement = cashier.movement()
    assert moved(movement) == {"a": 10, "b": 30}
    assert movement.entries[0].postings == (Posting(REVENUE, "lot:b", 30), Posting(REVENUE, "lot:a", 10))


@pytest.mark.parametrize(("before", "amount"), [(0, 101), (60, 41), (100, 1), (150, 1)])
def test_no_more_is_given_back_than_was_charged(before: int, amount: int) -> None:
    cashier = Cashier(ORG, account(lot("a", 0)), NOW)
    with pytest.raises(NothingToReverse):
        cashier.reverse((Part("a", 100),), before, amount, CAUSE)


def test_what_comes_back_too_late_expires_again() -> None:
    cashier = Cashier(ORG, account(lot("old", 0, ends=NOW), debt=10), NOW)
    cashier.reverse((Part("old", 100),), 0, 100, CAUSE)
    movement = cashier.movement()
    assert [entry.kind for entry in movement.entries] == [EntryKind.REVERSAL, EntryKind.EXPIRY]
    assert (moved(movement), movement.posted, movement.debt) == ({"old": 0}, 0, 0)


def test_what_comes_back_pays_debt_first() -> None:
    cashier = Cashier(ORG, account(lot("a", 0), debt=30), NOW)
    cashier.reverse((Part("a", 100),), 0, 100, CAUSE)
    movement = cashier.movement()
    assert (moved(movement), movement.debt, movement.posted) == ({"a": 70}, -30, 100)


def test_nothing_is_moved_without_a_decision() -> None:
    movement = Cashier(ORG, account(lot("a", 5)), NOW).movement()
    assert (movement.entries, movement.lots, movement.posted, movement.held) == ((), (), 0, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_balance_stays_within_what_can_be_counted(sign: int) -> None:
    cashier = Cashier(ORG, account(lot("a", AMOUNT_MAX)) if sign > 0 else account(debt=AMOUNT_MAX), NOW)
    if sign > 0:
        cashier.grant(lot("new", 1), CAUSE)
    else:
        cashier.take(1, CAUSE)
    with pytest.raises(BalanceTooLarge):
        cashier.movement()


def test_what_is_taken_of_one_lot_twice_is_taken_once_each() -> None:
    parts = (Part("a", 5), Part("b", 4), Part("a", 3))
    assert without(parts, (Part("a", 5), Part("a", 2), Part("b", 4))) == (Part("a", 1),)


any_lot: SearchStrategy[tuple[int, int, int]] = st.tuples(
    st.integers(0, 1000), st.integers(0, 1000), st.sampled_from([NOW - 1, NOW, NOW + 1, NEVER])
)


@given(
    st.lists(any_lot, max_size=5), st.integers(0, 500), st.sampled_from(["grant", "give", "take"]), st.integers(1, 3000)
)
def test_lots_debt_and_entries_always_tell_the_same(
    sizes: list[tuple[int, int, int]], debt: int, what: str, amount: int
) -> None:
    lots = [lot(f"l{n}", free + held, held, ends) for n, (free, held, ends) in enumerate(sizes)]
    before = account(*lots, debt=debt)
    cashier = Cashier(ORG, before, NOW)
    if what == "grant":
        cashier.grant(lot("new", amount), CAUSE)
    elif what == "give":
        cashier.give("new", amount, CAUSE)
    else:
        cashier.take(amount, CAUSE)
    movement = cashier.movement()
    assert {name: by for name, by in moved(movement).items() if by} == {
        name: by for name, by in booked(movement).items() if by
    }
    assert movement.posted == sum(entry.amount for entry in movement.entries)
    assert debt + movement.debt >= 0
    assert movement.held == 0
    for one in lots:
        assert one.posted + moved(movement).get(one.lot_id, 0) >= one.held
