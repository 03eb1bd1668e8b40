"""Which minute of the week it is somewhere, for whole columns of instants."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

import polars as pl

from talktime.core.time import DAY, MINUTE, SECOND, moment
from talktime.rating.steps import Steps

DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
MONDAY = 4 * DAY
"""The first one, at midnight in UTC."""


def minute_of_week(at: pl.Series, zone: str) -> pl.Series:
    """Minute 0 is Monday 00:00 on the wall there."""
    local = at + clock_of(at, zone).at(at) - MONDAY
    return (local // MINUTE) % WEEK_MINUTES


def clock_of(at: pl.Series, zone: str) -> Steps:
    """How far the wall is ahead of UTC. From Python's tables of time zones, not polars' own: core looks at these."""
    days = (at // DAY).unique().sort().to_list()
    return Steps(chain.from_iterable(_changes(zone, day) for day in days))


@lru_cache(maxsize=100_000)
def _changes(zone: str, day: int) -> list[tuple[int, int]]:
    """At the beginning of a day of UTC, and the one change that it may have."""
    begins, ends = day * DAY, (day + 1) * DAY
    first, last = _ahead(zone, begins), _ahead(zone, ends)
    if first == last:
        return [(begins, first)]
    before, after = 0, DAY // SECOND
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _ahead(zone, begins + middle * SECOND) == first else (before, middle)
    return [(begins, first), (begins + after * SECOND, last)]


def _ahead(zone: str, at: int) -> int:
    offset = moment(at).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * SECOND
