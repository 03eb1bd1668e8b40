"""Where the shapes of charts stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.portal.charts import Bar, BarChart, Series, bar_chart, running_average
from talktime.portal.meters import Stretch, balance_line, call_span, meter, ranking
from talktime.portal.plots import STEPS_MAX, Axis, axis, labels
from talktime.portal.times import Moment, heat_map, level, step_chart

UNIT = 1_000_000
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def day(*values: int, unfinished: bool = False) -> Bar:
    return Bar("Nov 20", values, "USD 1.00", unfinished=unfinished)


def chart(*days: Bar) -> BarChart:
    return bar_chart(days, [Series(str(place)) for place, _ in enumerate(days[0].values)], str)


@pytest.mark.parametrize(
    ("most", "step", "steps"),
    [(41_100_000, 10_000_000, 5), (50, 10, 5), (51, 20, 3), (9, 2, 5), (100, 20, 5), (1, 1, 1), (0, 1, 1)],
)
def test_an_axis_has_round_steps_up_to_above_the_highest(most: int, step: int, steps: int) -> None:
    assert axis(most) == Axis(step, steps)


@given(st.integers(0, 10**18), st.sampled_from([1, 10_000, UNIT]))
def test_an_axis_is_never_too_short_and_has_few_steps(most: int, finest: int) -> None:
    scale = axis(most, finest)
    assert scale.top >= most > scale.top - scale.step or scale.steps == 1
    assert 1 <= scale.steps <= STEPS_MAX
    assert scale.step % finest == 0


def test_ticks_stand_from_the_top_down() -> None:
    assert axis(41 * UNIT).ticks == tuple(UNIT * tens for tens in (50, 40, 30, 20, 10, 0))


def test_bars_stand_in_columns_of_the_same_width() -> None:
    first, second = chart(day(50), day(25)).stacks
    assert [(box.x, box.y, box.width, box.height) for box in (*first, *second)] == [
        (1.5, 0.0, 7, 100.0),
        (11.5, 50.0, 7, 50.0),
    ]


def test_series_stand_on_each_other() -> None:
    ((low, middle, high),) = chart(day(20, 20, 10)).stacks
    assert [(box.kind, box.y, box.height) for box in (low, middle, high)] == [
        ("b1", 60.0, 40.0),
        ("b2", 20.0, 40.0),
        ("b3", 0.0, 20.0),
    ]


def test_a_day_that_is_not_over_is_paler() -> None:
    drawn = chart(day(5), day(3, unfinished=True))
    assert [box.kind for stack in drawn.stacks for box in stack] == ["b1", "b1 rest"]


def test_what_is_nothing_or_less_has_no_shape() -> None:
    drawn = chart(day(0, 4), day(-3, 4))
    assert [[box.kind for box in stack] for stack in drawn.stacks] == [["b2"], ["b2"]]
    assert drawn.axis.top == 4


def test_a_chart_of_nothing_has_no_highest_day() -> None:
    assert chart(day(0), day(0)).highest is None
    assert chart(day(0), day(2)).highest == day(2)


def test_a_chart_needs_bars_with_a_value_of_every_series() -> None:
    for bars, series in (([], 1), ([day(1, 2)], 1), ([day(1, 2, 3, 4, 5)], 5)):
        with pytest.raises(ValueError, match="a chart has bars"):
            bar_chart(bars, [Series("Credits")] * series, str)


def test_the_average_is_of_seven_days_and_leaves_out_the_one_that_is_not_over() -> None:
    days = [*(day(value * UNIT) for value in (7, 0, 0, 0, 0, 0, 0, 14)), day(UNIT, unfinished=True)]
    assert running_average(days) == (*(None,) * 6, 1_000_000, 2_000_000, None)
    drawn = bar_chart(days, [Series("Credits")], str, average=running_average(days))
    assert drawn.mean_line == "65,93.33 75,86.67"


def test_an_average_above_all_bars_is_still_in_the_picture() -> None:
    assert bar_chart([day(3)], [Series("Credits")], str, average=[40]).axis.top == 40


def test_few_bars_each_have_their_label_and_many_have_five() -> None:
    assert [label.text for label in labels(list("abcdefg"))] == list("abcdefg")
    many = labels([str(place) for place in range(28)])
    assert [(label.text, label.far) for label in many] == [
        ("0", False),
        ("7", True),
        ("14", False),
        ("20", True),
        ("27", False),
    ]


def test_the_number_of_calls_holds_until_it_changes() -> None:
    moments = [Moment(NOON - timedelta(hours=1), 1, "11:00", "1"), Moment(NOON + timedelta(hours=6), 2, "18:00", "2")]
    drawn = step_chart(moments, NOON, NOON + timedelta(hours=12), ["12", "15", "18", "21", "24"], str)
    assert drawn.edge == "M0 100H0V50H500V0H1000"
    assert drawn.area == "M0 100H0V50H500V0H1000V100H0Z"
    assert drawn.highest == moments[1]


def test_a_chart_of_moments_needs_one() -> None:
    with pytest.raises(ValueError, match="at least one moment"):
        step_chart([], NOON, NOON + timedelta(hours=1), [], str)


def test_the_least_that_there_is_is_seen_in_the_heat_map() -> None:
    assert [level(value, 100) for value in (0, 1, 20, 21, 100)] == [0, 1, 1, 2, 5]
    assert level(0, 0) == 0
    hours = [str(hour) for hour in range(24)]
    drawn = heat_map([[0] * 24, [*range(24)]], ["Mon", "Tue"], hours, str)
    assert (drawn.width, drawn.height, drawn.labels) == (240, 20, ("0", "6", "12", "18", "0"))
    assert (drawn.rows[1][23].level, drawn.rows[1][23].x, drawn.rows[1][23].y) == (5, 230, 10)


@pytest.mark.parametrize(
    ("used", "size", "share", "kind"),
    [
        (0, 30_000, 0.0, ""),
        (4_799, 6_000, 79.98, ""),
        (4_800, 6_000, 80.0, "meter-high"),
        (6_900, 6_900, 100.0, "meter-full"),
        (7_000, 6_900, 100.0, "meter-full"),
        (0, 0, 100.0, "meter-full"),
    ],
)
def test_a_meter_warns_from_four_fifths_on(used: int, size: int, share: float, kind: str) -> None:
    drawn = meter("Domestic Calling Plan", used, size, "")
    assert (drawn.share, drawn.kind) == (share, kind)


def test_a_ranking_measures_by_the_greatest() -> None:
    rows = [("United Kingdom", 200, "USD 2.00"), ("Germany", 50, "USD 0.50")]
    assert [one.share for one in ranking(rows)] == [100.0, 25.0]
    assert [one.share for one in ranking([("Germany", 0, "USD 0.00")])] == [0.0]
    assert ranking([]) == ()


def test_the_balance_line_shows_available_held_and_pending_side_by_side() -> None:
    line = balance_line(267_030_000, 5_410_000, 250_000_000, trigger=100_000_000)
    assert (line.available, line.held, line.pending, line.mark) == (511.12, 10.36, 478.52, 191.41)
    assert not line.low


def test_below_the_trigger_the_balance_line_is_low_and_its_mark_stands_at_four_fifths() -> None:
    line = balance_line(39_920_000, 1_960_000, trigger=100_000_000)
    assert (line.available, line.mark, line.low) == (319.36, 800.0, True)


def test_a_balance_below_nothing_has_no_bar_and_without_trigger_no_mark() -> None:
    line = balance_line(-UNIT, 0)
    assert (line.available, line.held, line.pending, line.mark, line.low) == (0.0, 0.0, 0.0, None, False)


def test_the_parts_of_a_call_fill_the_time_that_was_granted() -> None:
    parts = [Stretch("pool", 540, "Pool"), Stretch("paid", 741, "Credits"), Stretch("back", 219, "Given back")]
    drawn = call_span(parts)
    assert [(box.kind, box.x, box.width) for box in drawn.boxes] == [
        ("pool", 0.0, 360.0),
        ("paid", 360.0, 494.0),
        ("back", 854.0, 146.0),
    ]
