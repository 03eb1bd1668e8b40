"""The rules of calls, sentence by sentence, on both databases; after every run all books are looked through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, select

from talktime.charging.engine import Engine, KeysChanged, Shelf
from talktime.core.call_types import NOBODY_PAYS, PRICED_BY, CallType
from talktime.core.calls import (
    Answer,
    Answered,
    Asked,
    CallState,
    Command,
    Conflicting,
    Done,
    Ended,
    Extended,
    Failed,
    Funds,
    Granted,
    Key,
    Refusal,
    Refused,
    Settled,
    Unknown,
)
from talktime.core.desk import Changes
from talktime.core.money import micros as usd
from talktime.core.prices import PriceList, Prices, Row, Window
from talktime.core.rates import Rate
from talktime.core.time import DAY, EPOCH, MINUTE, NEVER, SECOND
from talktime.storage import tables as t
from talktime.storage.errors import StoreUnavailable
from talktime.storage.store import BatchTx, Store
from tests.charging.books import Books
from tests.core.paper import Paper
from tests.core.switch import (
    BRIDGE,
    FRANCE,
    FRANCE_RATE,
    GERMANY,
    NOW,
    NOWHERE,
    ROWS,
    TOLL_FREE,
    UK,
    UK_RATE,
    YEAR,
    ended,
    extended,
    granted,
    lot,
    paid,
    parts,
    refused,
)
from tests.core.test_calls import DIFFERENT
from tests.core.test_decide import some_command

LATER = NOW + 2 * YEAR


@pytest.fixture
def shop(books: Books) -> Books:
    """One organization with ten dollars."""
    books.organization(lot("lot1", "10"))
    return books


# --------------------------------------------------------------------------------------------------- authorize


def test_a_call_is_granted_a_slice_and_its_price_is_held(shop: Books) -> None:
    assert shop.authorize("c1") == Granted(
        300, False, 240, NOW + 420 * SECOND, usd("0.5"), UK_RATE, "USD", capability="MCOPSTNPP"
    )
    assert shop.money() == ("10", "0.5")
    assert shop.lots() == {"lot1": ("10", "0.5")}


def test_the_same_request_again_has_the_same_answer_and_holds_once(shop: Books) -> None:
    first = shop.authorize("c1")
    shop.later(7)
    assert shop.authorize("c1") == first
    assert shop.run(*[shop.authorization("c1")] * 3) == [first] * 3
    assert shop.money() == ("10", "0.5")


def test_the_same_request_twice_in_one_batch_holds_once(shop: Books) -> None:
    first, second = shop.run(shop.authorization("c1"), shop.authorization("c1"))
    assert first == second
    assert shop.money() == ("10", "0.5")


def test_another_request_with_the_same_id_is_a_conflict_that_names_the_field(shop: Books) -> None:
    shop.authorize("c1")
    fields = {"from" if name == "from_" else name for name in Asked.__struct_fields__} - {
        "started_at",
        "duration_seconds",
    }
    others = [{"from_" if field == "from" else field: DIFFERENT[field]} for field in sorted(fields)]
    answers = shop.run(*(shop.authorization("c1", **other) for other in others))
    assert answers == [Conflicting(field) for field in sorted(fields)]
    assert shop.money() == ("10", "0.5")


def test_a_call_that_was_refused_stays_refused(books: Books) -> None:
    books.organization()
    assert refused(books.authorize("c1")) is Refusal.NO_BALANCE
    books.fund(lot("lot1", "10"))
    assert refused(books.authorize("c1")) is Refusal.NO_BALANCE
    assert granted(books.authorize("c2")).seconds == 300
    assert books.money() == ("10", "0.5")


REFUSALS: list[tuple[Refusal, dict[str, Any], dict[str, Any]]] = [
    (Refusal.ORGANIZATION_CLOSED, {"state": "closed"}, {}),
    (Refusal.INVALID_NUMBER, {}, {"to": "442079460117"}),
    (Refusal.NO_LICENCE, {}, {"user": "nobody"}),
    (Refusal.NO_LICENCE, {}, {"user": None}),
    (Refusal.NO_RATE, {}, {"to": NOWHERE}),
    (Refusal.NO_RATE, {"currency": "EUR"}, {}),
    (Refusal.NO_RATE, {"price_list": "not published"}, {}),
    (Refusal.NO_RATE, {}, {"call_type": CallType.CONF_IN}),
    (Refusal.CREDITS_NOT_SET_UP, {"credits_set_up": False}, {}),
    (Refusal.NO_BALANCE, {"debt": "9.91"}, {}),
]


@pytest.mark.parametrize(("reason", "rules", "asked"), REFUSALS)
def test_the_first_check_that_fails_gives_the_reason(
    books: Books, reason: Refusal, rules: dict[str, Any], asked: dict[str, Any]
) -> None:
    books.organization(lot("lot1", "10"), **rules)
    assert refused(books.authorize("c1", **asked)) is reason
    assert books.money()[1] == "0"
    assert books.call("c1").state is CallState.REFUSED


@pytest.mark.parametrize("name", ["ann", "usr_ann", "ann@example.com"])
def test_a_user_is_known_by_every_name(shop: Books, name: str) -> None:
    assert granted(shop.authorize("c1", user=name)).seconds == 300


def test_an_organization_that_is_not_there_is_unknown_and_leaves_no_trace(shop: Books) -> None:
    shop.org_id = 2
    commands: list[Command] = [shop.authorization("c1"), shop.settlement("c2", 60), shop.extension("c3", 300)]
    assert shop.run(*commands) == [Unknown()] * 3
    assert shop.snapshot().calls == []


@pytest.mark.parametrize(
    ("funds", "asked", "seconds", "held"),
    [
        ("0.5", {}, 300, "0.5"),
        ("0.4999", {}, 240, "0.4"),
        ("0.1", {}, 60, "0.1"),
        ("0.549999", {"to": FRANCE}, 294, "0.544"),
        ("0.28", {"to": FRANCE}, 30, "0.28"),
    ],
)
def test_a_slice_that_is_not_covered_is_cut_to_whole_increments_that_are(
    books: Books, funds: str, asked: dict[str, Any], seconds: int, held: str
) -> None:
    books.organization(lot("lot1", funds))
    answer = granted(books.authorize("c1", **asked))
    assert (answer.seconds, answer.final) == (seconds, seconds < 294 or funds == "0.549999")
    assert books.money() == (funds, held)


@pytest.mark.parametrize(("funds", "to"), [("0.0999", UK), ("0.279999", FRANCE)])
def test_without_the_fee_and_the_first_increment_there_is_no_balance(books: Books, funds: str, to: str) -> None:
    books.organization(lot("lot1", funds))
    assert books.authorize("c1", to=to) == Refused(Refusal.NO_BALANCE, UK_RATE if to == UK else FRANCE_RATE)
    assert books.money() == (funds, "0")


@pytest.mark.parametrize(("lots", "may"), [((), False), ((lot("lot1", "0.000001"),), True)])
def test_even_a_price_of_nothing_needs_a_balance_above_nothing(books: Books, lots: tuple[Any, ...], may: bool) -> None:
    books.organization(*lots)
    assert isinstance(books.authorize("c1", to=GERMANY), Granted) is may
    assert books.money()[1] == "0"


@pytest.mark.parametrize(
    ("wish", "seconds", "final"), [(1, 60, True), (120, 120, True), (300, 300, False), (900, 300, False)]
)
def test_requested_seconds_can_only_make_a_slice_smaller(shop: Books, wish: int, seconds: int, final: bool) -> None:
    answer = granted(shop.authorize("c1", requested_seconds=wish))
    assert (answer.seconds, answer.final) == (seconds, final)


def test_a_call_that_nobody_pays_is_granted_without_any_money(books: Books) -> None:
    books.organization(credits_set_up=False)
    free = sorted(NOBODY_PAYS)
    answers = books.run(*(books.authorization(one, call_type=one, to=NOWHERE) for one in free))
    assert [granted(answer).seconds for answer in answers] == [300] * len(free)
    answers = books.run(*(books.extension(one, 300) for one in free))
    assert [extended(answer).seconds for answer in answers] == [600] * len(free)
    answers = books.run(*(books.settlement(one, 400) for one in free))
    for settled in (ended(answer).settled for answer in answers):
        assert (settled.charge, settled.shortfall, settled.billed_seconds) == (0, 0, 400)
        assert [row.payer for row in settled.rows] == ["none"]
    assert (books.money(), books.booked()) == (("0", "0"), {})


@pytest.mark.parametrize(
    ("call_type", "to", "rate"),
    [
        (CallType.USER_OUT, BRIDGE, "0.1"),
        (CallType.USER_OUT_CONF, UK, "0.1"),
        (CallType.USER_OUT_TRANSFER, UK, "0.1"),
        (CallType.USER_OUT_FORWARDING, UK, "0.1"),
        (CallType.CONF_OUT, UK, "0.1"),
        (CallType.CONF_IN, BRIDGE, "0.02"),
        (CallType.UCAP_OUT, TOLL_FREE, "0.1"),
    ],
)
def test_each_type_that_is_paid_has_its_prices(shop: Books, call_type: CallType, to: str, rate: str) -> None:
    answer = granted(shop.authorize("c1", call_type=call_type, to=to))
    assert answer.rate is not None
    assert answer.rate.per_minute == usd(rate)
    assert call_type in PRICED_BY


def test_a_hold_names_the_lots_it_was_drawn_from_in_spending_order(books: Books) -> None:
    books.organization(
        lot("d_last", "9", LATER + YEAR),
        lot("c_paid", "0.1", LATER),
        lot("b_gift", "0.2", LATER, promotional=True),
        lot("a_first_choice", "0.1", NEVER, priority=1),
    )
    books.authorize("c1")
    drawn = books.call("c1").drawn
    assert parts(drawn) == {"a_first_choice": "0.1", "b_gift": "0.2", "c_paid": "0.1", "d_last": "0.1"}
    assert [part.lot_id for part in drawn] == ["a_first_choice", "b_gift", "c_paid", "d_last"]


@pytest.mark.parametrize(("organization", "at"), [("Europe/Berlin", "0.03"), ("UTC", "0.1")])
def test_the_window_of_the_organizations_zone_prices_the_whole_call(books: Books, organization: str, at: str) -> None:
    # It is Friday 09:26 in London and 10:26 in Berlin.
    from_ten_to_eleven = Window((5,), 600, 660, usd("0.03"))
    books.versions = [("standard", 0, PriceList(4, [Row("44", "UK", usd("0.1"), windows=(from_ten_to_eleven,))]))]
    books.organization(lot("lot1", "10"), time_zone=organization)
    books.authorize("c1")
    books.later(3600)
    assert paid(books.settle("c1", 60)) == (at, "0")


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


# --------------------------------------------------------------------------------------------------- organizations


def test_a_closed_organization_begins_no_calls_but_its_running_ones_are_settled(shop: Books) -> None:
    for call_id in ("c1", "c2", "c3"):
        shop.authorize(call_id)
    shop.change(state="closed")
    assert refused(shop.authorize("c4")) is Refusal.ORGANIZATION_CLOSED
    assert granted(shop.authorize("c1")).seconds == 300
    assert paid(shop.settle("c1", 61)) == ("0.2", "0")
    assert shop.release("c2") == Done()
    shop.lapse("c3", lost=True)
    assert shop.money() == ("9.8", "0")


def test_one_batch_may_speak_for_many_organizations(books: Books) -> None:
    commands: list[Command] = []
    for org_id in (3, 1, 2):
        books.organization(lot("lot1", f"0.{org_id}"), org_id=org_id)
        books.org_id = org_id
        commands += [books.authorization("c1"), books.settlement("c1", 61)]
    answers = books.run(*commands)
    assert [granted(answer).seconds for answer in answers[::2]] == [180, 60, 120]
    assert [paid(answer) for answer in answers[1::2]] == [("0.2", "0"), ("0.1", "0.1"), ("0.2", "0")]


def test_a_test_organization_lives_by_its_own_clock(books: Books) -> None:
    far = NOW + 400 * DAY
    books.organization(lot("lot1", "10"), lot("lot2", "1", far + 1), mode="test", clock_at=far)
    assert granted(books.authorize("c1")).expires_at == far + 420 * SECOND
    assert books.booked() == {"expire:lot1:3": "-10"}
    books.change(clock_at=far + 8 * MINUTE)
    books.lapse("c1")
    assert (books.money(), books.call("c1").state) == (("0", "0"), CallState.RELEASED)


def test_every_entry_says_what_caused_it(shop: Books) -> None:
    shop.authorize("c1")
    shop.settle("c1", 61)
    entry = shop.snapshot().entries[-1]
    assert (entry.kind, entry.key, entry.at, entry.by, entry.note) == ("charge", "settle:c1", NOW, "key_1", "c1")


# --------------------------------------------------------------------------------------------------- the engine itself

TOO_LATE = (datetime(9999, 12, 31, 23, 59, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
BAD_RECORDS = [
    {"started_at": 2**63, "to": FRANCE},
    {"started_at": -(2**63) - 1, "to": FRANCE},
    {"started_at": 10**30, "to": FRANCE},
    # In Tokyo that is in the year 10000, which no calendar knows: a price by hours of the week has to look at one.
    {"started_at": TOO_LATE, "to": UK},
]


@pytest.fixture
def tokyo(books: Books) -> Books:
    always = Window(tuple(range(1, 8)), 0, 1440, usd("0.1"))
    books.versions = [("standard", 0, PriceList(4, [Row("44", "UK", 1, windows=(always,)), *ROWS[1:]]))]
    books.organization(lot("lot1", "10"), time_zone="Asia/Tokyo")
    return books


@pytest.mark.parametrize("asked", BAD_RECORDS)
def test_a_bad_command_harms_no_other_in_its_batch(tokyo: Books, asked: dict[str, Any]) -> None:
    tokyo.authorize("c1")
    answers = tokyo.run(
        tokyo.settlement("c1", 61),
        tokyo.recording("c2", 61, **asked),
        tokyo.authorization("c3"),
        tokyo.release_of("c4"),
    )
    assert paid(answers[0]) == ("0.2", "0")
    assert answers[1] == Failed()
    assert granted(answers[2]).seconds == 300
    assert answers[3] == Done()
    assert tokyo.money() == ("9.8", "0.5")


@pytest.mark.parametrize("asked", BAD_RECORDS)
def test_a_command_that_cannot_be_carried_out_has_changed_nothing(tokyo: Books, asked: dict[str, Any]) -> None:
    before = tokyo.snapshot()
    assert tokyo.record("c1", 61, **asked) == Failed()
    assert tokyo.snapshot() == before
    assert paid(tokyo.record("c1", 61)) == ("0.2", "0")


def test_a_call_of_thousands_of_years_takes_what_is_there_and_the_rest_is_a_shortfall(shop: Books) -> None:
    shop.authorize("c1")
    shop.authorize("c2")
    answer = ended(shop.settle("c1", 2**40)).settled
    assert (answer.charge, answer.charge + answer.shortfall) == (usd("9.5"), usd("0.1") * -(-(2**40) // 60))
    assert shop.money() == ("0.5", "0.5")


@pytest.mark.parametrize("seconds", [2**63, 10**30])
def test_what_costs_more_than_can_be_booked_is_a_fault_and_given_away(shop: Books, seconds: int) -> None:
    shop.authorize("c1")
    answer = ended(shop.settle("c1", seconds)).settled
    assert (answer.charge, answer.shortfall) == (0, 0)
    assert [(row.capability, row.payer) for row in answer.rows] == [("FREECALL", "none")]
    assert shop.money() == ("10", "0")


@pytest.mark.parametrize("odd", ["\x00", "a\x00b"])
def test_a_name_that_no_column_takes_harms_no_other(shop: Books, odd: str) -> None:
    answers = shop.run(shop.authorization("c1"), shop.authorization("c2", user=odd), shop.authorization("c3"))
    assert [granted(answers[n]).seconds for n in (0, 2)] == [300, 300]
    assert isinstance(answers[1], Failed | Refused)


class Interrupted:
    """A store whose connection is lost at the end of a transaction, as often as it is told."""

    def __init__(self, store: Store, times: int, committed: bool) -> None:
        self._store, self._times, self._committed = store, times, committed
        self.lanes = store.lanes

    @contextmanager
    def transaction(self, org_ids: Any, locked: bool) -> Iterator[BatchTx]:
        self._times -= 1
        lost = self._times >= 0
        with self._store.transaction(org_ids, locked) as tx:
            yield tx
            if lost and not self._committed:
                raise StoreUnavailable("the connection is lost")
        if lost:
            raise StoreUnavailable("the connection is lost")

    def shard_of(self, org_id: int) -> int:
        return self._store.shard_of(org_id)

    def close(self) -> None:
        self._store.close()


def several(books: Books) -> list[Command]:
    books.authorize("old")
    return [books.authorization("c1"), books.settlement("old", 61), books.settlement("c1", 301)]


@pytest.mark.parametrize("committed", [False, True])
def test_a_batch_whose_outcome_is_unknown_is_run_again_and_happens_once(shop: Books, committed: bool) -> None:
    commands = several(shop)
    shop.engine = shop.engine_on(Interrupted(shop.store, 1, committed))
    answers = shop.run(*commands)
    assert [type(answers[0]), paid(answers[1]), paid(answers[2])] == [Granted, ("0.2", "0"), ("0.6", "0")]
    assert shop.booked() == {"settle:old": "-0.2", "settle:c1": "-0.6"}


@pytest.mark.parametrize("committed", [False, True])
def test_a_store_that_stays_away_grants_nothing(shop: Books, committed: bool) -> None:
    commands = several(shop)
    shop.engine = shop.engine_on(Interrupted(shop.store, 2, committed))
    with pytest.raises(StoreUnavailable):
        shop.run(*commands)
    shop.check()
    assert (shop.booked() == {}) is not committed
    assert [type(answer) for answer in shop.run(*commands)] == [Granted, Ended, Ended]
    assert shop.booked() == {"settle:old": "-0.2", "settle:c1": "-0.6"}


def test_a_batch_whose_callers_may_have_lost_their_keys_is_not_begun(shop: Books) -> None:
    before = shop.snapshot()
    shop.engine = shop.engine_on(shop.store, keys_revision=lambda: -1)
    with pytest.raises(KeysChanged):
        shop.authorize("c1")
    assert shop.snapshot() == before
    shop.engine = shop.engine_on(shop.store, keys_revision=lambda: 0)
    assert granted(shop.authorize("c1")).seconds == 300


def test_price_lists_are_read_again_only_when_they_changed(shop: Books) -> None:
    reads: list[int] = []

    def read() -> Prices:
        reads.append(1)
        return Prices(shop.versions, {"USD": "standard"})

    shop.engine = Engine(shop.store, Shelf(read))
    shop.authorize("c1")
    shop.authorize("c2")
    assert len(reads) == 1
    shop.publish(*ROWS)
    shop.authorize("c3")
    assert len(reads) == 2


def test_a_slow_reader_of_price_lists_does_not_pass_old_ones_off_as_new() -> None:
    old, new = Prices(()), Prices(())
    seen: list[Prices] = []

    def read() -> Prices:
        if seen:
            return new
        # The first lane is still reading when the second one has already read what was published since.
        seen.append(old)
        seen.append(shelf.at(2))
        return old

    shelf = Shelf(read)
    assert (shelf.at(1), seen[1], shelf.at(2)) == (old, new, new)


# --------------------------------------------------------------------------------------------------- a long day


@pytest.mark.parametrize("seed", range(3))
def test_a_day_of_random_calls_is_answered_as_on_paper(books: Books, seed: int) -> None:
    lots = [lot("lot1", "2.7"), lot("lot2", "0.5", NOW + 900 * SECOND), lot("lot3", "1.3", LATER)]
    books.organization(*lots)
    paper, chance = Paper(*lots), Random(seed)
    for _ in range(40):
        paper.later(chance.choice((0, 1, 100)))
        commands = [some_command(paper, chance) for _ in range(chance.randrange(1, 12))]
        assert books.run(*commands) == paper.run(*commands)
    assert books.snapshot().accounts == paper.snapshot().accounts
    assert sorted(books.snapshot().entries) == sorted(paper.snapshot().entries)


# ------------------------------------------------------------------------------------ others in the same database


@contextmanager
def standing_still(books: Books, org_id: int, calls: Sequence[Key] = ()) -> Iterator[None]:
    """Another process has this organization to itself, and has read these calls."""
    store = books.make_store(1)
    try:
        with store.transaction([org_id], locked=True) as tx:
            tx.load(calls, ())
            yield
            tx.record(Changes({}, [], [], [], []))
    finally:
        store.close()


def test_who_is_locked_for_too_long_is_told_to_ask_again_and_no_other_is_harmed(postgres_books: Books) -> None:
    books = postgres_books
    books.organization(lot("lot1", "10"))
    books.organization(lot("lot2", "10"), org_id=2)
    with standing_still(books, 1):
        other = replace(books.authorization("c2"), org_id=2)
        answers = books.engine.run([books.authorization("c1"), other])
    assert answers[0] == Failed(busy=True)
    assert granted(answers[1]).seconds == 300
    assert granted(books.authorize("c1")).seconds == 300


def test_a_call_stands_still_with_its_organization_though_no_money_moves(postgres_books: Books) -> None:
    books = postgres_books
    books.organization(lot("lot1", "1"))
    books.authorize("c1")
    with ThreadPoolExecutor() as pool:
        with standing_still(books, 1, [(1, "c1")]):
            waiting = pool.submit(books.engine.run, [Answered(1, "c1", NOW, "key_1", None)])
            assert wait([waiting], timeout=0.5).not_done == {waiting}
        assert waiting.result() == [Done()]


# --------------------------------------------------------------------------------------------------- reports


@pytest.mark.parametrize(
    ("call_type", "to", "rules"),
    [
        (CallType.USER_IN, UK, {}),
        (CallType.USER_OUT, GERMANY, {}),
        (CallType.USER_OUT, UK, {"billing_account": "postpaid"}),
    ],
)
def test_a_record_that_moves_no_money_is_reported_all_the_same(
    books: Books, call_type: CallType, to: str, rules: dict[str, Any]
) -> None:
    """Free, at a price of nothing, or to be paid later."""
    books.organization(lot("lot1", "0.01"), **rules)
    ended(books.record("c1", 61, call_type=call_type, to=to))
    assert books.reported() == ["c1"]


def test_a_call_whose_id_a_file_had_brought_before_ends_all_the_same(shop: Books) -> None:
    """Its hold must not live for ever; which of the two was wrong is for people to say."""
    shop.authorize("c1")
    shop.settle("c1", 60)
    (usage,) = shop.database.read(1, lambda tx: tx.execute(select(t.usage)).all())
    twin = usage._asdict() | {"call_id": "c2", "usage_id": "0" * 32}
    shop.database.write(1, lambda tx: tx.execute(insert(t.usage), twin))
    granted(shop.authorize("c2"))
    assert paid(shop.settle("c2", 120)) == ("0.2", "0")
    rows = shop.database.read(1, lambda tx: tx.execute(select(t.usage.c.call_id, t.usage.c.seconds)).all())
    assert sorted(map(tuple, rows)) == [("c1", 60), ("c2", 120)]
