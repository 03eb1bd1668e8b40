"""When the balance refills itself, on paper."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from talktime.core.recharges import (
    BACK_OFF,
    HARD,
    HOUR,
    Hold,
    Past,
    Rules,
    Setting,
    Start,
    State,
    a_year_after,
    after_decline,
    brake,
    is_hard,
    look,
)
from talktime.core.time import DAY, instant, moment

NOW = instant(datetime(2030, 5, 31, 21, 30, tzinfo=UTC))
ON = Setting(enabled=True, amount=120, trigger=60, state=State.ON)
NONE = Past((), 0)
RULES = Rules(3, "Europe/Berlin")


def test_strictly_below_the_trigger_and_not_at_it() -> None:
    assert look(ON, 59, False, NONE, RULES, NOW) == Start()
    assert look(ON, 60, False, NONE, RULES, NOW) == Hold(State.ON)


@pytest.mark.parametrize(
    "setting", [Setting(), replace(ON, enabled=False), replace(ON, amount=None), replace(ON, trigger=None)]
)
def test_what_is_off_or_was_never_set_does_nothing(setting: Setting) -> None:
    assert look(setting, -1, False, NONE, RULES, NOW) == Hold(State.OFF)


@pytest.mark.parametrize("state", [State.PAUSED, State.CHARGING, State.REQUIRES_ACTION])
def test_what_is_paused_or_on_its_way_stays_as_it_is(state: State) -> None:
    assert look(replace(ON, state=state), -1, False, NONE, RULES, NOW) == Hold(state)


def test_a_payment_on_its_way_holds_it_up() -> None:
    assert look(ON, 0, True, NONE, RULES, NOW) == Hold(State.ON)


def test_the_next_attempt_is_waited_for() -> None:
    waiting = replace(ON, state=State.RETRYING, next_attempt_at=NOW + 1)
    assert look(waiting, 0, False, NONE, RULES, NOW) == Hold(State.RETRYING, NOW + 1)
    assert look(waiting, 0, False, NONE, RULES, NOW + 1) == Start()
    assert look(waiting, 60, False, NONE, RULES, NOW) == Hold(State.ON)


def test_three_within_a_day_are_the_most_and_one_of_24_hours_ago_no_longer_counts() -> None:
    recent = (NOW, NOW - HOUR, NOW - DAY + 1)
    assert brake(ON, Past(recent, 0), RULES, NOW) == Hold(State.VELOCITY_LIMITED, NOW + 1)
    assert brake(ON, Past((NOW, NOW - HOUR, NOW - DAY), 0), RULES, NOW) is None
    assert brake(ON, Past(recent, 0), Rules(None, "UTC"), NOW) is None


def test_who_may_never_recharge_waits_for_nothing() -> None:
    assert brake(ON, NONE, Rules(0, "UTC"), NOW) == Hold(State.VELOCITY_LIMITED, None)


def test_the_month_is_that_of_the_organization() -> None:
    limited = replace(ON, monthly_limit=240)
    assert brake(limited, Past((), 120), RULES, NOW) is None
    held = brake(limited, Past((), 121), RULES, NOW)
    assert held == Hold(State.LIMIT_REACHED, instant(datetime(2030, 5, 31, 22, tzinfo=UTC)))


def test_declines_wait_1_2_and_4_hours_and_then_pause() -> None:
    told = [after_decline(before, False, NOW) for before in range(4)]
    assert [one.next_attempt_at for one in told] == [*(NOW + wait for wait in BACK_OFF), None]
    assert [one.state for one in told] == [State.RETRYING] * 3 + [State.PAUSED]
    assert [one.first for one in told] == [True, False, False, False]
    assert after_decline(0, True, NOW).state is State.PAUSED


def test_a_decline_is_hard_when_every_card_says_so() -> None:
    lost, poor = "lost_card", "insufficient_funds"
    assert lost in HARD
    assert (is_hard((lost,)), is_hard((lost, lost)), is_hard((lost, poor)), is_hard((None,))) == (
        True,
        True,
        False,
        False,
    )


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)),
    st.sampled_from(["UTC", "Europe/Riga", "America/New_York", "Pacific/Apia", "Asia/Kolkata"]),
)
def test_a_year_is_twelve_months_at_the_same_local_time(when: datetime, zone: str) -> None:
    at = instant(when.replace(tzinfo=UTC))
    days = (a_year_after(at, zone) - at) / DAY
    assert 363.9 < days < 367.1
    assert moment(a_year_after(at, "UTC")).month == moment(at).month
