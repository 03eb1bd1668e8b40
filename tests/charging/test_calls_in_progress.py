"""Calls that go on: extended and answered; on both databases, with all books looked through."""

from __future__ import annotations

import pytest

from talktime.core.calls import (
    Conflicting,
    Done,
    Extended,
)
from talktime.core.money import micros as usd
from talktime.core.prices import Row
from talktime.core.rates import Rate
from talktime.core.time import SECOND
from tests.charging.books import Books
from tests.core.switch import (
    NOW,
    NOWHERE,
    extended,
    granted,
    lot,
    paid,
)

# --------------------------------------------------------------------------------------------------- extend


def test_a_call_grows_by_a_slice_and_so_does_its_hold(shop: Books) -> None:
    shop.authorize("c1")
    shop.later(240)
    assert shop.extend("c1", 300) == Extended(600, False, 540, shop.now + 660 * SECOND)
    assert shop.money() == ("10", "1")


def test_the_newest_total_asked_twice_grows_once(shop: Books) -> None:
    shop.authorize("c1")
    first = shop.extend("c1", 300)
    shop.later(3)
    assert shop.extend("c1", 300) == first
    assert shop.run(shop.extension("c1", 300), shop.extension("c1", 300)) == [first, first]
    assert shop.money() == ("10", "1")


def test_an_older_total_is_told_the_present_one(shop: Books) -> None:
    shop.authorize("c1")
    shop.extend("c1", 300)
    newest = shop.extend("c1", 600)
    assert [shop.extend("c1", total) for total in (0, 60, 300)] == [newest] * 3
    assert extended(newest).seconds == 900


def test_a_total_larger_than_ever_granted_is_wrong(shop: Books) -> None:
    shop.authorize("c1")
    assert shop.extend("c1", 301) == Conflicting("granted_seconds")
    assert (shop.money(), shop.call("c1").answered_at) == (("10", "0.5"), None)


def test_a_call_that_is_unknown_refused_or_ended_is_told_its_total_and_that_it_is_final(shop: Books) -> None:
    shop.authorize("settled")
    shop.extend("settled", 300)
    shop.settle("settled", 10)
    shop.authorize("refused", to=NOWHERE)
    totals = {"unknown": 0, "refused": 0, "settled": 600}
    assert {call_id: shop.extend(call_id, 5000) for call_id in totals} == {
        call_id: Extended(total, final=True) for call_id, total in totals.items()
    }


def test_when_not_even_one_more_increment_is_covered_the_total_stays_and_is_final(books: Books) -> None:
    books.organization(lot("lot1", "0.59"))
    assert not granted(books.authorize("c1")).final
    assert extended(books.extend("c1", 300)) == Extended(300, True, 240, NOW + 360 * SECOND)
    assert books.money() == ("0.59", "0.5")


def test_when_money_came_meanwhile_the_total_grows_and_final_follows(books: Books) -> None:
    books.organization(lot("lot1", "0.6"))
    books.authorize("c1")
    assert extended(books.extend("c1", 300)) == Extended(360, True, 348, NOW + 420 * SECOND)
    books.fund(lot("lot2", "0.25"))
    assert extended(books.extend("c1", 360)) == Extended(480, True, 456, NOW + 540 * SECOND)
    books.fund(lot("lot3", "10"))
    assert extended(books.extend("c1", 480)) == Extended(780, False, 720, NOW + 840 * SECOND)


def test_the_longest_call_is_the_end(books: Books) -> None:
    books.organization(lot("lot1", "10"), max_call_seconds=500)
    assert not granted(books.authorize("c1")).final
    last = extended(books.extend("c1", 300))
    assert (last.seconds, last.final) == (480, True)
    assert extended(books.extend("c1", 480)) == last


def test_a_longest_call_that_was_shortened_meanwhile_takes_nothing_back(shop: Books) -> None:
    shop.authorize("c1")
    shop.extend("c1", 300)
    shop.change(max_call_seconds=120)
    answer = extended(shop.extend("c1", 600))
    assert (answer.seconds, answer.final) == (600, True)


def test_a_slice_shorter_than_an_increment_brings_one_increment(books: Books) -> None:
    books.organization(lot("lot1", "10"), slice_seconds=20)
    assert granted(books.authorize("c1")).seconds == 60
    assert extended(books.extend("c1", 60)).seconds == 120


def test_a_call_keeps_the_rate_of_its_beginning(shop: Books) -> None:
    shop.authorize("c1")
    shop.publish(Row("44", "United Kingdom", usd("9")), at=NOW)
    shop.later(1)
    shop.extend("c1", 300)
    assert granted(shop.authorize("c2")).rate == Rate("44", "United Kingdom", usd("9"))
    assert paid(shop.settle("c1", 600)) == ("1", "0")


@pytest.mark.parametrize("after", [0, 60])
def test_a_price_list_counts_from_its_instant(shop: Books, after: int) -> None:
    shop.publish(Row("44", "United Kingdom", usd("0.3")), at=NOW + 60 * SECOND)
    shop.later(after)
    rate = granted(shop.authorize("c1")).rate
    assert rate is not None
    assert rate.per_minute == usd("0.3" if after else "0.1")


# --------------------------------------------------------------------------------------------------- answered


def test_the_grant_counts_from_the_answer(shop: Books) -> None:
    shop.authorize("c1")
    shop.later(30)
    assert shop.answered("c1") == Done()
    assert shop.call("c1").due_at == NOW + (30 + 300 + 60) * SECOND


def test_an_answer_that_is_told_later_counts_from_when_it_was(shop: Books) -> None:
    shop.authorize("c1")
    shop.later(30)
    shop.answered("c1", NOW + 10 * SECOND)
    shop.later(100)
    shop.answered("c1")
    assert extended(shop.extend("c1", 300)).expires_at == NOW + (10 + 600 + 60) * SECOND


def test_an_extend_proves_an_answer(shop: Books) -> None:
    shop.authorize("c1")
    shop.later(100)
    shop.extend("c1", 300)
    assert shop.call("c1").answered_at == NOW + 100 * SECOND


def test_the_answer_of_an_unknown_call_is_forgotten(shop: Books) -> None:
    assert shop.answered("c1") == Done()
    assert shop.snapshot().calls == []
    assert granted(shop.authorize("c1")).seconds == 300
