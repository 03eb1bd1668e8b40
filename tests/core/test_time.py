from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.time import DAY, MINUTE, NEVER, SECOND, instant, moment


def test_instants_are_counted_in_microseconds_since_1970() -> None:
    assert instant(datetime(1970, 1, 2, 0, 1, 1, 5, UTC)) == DAY + MINUTE + SECOND + 5


def test_the_same_instant_is_the_same_in_every_zone() -> None:
    there = timezone(timedelta(hours=5, minutes=45))
    assert instant(datetime(2031, 3, 14, 5, 45, tzinfo=there)) == instant(datetime(2031, 3, 14, tzinfo=UTC))


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)))
def test_an_instant_and_its_moment_are_one(at: datetime) -> None:
    assert moment(instant(at)) == at


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("end", [datetime.min, datetime.max])
def test_the_very_ends_of_the_calendar_can_be_said_in_every_zone(end: datetime, zone: str) -> None:
    drawn_in = moment(instant(end.replace(tzinfo=UTC)))
    assert abs(drawn_in - end.replace(tzinfo=UTC)) <= timedelta(days=366)
    assert drawn_in.astimezone(ZoneInfo(zone)) == drawn_in


def test_never_is_later_than_every_instant_and_fits_a_column() -> None:
    assert instant(datetime.max.replace(tzinfo=UTC)) < NEVER < 2**63
