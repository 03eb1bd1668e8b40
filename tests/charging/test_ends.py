"""How calls end, and what is heard of only then; on both databases, with all books looked through."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from talktime.core.calls import (
    CallState,
    Conflicting,
    Done,
    Ended,
    Funds,
    Refusal,
    Settled,
)
from talktime.core.money import micros as usd
from talktime.core.prices import Row
from talktime.core.time import SECOND
from tests.charging.books import LATER, Books
from tests.charging.test_authorize import REFUSALS
from tests.core.switch import (
    FRANCE,
    NOW,
    YEAR,
    ended,
    lot,
    paid,
    refused,
)

# --------------------------------------------------------------------------------------------------- settle


def test_a_settle_within_the_hold_charges_what_was_talked_and_gives_the_rest_back(shop: Books) -> None:
    shop.authorize("c1", to=FRANCE)
    answer = ended(shop.settle("c1", 61, "normal"))
    (row,) = answer.settled.rows
    assert answer.settled == Settled(usd("0.316"), 0, 66, usd("0.25"), (row,))
    assert (row.payer, row.minutes, row.charge, UUID(row.usage_id).version) == ("credits", 2, usd("0.316"), 7)
    assert answer.funds == Funds("USD", usd("9.684"), 0, usd("9.684"))
    assert shop.postings("settle:c1") == [("lot:lot1", "revenue", "0.316")]
    assert (shop.call("c1").state, shop.call("c1").cause) == (CallState.SETTLED, "normal")


def test_a_charge_takes_the_lots_as_they_were_drawn_and_the_last_drawn_is_given_back_first(books: Books) -> None:
    books.organization(lot("lot1", "0.2"), lot("lot2", "0.2", LATER), lot("lot3", "9", LATER + YEAR))
    books.authorize("c1")
    books.settle("c1", 180)
    assert books.postings("settle:c1") == [("lot:lot1", "revenue", "0.2"), ("lot:lot2", "revenue", "0.1")]
    assert books.lots() == {"lot2": ("0.1", "0"), "lot3": ("9", "0")}


def test_what_was_talked_beyond_the_hold_is_taken_from_what_is_there_now(shop: Books) -> None:
    shop.authorize("c1")
    assert paid(shop.settle("c1", 1200)) == ("2", "0")
    assert shop.money() == ("8", "0")


def test_what_is_not_there_is_a_shortfall_and_the_balance_stays_above_nothing(books: Books) -> None:
    books.organization(lot("lot1", "0.55"))
    books.authorize("c1")
    assert paid(books.settle("c1", 600)) == ("0.55", "0.45")
    assert books.postings("settle:c1") == [("lot:lot1", "revenue", "0.55"), ("shortfall", "revenue", "0.45")]
    assert books.booked() == {"settle:c1": "-0.55"}
    assert books.money() == ("0", "0")


def test_a_second_settle_has_the_first_result(shop: Books) -> None:
    shop.authorize("c1")
    first = shop.settle("c1", 61)
    shop.later(3600)
    assert shop.settle("c1", 61) == first
    assert shop.run(shop.settlement("c1", 61), shop.settlement("c1", 61)) == [first, first]
    assert shop.booked() == {"settle:c1": "-0.2"}


def test_a_second_settle_with_another_duration_is_a_conflict_and_moves_nothing(shop: Books) -> None:
    shop.authorize("c1")
    first = ended(shop.settle("c1", 61))
    second = ended(shop.settle("c1", 600))
    assert (second.conflict, second.settled) == (True, first.settled)
    assert shop.money() == ("9.8", "0")


def test_a_call_of_no_duration_costs_nothing_not_even_the_fee(shop: Books) -> None:
    shop.authorize("c1", to=FRANCE)
    assert ended(shop.settle("c1", 0)).settled == Settled()
    assert (shop.money(), shop.booked()) == (("10", "0"), {})


def test_a_settle_after_a_release_counts(shop: Books) -> None:
    shop.authorize("c1")
    shop.release("c1")
    assert paid(shop.settle("c1", 61)) == ("0.2", "0")
    assert shop.call("c1").state is CallState.SETTLED


def test_a_settle_of_an_unknown_call_is_kept_and_then_booked_whole_to_shortfall(shop: Books) -> None:
    assert shop.settle("c1", 61) == Ended(Settled(), Funds("USD", usd("10"), 0, usd("10")))
    assert refused(shop.authorize("c1")) is Refusal.ALREADY_ENDED
    again = ended(shop.settle("c1", 61))
    assert (again.settled, again.conflict) == (Settled(0, usd("0.2")), False)
    assert refused(shop.authorize("c1")) is Refusal.ALREADY_ENDED
    assert shop.postings("settle:c1") == [("shortfall", "revenue", "0.2")]
    assert shop.money() == ("10", "0")


def test_even_in_one_batch_a_settle_may_come_before_its_authorize(shop: Books) -> None:
    answers = shop.run(shop.settlement("c1", 61), shop.authorization("c1"), shop.settlement("c1", 61))
    assert [paid(answers[0]), refused(answers[1]), paid(answers[2])] == [("0", "0"), "already_ended", ("0", "0.2")]
    assert shop.money() == ("10", "0")


def test_a_settle_of_a_refused_call_is_a_shortfall_as_a_whole(shop: Books) -> None:
    shop.authorize("c1", user="nobody")
    answer = ended(shop.settle("c1", 61))
    assert (answer.settled, answer.refused) == (Settled(0, usd("0.2")), Refusal.NO_LICENCE)
    assert (shop.money(), shop.booked()) == (("10", "0"), {"settle:c1": "0"})


# --------------------------------------------------------------------------------------------------- release


def test_a_release_gives_everything_back_and_costs_nothing(shop: Books) -> None:
    shop.authorize("c1")
    assert shop.release("c1", "busy") == shop.release("c1") == Done()
    assert (shop.money(), shop.booked()) == (("10", "0"), {})
    assert (shop.call("c1").state, shop.call("c1").cause) == (CallState.RELEASED, "busy")


def test_a_release_of_an_unknown_call_is_kept(shop: Books) -> None:
    assert shop.release("c1") == Done()
    assert refused(shop.authorize("c1")) is Refusal.ALREADY_ENDED
    assert shop.money() == ("10", "0")
    assert paid(shop.settle("c1", 61)) == ("0", "0.2")


def test_what_has_ended_cannot_be_released(shop: Books) -> None:
    shop.authorize("c1")
    shop.settle("c1", 61)
    assert shop.release("c1") == Done()
    assert shop.money() == ("9.8", "0")


# --------------------------------------------------------------------------------------------------- record


def test_a_record_is_charged_as_if_it_had_been_authorized(shop: Books) -> None:
    answer = ended(shop.record("c1", 61, NOW - 3600 * SECOND))
    assert (answer.settled.charge, answer.settled.shortfall, answer.refused) == (usd("0.2"), 0, None)
    assert shop.money() == ("9.8", "0")


@pytest.mark.parametrize(("reason", "rules", "asked"), REFUSALS)
def test_a_record_is_never_refused_but_booked_whole_to_shortfall(
    books: Books, reason: Refusal, rules: dict[str, Any], asked: dict[str, Any]
) -> None:
    books.organization(lot("lot1", "10"), **rules)
    before = books.money()
    answer = ended(books.record("c1", 61, **asked))
    has_price = reason not in (Refusal.NO_RATE, Refusal.INVALID_NUMBER)
    assert (answer.refused, answer.settled) == (reason, Settled(0, usd("0.2") if has_price else 0))
    assert books.money() == before


def test_what_a_record_finds_not_covered_is_a_shortfall(books: Books) -> None:
    books.organization(lot("lot1", "0.15"))
    answer = books.record("c1", 61)
    assert paid(answer) == ("0.15", "0.05")
    assert [row.charge for row in ended(answer).settled.rows] == [usd("0.15")]


def test_a_record_longer_than_the_longest_call_is_rated_whole(books: Books) -> None:
    books.organization(lot("lot1", "100"), max_call_seconds=600)
    assert paid(books.record("c1", 6000)) == ("10", "0")


def test_a_record_is_priced_by_the_list_in_force_when_it_began(shop: Books) -> None:
    shop.publish(Row("44", "United Kingdom", usd("0.3")), at=NOW)
    assert paid(shop.record("c1", 60, NOW - 1)) == ("0.1", "0")
    assert paid(shop.record("c2", 60, NOW)) == ("0.3", "0")


def test_the_same_record_again_has_the_same_answer(shop: Books) -> None:
    first = shop.record("c1", 61, NOW)
    assert shop.record("c1", 61, NOW) == first
    assert shop.money() == ("9.8", "0")


@pytest.mark.parametrize(
    ("field", "again"),
    [
        ("duration_seconds", {"seconds": 62}),
        ("started_at", {"started_at": NOW + 1}),
        ("to", {"to": FRANCE}),
        ("user", {"user": None}),
    ],
)
def test_another_body_with_the_id_of_a_record_is_a_conflict(shop: Books, field: str, again: dict[str, Any]) -> None:
    shop.record("c1", 61, NOW)
    assert shop.record("c1", **({"seconds": 61, "started_at": NOW} | again)) == Conflicting(field)
    assert shop.money() == ("9.8", "0")
