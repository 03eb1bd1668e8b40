from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from talktime.core.time import MINUTE, SECOND, instant, moment
from talktime.rating.hours import minute_of_week


def slowly(at: int, zone: str) -> int:
    local = moment(at).astimezone(ZoneInfo(zone))
    return (local.isoweekday() - 1) * 1440 + local.hour * 60 + local.minute


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"])
def test_the_minute_of_the_week_is_that_of_the_wall(zone: str) -> None:
    chance = Random(7)
    first, last = (instant(datetime(year, 1, 1, tzinfo=UTC)) for year in (1900, 2090))
    instants = [chance.randrange(first, last) for _ in range(2_000)]
    assert minute_of_week(pl.Series(instants), zone).to_list() == [slowly(at, zone) for at in instants]


@pytest.mark.parametrize("day", ["2031-03-30", "2031-10-26"])
def test_the_clock_changes_in_the_right_second(day: str) -> None:
    midnight = instant(datetime.fromisoformat(f"{day}T00:00:00Z"))
    instants = [midnight + minute * MINUTE + second * SECOND for minute in range(180) for second in (-1, 0)]
    assert minute_of_week(pl.Series(instants), "Europe/Berlin").to_list() == [
        slowly(at, "Europe/Berlin") for at in instants
    ]
