"""What is foretold is plain arithmetic."""

from __future__ import annotations

from datetime import date

import pytest

from talktime.core.forecasts import average, days_left, dry_at, weekday_averages

MONDAY = date(2030, 4, 1)


@pytest.mark.parametrize(
    ("used", "left", "dry"),
    [(10, 20, 1300), (10, 0, 1100), (10, -5, 1100), (0, 20, None), (30, 10, 1133), (0, 0, 1100)],
)
def test_a_pool_runs_dry_when_it_goes_on_like_this(used: int, left: int, dry: int | None) -> None:
    assert dry_at(used, left, 1000, 1100) == dry


def test_days_without_calls_count_in_an_average() -> None:
    assert average([700, 0, 0, 0, 0, 0, 0, 7], 7) == 1
    assert average([10], 7) == 1


def test_each_weekday_has_an_average_of_its_own() -> None:
    weeks = [day for _ in range(4) for day in (1, 2, 3, 4, 5, 6, 7)]
    assert weekday_averages(weeks, date(2030, 3, 31)) == (1, 2, 3, 4, 5, 6, 7)
    assert weekday_averages([100, *weeks], date(2030, 3, 31)) == (1, 2, 3, 4, 5, 6, 7)
    assert weekday_averages(weeks[2:] + weeks[:2], date(2030, 4, 2)) == (1, 2, 3, 4, 5, 6, 7)


@pytest.mark.parametrize(("money", "days"), [(0, 0), (9, 0), (10, 1), (69, 6), (70, 14 - 7), (3650, 365), (3660, None)])
def test_whole_days_are_counted_from_today(money: int, days: int | None) -> None:
    assert days_left(money, [10] * 7, MONDAY) == days


def test_weekends_without_calls_make_it_last_longer() -> None:
    assert days_left(50, [10, 10, 10, 10, 10, 0, 0], MONDAY) == 7
    assert days_left(10**9, [0] * 7, MONDAY) is None
