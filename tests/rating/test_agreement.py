"""A file is rated as its calls would have been one by one: to the micro."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talktime.core.prices import PriceKind, Row, Window
from talktime.core.time import instant
from tests.rating.office import Call, Price, calls, price_list, quickly, slowly

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu")
BERLIN = "Europe/Berlin"


def agree(rows: Sequence[Row], some: Sequence[Call], decimals: int = 4, zone: str = "UTC") -> None:
    expected, found = slowly(rows, decimals, zone, some), quickly(rows, decimals, zone, some)
    assert [(one, found.get(one), price) for one, price in expected.items() if found.get(one) != price][:5] == []
    assert len(found) == len(expected)


@pytest.mark.slow
def test_a_hundred_thousand_calls_by_chance_cost_what_core_says() -> None:
    chance = Random(20310314)
    for zone, decimals in zip(ZONES, (4, 2, 6, 0), strict=True):
        rows = price_list(chance, 800)
        agree(rows, list(calls(chance, rows, 25_000)), decimals, zone)


@pytest.mark.prove
def test_a_million_calls_by_chance_cost_what_core_says() -> None:
    chance = Random(20310315)
    for number in range(20):
        rows = price_list(chance, chance.choice((5, 300, 5_000)), dated=number % 2 > 0, windows=number % 3 > 0)
        agree(rows, list(calls(chance, rows, 50_000)), chance.randint(0, 6), chance.choice(ZONES))


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_few_prefixes_and_many_edges_cost_what_core_says(seed: int) -> None:
    chance = Random(seed)
    rows = price_list(chance, chance.randint(1, 12))
    agree(rows, list(calls(chance, rows, 60)), chance.randint(0, 6), chance.choice(ZONES))


def call(
    to: str = "+442079460117", at: str = "2031-03-14T12:00:00Z", seconds: int = 60, kind: str = "user_out"
) -> Call:
    return Call(f"{to} {at} {seconds} {kind}", kind, to, at, seconds)


def found(rows: Sequence[Row], one: Call, zone: str = "UTC") -> Price | str:
    """Both ways, and the same."""
    agree(rows, [one], zone=zone)
    return quickly(rows, 4, zone, [one])[one.call_id]


def destination(rows: Sequence[Row], one: Call) -> str:
    price = found(rows, one)
    return price.destination if isinstance(price, Price) else price


NESTED = (
    Row("44", "country", 1),
    Row("4420", "London", 2),
    Row("442079460", "office", 3),
    Row("4420794600", "desk", 4),
)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("+442079460117", "office"),
        ("+4420794600", "desk"),
        ("+442079460", "office"),
        ("+44207946", "London"),
        ("+4420000000", "London"),
        ("+4419999999", "country"),
        ("+4421000000", "country"),
        ("+4500000000", "no_rate"),
        ("+4399999999", "no_rate"),
        ("+999999999999999", "no_rate"),
    ],
)
def test_the_longest_prefix_decides(to: str, expected: str) -> None:
    assert destination(NESTED, call(to)) == expected


def test_a_number_that_ends_before_a_longer_prefix_does_is_not_in_it() -> None:
    rows = (Row("44", "country", 1), Row("442000000", "noughts", 2))
    assert destination(rows, call("+4420000")) == "country"
    assert destination(rows, call("+442000000")) == "noughts"


def test_nine_is_the_last_of_all_prefixes() -> None:
    assert destination((Row("9", "last", 1),), call("+999999999999999")) == "last"


@pytest.mark.parametrize(
    "to",
    ["+", "911", "442079460117", "+0442079460", "+44207", "+4420794601171234", "+44 2079460117",
     "++42079460117", "+-42079460117", "+4420794601٣", "+44207946011x", "+442079460117\n", " +442079460117",
     "+4_42079460117", "+4e10000"],
)  # fmt: skip
def test_what_core_takes_for_no_number_is_none(to: str) -> None:
    assert found(NESTED, call(to)) == "invalid_number"


KINDS = (
    Row("44", "outbound", 1),
    Row("4420", "conference", 2, kind=PriceKind.CONFERENCE),
    Row("44800", "toll-free", 3, kind=PriceKind.TOLL_FREE),
)


@pytest.mark.parametrize(
    ("kind", "to", "expected"),
    [
        ("user_out", "+442079460117", "outbound"),
        ("conf_out", "+442079460117", "conference"),
        ("conf_out", "+441619460117", "outbound"),
        ("conf_in", "+441619460117", "no_rate"),
        ("ucap_in", "+448005550117", "toll-free"),
        ("ucap_in", "+441619460117", "no_rate"),
        ("user_in", "+441619460117", ""),
        ("dr_out", "+999999999999", ""),
        ("dr_out", "911", "invalid_number"),
    ],
)
def test_a_type_of_call_is_priced_by_its_kinds_in_their_order(kind: str, to: str, expected: str) -> None:
    assert destination(KINDS, call(to, kind=kind)) == expected


def test_calls_that_nobody_pays_are_billed_nothing() -> None:
    assert found(KINDS, call(kind="user_in", seconds=61)) == Price("", "", 61, 0, 0)


def test_an_unanswered_call_costs_nothing_not_even_the_fee() -> None:
    rows = (Row("44", "country", 100_000, 50_000),)
    assert found(rows, call(seconds=0)) == Price("country", "44", 0, 0, 0)
    assert found(rows, call(seconds=1)) == Price("country", "44", 60, 50_000, 150_000)


DATED = (Row("44", "old", 1), Row("44", "new", 2, valid_from=instant(datetime.fromisoformat("2031-06-01T00:00:00Z"))))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2031-05-31T23:59:59Z", "old"),
        ("2031-06-01T00:00:00Z", "new"),
        ("2031-06-01T01:00:00+02:00", "old"),
        ("1969-12-31T23:59:59Z", "no_rate"),
        ("0001-01-01T00:00:00Z", "no_rate"),
        ("9999-12-31T23:59:59Z", "new"),
    ],
)
def test_a_row_counts_from_its_instant_on(at: str, expected: str) -> None:
    assert destination(DATED, call(at=at)) == expected


def test_a_list_without_dates_prices_all_times() -> None:
    for at in ("0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"):
        assert destination(NESTED[:1], call(at=at)) == "country"


def every_ten_minutes(day: str) -> list[Call]:
    return [call(at=f"{day}T{minute // 60:02d}:{minute % 60:02d}:{minute % 60:02d}Z") for minute in range(0, 1440, 10)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_hours_follow_the_clock_on_the_wall_when_summer_time_begins_and_ends(zone: str) -> None:
    hours = (Window((1, 2, 3, 4, 5, 6, 7), 60, 180, 7), Window((6, 7), 22 * 60, 2 * 60, 5), Window((7,), 180, 1440, 3))
    rows = [Row("44", "country", 1_000_000, windows=hours)]
    days = ["2031-03-09", "2031-03-29", "2031-03-30", "2031-04-05", "2031-04-06", "2031-10-04", "2031-10-05"]
    days += ["2031-10-25", "2031-10-26", "2031-11-02", "2011-03-13", "2011-11-06", "1965-06-01"]
    agree(rows, [one for day in days for one in every_ten_minutes(day)], zone=zone)


def test_the_night_of_sunday_ends_on_monday() -> None:
    rows = [Row("44", "country", 1_000_000, windows=(Window((7,), 22 * 60, 6 * 60, 1),))]
    monday, tuesday = (found(rows, call(at=f"2031-03-{day}T01:00:00Z")) for day in (17, 18))
    assert isinstance(monday, Price) and isinstance(tuesday, Price)
    assert (monday.charge, tuesday.charge) == (0, 1_000_000)


def test_of_two_windows_the_first_counts() -> None:
    every = (1, 2, 3, 4, 5, 6, 7)
    rows = [Row("44", "country", 1, windows=(Window(every, 0, 720, 2_000_000), Window(every, 0, 1440, 3_000_000)))]
    agree(rows, every_ten_minutes("2031-03-14"))


@pytest.mark.parametrize("decimals", range(7))
def test_the_one_rounding_is_half_up(decimals: int) -> None:
    rows = [Row("44", "country", 5 * 10 ** (5 - decimals) if decimals < 6 else 1, 0, 60, 1)]
    agree(rows, [call(seconds=seconds) for seconds in range(1, 200)], decimals)


def test_prices_beyond_every_purse_are_exact_too() -> None:
    rows = [Row("44", "country", 10**18 - 1, 10**18 - 1, 1, 1)]
    agree(rows, [call(seconds=seconds) for seconds in (1, 59, 61, 86_400, 999_999_999)], 6)
