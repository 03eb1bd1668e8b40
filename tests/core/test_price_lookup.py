from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.call_types import NOBODY_PAYS, CallType
from talktime.core.numbers import NUMBERS
from talktime.core.price_lookup import (
    NOBODY_PAYS_THIS,
    NOT_CALLABLE,
    NOT_PRICED,
    Asked,
    Nothing,
    Terms,
    examples,
    in_force,
    is_toll_free,
    look_up,
    matching,
    price_kinds,
)
from talktime.core.prices import PriceKind, PriceList, Row
from talktime.core.rates import Rate

LONDON, TOLL_FREE, PREMIUM = "+442079460117", "+448005550117", "+449098790117"
OUTBOUND, CONFERENCE, FREE = PriceKind.OUTBOUND, PriceKind.CONFERENCE, PriceKind.TOLL_FREE
ROWS = [Row("44", "out", 100_000), Row("44", "in", 40_000, kind=CONFERENCE), Row("44", "free", 70_000, kind=FREE)]


def asked(call_type: CallType, number: str, number_type: str | None = None) -> Rate | Nothing:
    known = NUMBERS.of(number)
    question = Asked(call_type, number, known, is_toll_free(known, number_type))
    return look_up(Terms(ROWS, 4, "UTC"), question, 0)


@pytest.mark.parametrize("call_type", CallType)
def test_every_call_type_has_kinds_of_prices_or_nobody_pays(call_type: CallType) -> None:
    assert (price_kinds(call_type, False) == ()) == (call_type in NOBODY_PAYS | {CallType.UCAP_IN})


@pytest.mark.parametrize("call_type", [CallType.CONF_IN, CallType.UCAP_IN])
def test_our_toll_free_numbers_have_prices_of_their_own(call_type: CallType) -> None:
    assert price_kinds(call_type, True) == (FREE,)


def test_toll_free_is_what_a_number_was_bought_as_or_else_what_it_is_known_as() -> None:
    assert [is_toll_free(NUMBERS.of(number), None) for number in (LONDON, TOLL_FREE)] == [False, True]
    assert is_toll_free(NUMBERS.of(LONDON), "toll_free")
    assert not is_toll_free(NUMBERS.of(TOLL_FREE), "toll")


def test_why_there_is_no_rate() -> None:
    assert asked(CallType.UCAP_IN, LONDON) == NOBODY_PAYS_THIS
    assert asked(CallType.USER_OUT, PREMIUM) == NOT_CALLABLE
    assert asked(CallType.USER_OUT, "+33199000117") == NOT_PRICED


def test_what_only_people_with_a_calling_plan_may_call_has_a_rate_for_them_alone() -> None:
    shared_cost = "+448431234567"
    for call_type in (CallType.USER_OUT_FORWARDING, CallType.UCAP_OUT):
        assert isinstance(asked(call_type, shared_cost), Rate)
    assert asked(CallType.CONF_OUT, shared_cost) == NOT_CALLABLE


prefixes = st.text("123", min_size=1, max_size=4)
some_rows = st.builds(Row, prefixes, st.just(""), st.integers(1, 9), valid_from=st.integers(0, 2))
lists = st.lists(some_rows, unique_by=lambda row: (row.prefix, row.valid_from), max_size=9)


@given(lists, st.text("123", min_size=7, max_size=9), st.integers(0, 3))
def test_a_look_up_finds_what_the_whole_list_would(rows: list[Row], digits: str, at: int) -> None:
    number = f"+{digits}"
    question = Asked(CallType.USER_OUT, number, NUMBERS.of(LONDON), False)
    found = look_up(Terms(rows, 4, "UTC"), question, at)
    assert (found if isinstance(found, Rate) else None) == PriceList(4, rows).find([OUTBOUND], number, at)


@given(lists, st.integers(0, 3))
def test_what_is_in_force_is_what_a_call_would_find(rows: list[Row], at: int) -> None:
    current = in_force(rows, at)
    assert [row.prefix for row in current] == sorted({row.prefix for row in rows if row.valid_from <= at})
    assert all(row.rate(4, at, "UTC") == PriceList(4, rows).find([OUTBOUND], f"+{row.prefix}", at) for row in current)


def test_examples_are_rounded_as_charges_are() -> None:
    assert examples(Rate("44", "", 10_050, 5, charge_decimals=2)) == [(1, 10_000), (5, 50_000), (10, 100_000)]


@pytest.mark.parametrize(
    ("words", "found"),
    [("reunion", ["Réunion"]), ("RÉUNION", ["Réunion"]), ("26", ["Réunion", "Zambia"]), ("+262 262 12", ["Réunion"])],
)
def test_people_find_rows_by_name_or_number(words: str, found: list[str]) -> None:
    rows = [Row("262", "Réunion", 1), Row("260", "Zambia", 1), Row("44", "United Kingdom", 1)]
    assert [row.destination for row in matching(rows, words)] == found
