"""Instants are whole microseconds since 1970 in UTC, as both databases keep them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
NEVER = 2**62
"""Later than every instant: when something has no end."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = ((datetime(year, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND for year in (2, 9999))


def instant(moment: datetime) -> int:
    """What lies at the very ends of the calendar is drawn in a year: local times and sums of it can still be said."""
    return min(max((moment - EPOCH) // _MICROSECOND, _FIRST), _LAST)


def moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)
