from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.months import begin_of, midnight_after, month_after, month_of
from talktime.core.time import instant

# Whole, half and quarter hours; changes of the clock at midnight (Cairo, Beirut, Asuncion); a day left out (Apia).
ZONES = (
    "UTC",
    "Europe/Riga",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Africa/Cairo",
    "Asia/Beirut",
    "America/Asuncion",
    "America/Havana",
    "Australia/Lord_Howe",
)
zones = st.sampled_from(ZONES)
months = st.builds("{:04d}-{:02d}".format, st.integers(2011, 2037), st.integers(1, 12))
instants = st.datetimes(datetime(2011, 1, 1), datetime(2037, 12, 31)).map(lambda at: instant(at.replace(tzinfo=UTC)))


def at(text: str) -> int:
    return instant(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("moment", "zone", "month"),
    [
        ("2031-03-01T00:00:00Z", "UTC", "2031-03"),
        ("2031-02-28T23:59:59.999999Z", "UTC", "2031-02"),
        ("2031-02-28T22:00:00Z", "Europe/Riga", "2031-03"),
        ("2031-03-01T04:59:59Z", "America/New_York", "2031-02"),
        ("2031-12-31T18:30:00Z", "Asia/Kolkata", "2032-01"),
    ],
)
def test_a_month_is_the_one_of_the_organization_s_calendar(moment: str, zone: str, month: str) -> None:
    assert month_of(at(moment), zone) == month


@pytest.mark.parametrize(
    ("month", "next_one"), [("2031-03", "2031-04"), ("2031-12", "2032-01"), ("2031-11", "2031-12")]
)
def test_months_follow_each_other(month: str, next_one: str) -> None:
    assert month_after(month) == next_one


@given(months, zones)
def test_a_month_begins_where_the_one_before_ends(month: str, zone: str) -> None:
    begins = begin_of(month, zone)
    assert month_of(begins, zone) == month
    assert month_after(month_of(begins - 1, zone)) == month


@given(instants, zones)
def test_every_instant_is_in_one_month(moment: int, zone: str) -> None:
    month = month_of(moment, zone)
    assert begin_of(month, zone) <= moment < begin_of(month_after(month), zone)


@pytest.mark.parametrize(
    ("at", "zone", "end"),
    [
        ("2030-03-30T22:00:00Z", "Europe/Riga", "2030-03-31T21:00:00Z"),
        ("2030-10-26T21:00:00Z", "Europe/Riga", "2030-10-27T22:00:00Z"),
        ("2030-12-31T23:59:59.999999Z", "UTC", "2031-01-01T00:00:00Z"),
        ("2031-01-01T00:00:00Z", "UTC", "2031-01-02T00:00:00Z"),
    ],
)
def test_a_day_ends_at_midnight_also_when_it_is_longer_or_shorter(at: str, zone: str, end: str) -> None:
    given, wanted = (instant(datetime.fromisoformat(text)) for text in (at, end))
    assert midnight_after(given, zone) == wanted
