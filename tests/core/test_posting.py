from __future__ import annotations

import pytest

from talktime.core.call_types import CallType
from talktime.core.calls import Asked, Call, CallState, Refusal, Settled
from talktime.core.funds import Cashier, Cause
from talktime.core.ids import uuid7s
from talktime.core.ledger import REVENUE, SHORTFALL, Posting, lot_book
from talktime.core.lots import Lot
from talktime.core.numbers import NUMBERS
from talktime.core.organizations import Account, User
from talktime.core.posting import Known, kind_of, known_call, refused_call, reported
from tests.core.switch import NOW, UK, UK_RATE, YEAR

ASKED = Asked(CallType.USER_OUT, UK, started_at=NOW, duration_seconds=61)
CAUSE = Cause("file:1", "test")


@pytest.mark.parametrize(
    ("known", "same"),
    [
        (Known(UK, 61), True),
        (Known(UK, 60), False),
        (Known("+33199001234", 61), False),
        (Known(None, 61), True),
        (Known(UK, None), True),
        (Known(UK, 60, or_more=True), True),
        (Known(UK, 62, or_more=True), False),
    ],
)
def test_the_same_id_is_the_same_call_when_nothing_else_is_said_of_it(known: Known, same: bool) -> None:
    assert known.is_same(UK, 61) == same


@pytest.mark.parametrize(
    ("state", "talked", "expected"),
    [
        (CallState.OPEN, None, None),
        (CallState.STALE, None, None),
        (CallState.SETTLED, 61, 61),
        (CallState.REFUSED, None, 0),
        (CallState.RELEASED, None, 0),
    ],
)
def test_how_long_a_known_call_was(state: CallState, talked: int | None, expected: int | None) -> None:
    assert known_call(Call(1, "c", state, NOW, asked=ASKED, talked_seconds=talked)) == Known(UK, expected)
    assert known_call(Call(1, "c", state, NOW, talked_seconds=talked)).number is None


def test_what_only_a_pool_has_paid_may_have_been_longer() -> None:
    assert reported(UK, 60, frozenset({"pool"})) == Known(UK, 60, or_more=True)
    assert reported(UK, 60, frozenset({"pool", "credits"})) == Known(UK, 60)


def test_users_of_one_kind_are_alike() -> None:
    one, other = User("a", "GB", ("X",), None, "+442079460101"), User("b", "GB", ("X",), None, "+442079460102")
    assert kind_of(one) == kind_of(other) != kind_of(User("c", "GB", ("X",)))


def test_a_refused_call_is_kept_as_a_record_would_keep_it() -> None:
    call = refused_call(1, "c", ASKED, Refusal.NO_LICENCE, UK_RATE, 200_000)
    assert (call.settled, call.opened_at, call.talked_seconds) == (Settled(0, 200_000), NOW, 61)


def test_charges_come_out_of_lots_and_what_nobody_pays_does_not() -> None:
    lots = [Lot("a", 5, 0, NOW, NOW + 1), Lot("b", 5, 0, NOW, NOW + YEAR), Lot("old", 3, 0, NOW, NOW)]
    cashier = Cashier(1, Account("USD", lots, 13), NOW)
    assert cashier.available("test") == 10
    cashier.charge(7, 4, CAUSE)
    expired, charged = cashier.movement().entries
    assert (expired.amount, charged.amount) == (-3, -7)
    revenue = [Posting(lot_book("a"), REVENUE, 5), Posting(lot_book("b"), REVENUE, 2), Posting(SHORTFALL, REVENUE, 4)]
    assert list(charged.postings) == revenue


def test_of_nothing_there_is_no_entry() -> None:
    cashier = Cashier(1, Account("USD", []), NOW)
    cashier.charge(0, 0, CAUSE)
    assert cashier.movement().entries == ()


def test_ids_of_one_cause_are_in_the_order_of_time_and_all_different() -> None:
    ids = uuid7s([NOW, NOW, NOW + 1000], "a")
    assert ids == sorted(set(ids))
    assert {(len(one), one[12]) for one in ids} == {(32, "7")}
    assert set(ids).isdisjoint(uuid7s([NOW], "b"))


def test_numbers_are_told_apart_by_their_leading_digits() -> None:
    prefixes = NUMBERS.prefixes()
    assert {"44", "1876", "881", "449"} <= prefixes | {"449"}
