from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.money import micros as usd
from talktime.core.prices import PriceKind, PriceList, Prices, Row, Window
from talktime.core.rates import Rate
from talktime.core.time import instant

OUTBOUND, CONFERENCE, TOLL_FREE = PriceKind.OUTBOUND, PriceKind.CONFERENCE, PriceKind.TOLL_FREE
WORKING_DAYS, EVERY_DAY = (1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 6, 7)


def price_of(rows: Sequence[Row], number: str, at: int = 0, kinds: Sequence[PriceKind] = (OUTBOUND,)) -> str | None:
    """Told by the name of the destination."""
    rate = PriceList(4, rows).find(kinds, number, at)
    return rate.destination if rate else None


# --------------------------------------------------------------------------------------------------- prefixes

NORTH_AMERICA = (Row("1", "North America", 1), Row("1809", "Dominican Republic", 2), Row("1242", "Bahamas", 3))


@pytest.mark.parametrize(
    ("number", "destination"),
    [
        ("+12025550117", "North America"),
        ("+18095550117", "Dominican Republic"),
        ("+12425550117", "Bahamas"),
        ("+442079460117", None),
        ("+18", "North America"),
        ("+", None),
    ],
)
def test_the_longest_prefix_decides(number: str, destination: str | None) -> None:
    assert price_of(NORTH_AMERICA, number) == destination


def test_an_empty_prefix_prices_all_the_rest_of_the_world() -> None:
    assert price_of([*NORTH_AMERICA, Row("", "anywhere", 9)], "+442079460117") == "anywhere"


rows = st.builds(
    Row,
    st.text("12", max_size=4),
    st.uuids().map(str),
    st.just(1),
    kind=st.sampled_from(PriceKind),
    valid_from=st.integers(0, 5),
)


def once_each(some: Row) -> tuple[object, ...]:
    return some.prefix, some.kind, some.valid_from


@given(st.lists(rows, max_size=12, unique_by=once_each), st.text("123", min_size=1, max_size=6), st.integers(0, 5))
def test_the_dictionary_finds_what_a_look_at_every_row_finds(table: list[Row], digits: str, at: int) -> None:
    for kind in PriceKind:
        fitting = [row for row in table if row.kind == kind and row.valid_from <= at and digits.startswith(row.prefix)]
        best = max(fitting, key=lambda row: (len(row.prefix), row.valid_from), default=None)
        assert price_of(table, "+" + digits, at, [kind]) == (best.destination if best else None)


def test_a_rate_is_the_row_with_the_decimals_of_its_list() -> None:
    row = Row("33", "France", usd("0.06"), usd("0.25"), 30, 6)
    found = PriceList(2, [row]).find([OUTBOUND], "+33199001234", 0)
    assert found == Rate("33", "France", usd("0.06"), usd("0.25"), 30, 6, 2)


# --------------------------------------------------------------------------------------------------- kinds

OF_EACH_KIND = (
    Row("44", "outbound", 1),
    Row("4420", "conference", 1, kind=CONFERENCE),
    Row("44800", "toll-free", 1, kind=TOLL_FREE),
)


@pytest.mark.parametrize(
    ("kinds", "number", "found"),
    [
        ([OUTBOUND], "+442079460117", "outbound"),
        ([CONFERENCE, OUTBOUND], "+442079460117", "conference"),
        ([CONFERENCE, OUTBOUND], "+441619460117", "outbound"),
        ([CONFERENCE], "+441619460117", None),
        ([TOLL_FREE], "+448005550117", "toll-free"),
        ([TOLL_FREE], "+442079460117", None),
        ([], "+442079460117", None),
    ],
)
def test_the_first_kind_that_knows_the_number_decides(kinds: list[PriceKind], number: str, found: str | None) -> None:
    assert price_of(OF_EACH_KIND, number, kinds=kinds) == found


# --------------------------------------------------------------------------------------------------- dated rows

DATED = (Row("44", "old", 1), Row("44", "newest", 3, valid_from=200), Row("44", "new", 2, valid_from=100))


@pytest.mark.parametrize(("at", "found"), [(0, "old"), (99, "old"), (100, "new"), (199, "new"), (200, "newest")])
def test_a_row_counts_from_its_instant_until_a_newer_one_does(at: int, found: str) -> None:
    assert price_of(DATED, "+442079460117", at) == found


def test_until_a_longer_prefix_counts_the_shorter_one_does() -> None:
    table = [Row("44", "country", 1), Row("4420", "London", 2, valid_from=100)]
    assert [price_of(table, "+442079460117", at) for at in (99, 100)] == ["country", "London"]


def test_before_its_first_row_counts_a_destination_has_no_price() -> None:
    table = [Row("44", "later", 1, valid_from=100), Row("44", "still later", 1, valid_from=200)]
    assert [price_of(table, "+442079460117", at) for at in (99, 100)] == [None, "later"]


# --------------------------------------------------------------------------------------------------- hours of the week


def at(local: str, zone: str = "UTC", fold: int = 0) -> int:
    return instant(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC))


def minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return 60 * int(hour) + int(minute)


def window(days: tuple[int, ...], begins: str, ends: str, per_minute: int = 1, fee: int = 0) -> Window:
    return Window(days, minutes(begins), minutes(ends), per_minute, fee)


def applies(hours: Window, local: str, zone: str = "UTC", fold: int = 0) -> bool:
    row = Row("44", "United Kingdom", 100, windows=(hours,))
    return row.rate(4, at(local, zone, fold), zone).per_minute == hours.per_minute


# 2031-03-14 is a Friday.
@pytest.mark.parametrize(
    ("local", "applies_then"),
    [
        ("2031-03-14T07:59:59", False),
        ("2031-03-14T08:00:00", True),
        ("2031-03-14T18:59:59", True),
        ("2031-03-14T19:00:00", False),
        ("2031-03-15T12:00:00", False),
        ("2031-03-16T12:00:00", False),
        ("2031-03-17T12:00:00", True),
    ],
)
def test_a_window_holds_on_its_days_from_its_beginning_until_before_its_end(local: str, applies_then: bool) -> None:
    assert applies(window(WORKING_DAYS, "08:00", "19:00"), local) is applies_then


@pytest.mark.parametrize(
    ("local", "applies_then"),
    [
        ("2031-03-14T21:59:59", False),
        ("2031-03-14T22:00:00", True),
        ("2031-03-14T23:59:59", True),
        ("2031-03-15T00:00:00", True),
        ("2031-03-15T05:59:59", True),
        ("2031-03-15T06:00:00", False),
        ("2031-03-15T22:00:00", False),
        ("2031-03-14T05:00:00", False),
    ],
)
def test_what_began_before_midnight_still_counts_as_yesterdays(local: str, applies_then: bool) -> None:
    assert applies(window((5,), "22:00", "06:00"), local) is applies_then


@pytest.mark.parametrize(("local", "applies_then"), [("2031-03-17T01:00:00", True), ("2031-03-18T01:00:00", False)])
def test_the_night_of_sunday_ends_on_monday(local: str, applies_then: bool) -> None:
    assert applies(window((7,), "22:00", "06:00"), local) is applies_then


@pytest.mark.parametrize("local", ["2031-03-14T00:00:00", "2031-03-14T23:59:59"])
def test_a_window_may_last_the_whole_day(local: str) -> None:
    assert applies(window((5,), "00:00", "24:00"), local)
    assert not applies(window((4,), "00:00", "24:00"), local)


@pytest.mark.parametrize(
    ("zone", "applies_then"),
    [("UTC", False), ("Europe/Berlin", True), ("Asia/Kathmandu", True), ("America/Lima", False)],
)
def test_the_hours_are_those_of_the_organizations_zone(zone: str, applies_then: bool) -> None:
    row = Row("44", "United Kingdom", 100, windows=(window(WORKING_DAYS, "08:00", "19:00"),))
    assert (row.rate(4, at("2031-03-14T07:30:00"), zone).per_minute == 1) is applies_then


@pytest.mark.parametrize(
    ("utc", "applies_then"),
    [
        # Berlin: on 2031-03-30 the clock goes from 02:00 to 03:00, so 03:00 begins at 01:00 UTC and not at 02:00.
        ("2031-03-29T01:59:59", False),
        ("2031-03-29T02:00:00", True),
        ("2031-03-30T00:59:59", False),
        ("2031-03-30T01:00:00", True),
        # 2031-10-26: from 03:00 back to 02:00, so two hours are called two o'clock and 03:00 begins at 02:00 UTC.
        ("2031-10-26T00:30:00", False),
        ("2031-10-26T01:30:00", False),
        ("2031-10-26T02:00:00", True),
    ],
)
def test_the_hours_follow_the_clock_on_the_wall_when_summer_time_begins_and_ends(utc: str, applies_then: bool) -> None:
    row = Row("44", "United Kingdom", 100, windows=(window(EVERY_DAY, "03:00", "06:00"),))
    assert (row.rate(4, at(utc), "Europe/Berlin").per_minute == 1) is applies_then


@pytest.mark.parametrize("fold", [0, 1])
def test_an_hour_that_comes_twice_has_its_price_twice(fold: int) -> None:
    assert applies(window(EVERY_DAY, "02:00", "03:00"), "2031-10-26T02:30:00", "Europe/Berlin", fold)


def test_a_window_brings_its_own_fee_and_leaves_the_increments() -> None:
    row = Row("44", "UK", 100, 50, 30, 6, windows=(window(EVERY_DAY, "08:00", "19:00", 70, 20),))
    assert row.rate(4, at("2031-03-14T12:00:00"), "UTC") == Rate("44", "UK", 70, 20, 30, 6, 4)
    assert row.rate(4, at("2031-03-14T20:00:00"), "UTC") == Rate("44", "UK", 100, 50, 30, 6, 4)


def test_of_two_windows_the_first_that_holds_counts() -> None:
    hours = (window((5,), "09:00", "10:00", 1), window((5,), "08:00", "19:00", 2))
    row = Row("44", "United Kingdom", 100, windows=hours)
    prices = [row.rate(4, at(f"2031-03-14T{clock}"), "UTC").per_minute for clock in ("08:30", "09:30", "19:30")]
    assert prices == [2, 1, 100]


def test_a_list_prices_by_the_organizations_hours() -> None:
    prices = PriceList(4, [Row("44", "United Kingdom", 100, windows=(window((5,), "08:00", "09:00"),))])
    early = at("2031-03-14T07:30:00")
    found = [prices.find([OUTBOUND], "+442079460117", early, zone) for zone in ("UTC", "Europe/Berlin")]
    assert [rate.per_minute for rate in found if rate] == [100, 1]


# --------------------------------------------------------------------------------------------------- versions

OLD, NEW, NEWER = PriceList(4, ()), PriceList(4, ()), PriceList(4, ())


def test_the_version_in_force_when_the_call_began_prices_it() -> None:
    prices = Prices([("list", 100, OLD), ("list", 200, NEW)])
    assert [prices.of("list", "USD", now) for now in (99, 100, 199, 200)] == [None, OLD, OLD, NEW]


def test_versions_count_by_their_instants_and_not_by_the_order_they_were_published_in() -> None:
    prices = Prices([("list", 300, NEWER), ("list", 100, OLD), ("list", 200, NEW)])
    assert [prices.of("list", "USD", now) for now in (150, 250, 350)] == [OLD, NEW, NEWER]


def test_of_two_published_for_one_instant_the_later_publication_counts() -> None:
    assert Prices([("list", 100, OLD), ("list", 100, NEW)]).of("list", "USD", 100) is NEW


def test_an_organization_without_a_list_of_its_own_uses_the_default_of_its_currency() -> None:
    prices = Prices([("dollars", 0, OLD), ("euros", 0, NEW), ("own", 0, NEWER)], {"USD": "dollars", "EUR": "euros"})
    found = [prices.of(None, currency, 1) for currency in ("USD", "EUR", "CHF")]
    assert found == [OLD, NEW, None]
    assert prices.of("own", "USD", 1) is NEWER


def test_a_list_of_ones_own_that_is_not_published_is_not_replaced_by_the_default() -> None:
    assert Prices([("dollars", 0, OLD)], {"USD": "dollars"}).of("own", "USD", 1) is None


def test_without_lists_there_are_no_prices() -> None:
    assert Prices(()).of(None, "USD", 0) is None
