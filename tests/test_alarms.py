"""When somebody is to look, on paper."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
from msgspec.structs import replace

from talktime.alarms import Alarm, Health, alarms, quantile
from talktime.core.time import DAY, MINUTE, SECOND

NOW = 20_000 * DAY
WELL = Health(
    begun_at=NOW - 10 * DAY,
    worked_at=NOW - SECOND,
    overdue_since=NOW - SECOND,
    verified_at=NOW - DAY,
    findings=0,
    backed_up_at=NOW - DAY,
    backs_up=True,
    errors=1,
    errors_go_on=False,
    answer_seconds=0.25,
    conflicts=0,
    silent=0,
    clock_seconds=1.0,
    failing=(),
    waiting={"mails": 50, "webhooks": 0},
)


def test_up_to_their_bounds_nothing_asks_for_anybody() -> None:
    assert alarms(WELL, NOW) == []
    newest = replace(WELL, begun_at=NOW - DAY, verified_at=None, backed_up_at=None, answer_seconds=None)
    assert alarms(newest, NOW) == []


@pytest.mark.parametrize(
    ("ill", "alarm"),
    [
        ({"errors_go_on": True}, Alarm.STORE_ERRORS),
        ({"findings": 1}, Alarm.BOOKS_WRONG),
        ({"worked_at": None}, Alarm.NO_WORKER),
        ({"worked_at": NOW - 6 * MINUTE, "overdue_since": NOW - 6 * MINUTE}, Alarm.NO_WORKER),
        ({"silent": 1}, Alarm.SWITCH_SILENT),
        ({"answer_seconds": 0.26}, Alarm.SLOW),
        ({"conflicts": 1}, Alarm.CONFLICT),
        ({"clock_seconds": -1.1}, Alarm.CLOCK_AWAY),
        ({"failing": ["pools"]}, Alarm.JOB_FAILS),
        ({"backed_up_at": NOW - 3 * DAY}, Alarm.NO_BACKUP),
        ({"backed_up_at": None}, Alarm.NO_BACKUP),
        ({"verified_at": NOW - 3 * DAY}, Alarm.NOT_VERIFIED),
        ({"verified_at": None}, Alarm.NOT_VERIFIED),
        ({"waiting": {"mails": 0, "webhooks": 51}}, Alarm.MAIL_WAITS),
    ],
)
def test_each_asks_for_somebody_beyond_its_bound(ill: dict[str, Any], alarm: Alarm) -> None:
    assert alarms(replace(WELL, **ill), NOW) == [alarm]


@pytest.mark.parametrize("overdue_since", [None, NOW - MINUTE, NOW + 50 * MINUTE])
def test_where_nothing_is_overdue_somebody_works_although_what_fails_is_tried_seldom(overdue_since: int | None) -> None:
    assert alarms(replace(WELL, worked_at=NOW - 20 * MINUTE, overdue_since=overdue_since), NOW) == []


def test_backups_that_another_machine_keeps_are_not_missed_here() -> None:
    assert alarms(replace(WELL, backed_up_at=None, backs_up=False), NOW) == []


def test_the_worst_stands_first() -> None:
    ill = replace(WELL, clock_seconds=3.0, findings=2, errors_go_on=True)
    assert alarms(ill, NOW) == [Alarm.STORE_ERRORS, Alarm.BOOKS_WRONG, Alarm.CLOCK_AWAY]


def test_a_share_lies_between_two_bounds_as_prometheus_reckons_it() -> None:
    assert quantile(0.99, {0.25: 90, 0.5: 100, inf: 100}) == pytest.approx(0.475)
    assert quantile(0.5, {0.25: 90, 0.5: 100, inf: 100}) == pytest.approx(0.25 * 50 / 90)
    assert quantile(0.99, {0.25: 90, 0.5: 90, inf: 100}) == 0.5
    assert quantile(0.99, {0.25: 0, inf: 0}) is None
    assert quantile(0.99, {}) is None
