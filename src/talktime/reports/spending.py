"""What calls cost day by day, and how long the balance lasts if that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from msgspec import Struct

from talktime.core.forecasts import WEEK, average, days_left, weekday_averages
from talktime.core.months import local_day, midnight
from talktime.reports.balance import balance
from talktime.reports.usage_sums import spent_by_day
from talktime.storage.database import ReadTx

DAYS = 28


class Outlook(Struct, frozen=True):
    """`by_weekday`: what a day costs, Monday first, in micros. `days` None: more than a year."""

    by_weekday: tuple[int, ...]
    days: int | None
    ends_on: date | None


class Spending(Struct, frozen=True):
    available: int
    today: date
    last_7_days: Outlook
    last_28_days: Outlook
    same_weekday: Outlook


def spending(tx: ReadTx, org_id: int, zone: str, now: int) -> Spending:
    """Whole days of the zone; the one that is not over is not counted."""
    today = local_day(now, zone)
    available = balance(tx, org_id, now).available
    amounts = _day_by_day(tx, org_id, zone, today)
    by_weekday = (
        (average(amounts, WEEK),) * WEEK,
        (average(amounts, DAYS),) * WEEK,
        weekday_averages(amounts, today - timedelta(days=1)),
    )
    return Spending(available, today, *(_outlook(available, one, today) for one in by_weekday))


def _day_by_day(tx: ReadTx, org_id: int, zone: str, today: date) -> Sequence[int]:
    """Oldest first; 0 for days without calls."""
    days = [today - timedelta(days=ago) for ago in range(DAYS, 0, -1)]
    spent = spent_by_day(tx, org_id, midnight(days[0], zone), midnight(today, zone), zone)
    return [spent.get(day.isoformat(), 0) for day in days]


def _outlook(available: int, by_weekday: tuple[int, ...], today: date) -> Outlook:
    days = days_left(max(available, 0), by_weekday, today)
    return Outlook(by_weekday, days, None if days is None else today + timedelta(days=days))
