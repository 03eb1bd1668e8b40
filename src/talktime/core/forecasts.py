"""How long something lasts if it goes on as before. Plain arithmetic, so that it can be explained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from talktime.core.money import round_half_up

DAYS_MAX = 366
"""Beyond a year nothing is foretold."""
WEEK = 7


def dry_at(used: int, left: int, begun: int, now: int) -> int | None:
    """When nothing is left, if it is used as fast as since `begun`; None: never."""
    if left <= 0:
        return now
    return now + left * (now - begun) // used if used > 0 else None


def average(amounts: Sequence[int], days: int) -> int:
    """Of the last days; those on which nothing was spent count as well."""
    return round_half_up(sum(amounts[-days:]), days)


def weekday_averages(amounts: Sequence[int], last: date) -> tuple[int, ...]:
    """Monday first, of whole weeks. `amounts`: day by day, the last of them that of `last`."""
    weeks = len(amounts) // WEEK
    sums = [0] * WEEK
    for ago, amount in enumerate(reversed(amounts[len(amounts) - weeks * WEEK :])):
        sums[(last - timedelta(days=ago)).weekday()] += amount
    return tuple(round_half_up(one, weeks) for one in sums)


def days_left(money: int, by_weekday: Sequence[int], today: date) -> int | None:
    """Whole days that are covered, today first; None: more than a year."""
    for days in range(DAYS_MAX):
        money -= by_weekday[(today + timedelta(days=days)).weekday()]
        if money < 0:
            return days
    return None
