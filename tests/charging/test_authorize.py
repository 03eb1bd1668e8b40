"""Who may begin a call, and what is held for it; on both databases, with all books looked through."""

from __future__ import annotations

from typing import Any

import pytest

from talktime.core.call_types import NOBODY_PAYS, PRICED_BY, CallType
from talktime.core.calls import (
    Asked,
    CallState,
    Command,
    Conflicting,
    Granted,
    Refusal,
    Refused,
    Unknown,
)
from talktime.core.money import micros as usd
from talktime.core.prices import PriceList, Row, Window
from talktime.core.time import NEVER, SECOND
from tests.charging.books import LATER, Books
from tests.core.switch import (
    BRIDGE,
    FRANCE,
    FRANCE_RATE,
    GERMANY,
    NOW,
    NOWHERE,
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
