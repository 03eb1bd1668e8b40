"""What time does: calls that nobody ended, lots that expire, debt; on both databases, with all books looked through."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from talktime.core.calls import (
    Answer,
    CallState,
    Done,
    Extended,
    Refusal,
)
from talktime.core.time import SECOND
from tests.charging.books import LATER, Books
from tests.core.switch import (
    NOW,
    ended,
    extended,
    granted,
    lot,
    paid,
    parts,
    refused,
)

# --------------------------------------------------------------------------------------------------- time is over


def test_a_call_never_answered_is_released_when_its_hold_expires(shop: Books) -> None:
    expires_at = granted(shop.authorize("c1")).expires_at
    shop.now = expires_at - 1
    shop.lapse("c1")
    assert shop.money() == ("10", "0.5")
    shop.now = expires_at
    assert shop.lapse("c1") == shop.lapse("c1") == Done()
    assert (shop.money(), shop.call("c1").state) == (("10", "0"), CallState.RELEASED)


def test_an_answered_call_is_charged_its_grant_a_minute_after_its_end(shop: Books) -> None:
    shop.authorize("c1")
    shop.later(20)
    shop.answered("c1")
    shop.later(300 + 59)
    shop.lapse("c1")
    assert shop.booked() == {}
    shop.later(1)
    assert shop.lapse("c1") == shop.lapse("c1") == Done()
    assert shop.booked() == {"stale:c1": "-0.5"}
    assert (shop.money(), shop.call("c1").state) == (("9.5", "0"), CallState.STALE)


def test_an_extended_call_is_charged_the_whole_grant(shop: Books) -> None:
    shop.authorize("c1")
    shop.now = extended(shop.extend("c1", 300)).expires_at
    shop.lapse("c1")
    assert shop.booked() == {"stale:c1": "-1"}
    assert shop.extend("c1", 600) == Extended(600, final=True)


def test_a_call_that_its_switch_no_longer_knows_ends_at_once(shop: Books) -> None:
    for call_id in ("unanswered", "answered"):
        shop.authorize(call_id)
    shop.answered("answered")
    shop.lapse("unanswered", lost=True)
    shop.lapse("answered", lost=True)
    assert [shop.call(call_id).state for call_id in ("unanswered", "answered")] == ["released", "stale"]


def stale(books: Books) -> Books:
    """0.30 of the first lot and 0.20 of the second are charged; 0.20 are left."""
    books.organization(lot("lot1", "0.3"), lot("lot2", "0.4", LATER))
    books.authorize("c1")
    books.answered("c1")
    books.later(3600)
    books.lapse("c1")
    assert books.booked() == {"stale:c1": "-0.5"}
    return books


@pytest.mark.parametrize(
    ("seconds", "correction", "told", "lots"),
    [
        (300, {}, ("0.5", "0"), {"lot2": ("0.2", "0")}),
        (200, {"settle:c1": "0.1"}, ("0.4", "0"), {"lot2": ("0.3", "0")}),
        (120, {"settle:c1": "0.3"}, ("0.2", "0"), {"lot1": ("0.1", "0"), "lot2": ("0.4", "0")}),
        (0, {"settle:c1": "0.5"}, ("0", "0"), {"lot1": ("0.3", "0"), "lot2": ("0.4", "0")}),
        (360, {"settle:c1": "-0.1"}, ("0.6", "0"), {"lot2": ("0.1", "0")}),
        (600, {"settle:c1": "-0.2"}, ("0.7", "0.3"), {}),
    ],
)
def test_a_late_settle_of_a_stale_call_books_the_difference(
    books: Books, seconds: int, correction: dict[str, str], told: tuple[str, str], lots: dict[str, tuple[str, str]]
) -> None:
    answer = stale(books).settle("c1", seconds)
    assert paid(answer) == told
    assert books.booked() == {"stale:c1": "-0.5"} | correction
    assert books.lots() == lots


def test_a_stale_call_is_corrected_once(books: Books) -> None:
    first = ended(stale(books).settle("c1", 120))
    again, other = ended(books.settle("c1", 120)), ended(books.settle("c1", 60))
    assert [answer.conflict for answer in (first, again, other)] == [False, False, True]
    assert first.settled == again.settled == other.settled
    assert books.money() == ("0.5", "0")


def test_money_that_comes_back_into_a_spent_lot_can_be_spent_again(books: Books) -> None:
    stale(books).settle("c1", 0)
    assert granted(books.authorize("c2")).seconds == 300
    assert parts(books.call("c2").drawn) == {"lot1": "0.3", "lot2": "0.2"}


# --------------------------------------------------------------------------------------------------- lots that end


def test_from_the_instant_of_its_end_a_lot_cannot_be_spent(books: Books) -> None:
    books.organization(lot("lot1", "10", NOW + 60 * SECOND))
    books.now = NOW + 60 * SECOND - 1
    assert granted(books.authorize("c1", requested_seconds=60)).seconds == 60
    books.now += 1
    assert refused(books.authorize("c2")) is Refusal.NO_BALANCE


def test_what_is_left_of_an_ended_lot_is_forfeited_by_the_first_touch_and_only_once(books: Books) -> None:
    books.organization(lot("lot1", "10", NOW + 60 * SECOND), lot("lot2", "1"))
    books.later(60)
    for _ in range(3):
        books.touch()
    assert books.booked() == {"expire:lot1:3": "-10"}
    assert books.postings("expire:lot1:3") == [("lot:lot1", "expired", "10")]
    assert {row.lot_id: row.state for row in books.snapshot().lots} == {"lot1": "expired", "lot2": "open"}


@pytest.mark.parametrize(
    "touch",
    [
        lambda books: books.authorize("c1"),
        lambda books: books.authorize("c1", user="nobody"),
        lambda books: books.settle("c1", 61),
        lambda books: books.record("c1", 0),
        lambda books: books.touch(),
    ],
)
def test_whatever_looks_at_the_money_touches_it(books: Books, touch: Callable[[Books], Answer]) -> None:
    books.organization(lot("lot1", "10", NOW), lot("lot2", "1"))
    touch(books)
    assert books.booked() == {"expire:lot1:3": "-10"}


def test_a_hold_survives_the_end_of_its_lot_and_what_comes_back_of_it_expires_at_once(books: Books) -> None:
    books.organization(lot("lot1", "0.7", NOW + 60 * SECOND), lot("lot2", "1"))
    books.authorize("c1")
    books.later(60)
    books.touch()
    assert books.booked() == {"expire:lot1:3": "-0.2"}
    assert books.lots() == {"lot1": ("0.5", "0.5"), "lot2": ("1", "0")}
    assert paid(books.settle("c1", 120)) == ("0.2", "0")
    assert books.booked() == {"expire:lot1:3": "-0.2", "expire:lot1:4": "-0.3", "settle:c1": "-0.2"}
    assert books.lots() == {"lot2": ("1", "0")}


def test_a_call_goes_on_with_the_hold_it_has_and_draws_from_lots_that_live(books: Books) -> None:
    books.organization(lot("lot1", "10", NOW + 60 * SECOND), lot("lot2", "0.2"))
    books.authorize("c1")
    books.later(60)
    answer = extended(books.extend("c1", 300))
    assert (answer.seconds, answer.final) == (420, True)
    assert parts(books.call("c1").drawn) == {"lot1": "0.5", "lot2": "0.2"}


def test_a_correction_into_an_ended_lot_is_gone_at_once(books: Books) -> None:
    books.organization(lot("lot1", "0.5", NOW + 60 * SECOND))
    books.authorize("c1")
    books.answered("c1")
    books.later(3600)
    books.lapse("c1")
    books.settle("c1", 60)
    assert books.money() == ("0", "0")
    assert books.booked() == {"stale:c1": "-0.5", "settle:c1": "0.4", "expire:lot1:4": "-0.4"}
    assert refused(books.authorize("c2")) is Refusal.NO_BALANCE


# --------------------------------------------------------------------------------------------------- debt


def test_the_next_money_pays_the_debt_first(books: Books) -> None:
    books.organization(lot("lot1", "1"), debt="0.75")
    answer = granted(books.authorize("c1"))
    assert (answer.seconds, answer.final) == (120, True)
    assert refused(books.authorize("c2")) is Refusal.NO_BALANCE
    assert books.money() == ("0.25", "0.2")


def test_debt_that_comes_during_a_call_leaves_the_hold_and_takes_the_rest(books: Books) -> None:
    books.organization(lot("lot1", "1"))
    books.authorize("c1")
    books.owe("2")
    assert extended(books.extend("c1", 300)) == Extended(300, True, 240, NOW + 360 * SECOND)
    assert paid(books.settle("c1", 600)) == ("0.5", "0.5")
    assert books.money() == ("-1.5", "0")
