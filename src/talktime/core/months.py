"""Months, as an organization's calendar has them: a pool begins anew on the 1st, at midnight of its zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from talktime.core.time import instant, moment


def month_of(at: int, zone: str) -> str:
    """A call belongs to the month of its start (D-14)."""
    local = moment(at).astimezone(ZoneInfo(zone))
    return f"{local.year:04d}-{local.month:02d}"


def local_day(at: int, zone: str) -> date:
    return moment(at).astimezone(ZoneInfo(zone)).date()


def day_of(at: int, zone: str) -> str:
    return local_day(at, zone).isoformat()


def midnight(day: date, zone: str) -> int:
    """When the day begins."""
    return instant(datetime.combine(day, time(), ZoneInfo(zone)))


def midnight_after(at: int, zone: str) -> int:
    """When the day of this instant is over."""
    return midnight(local_day(at, zone) + timedelta(days=1), zone)


def month_after(month: str) -> str:
    year, number = _parts(month)
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def begin_of(month: str, zone: str) -> int:
    """Where the clock jumps over midnight, the instant of the jump."""
    year, number = _parts(month)
    return instant(datetime(year, number, 1, tzinfo=ZoneInfo(zone)))


def _parts(month: str) -> tuple[int, int]:
    year, number = month.split("-")
    return int(year), int(number)
