from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.price_changes import Change, Direction, compare, summary
from talktime.core.prices import PriceKind, Row


def change(old: int, new: int, fee: int = 0, step_seconds: int = 60) -> Change:
    return Change(Row("1", "", old), Row("1", "", new, fee, step_seconds=step_seconds))


def test_lists_are_compared_row_by_row() -> None:
    same, old, new = Row("1", "", 1), Row("44", "", 2), Row("44", "", 3)
    gone, come = Row("49", "", 4), Row("33", "", 5)
    assert compare([same, old, gone], [same, new, come]) == ([come], [gone], [Change(old, new)], [same])


def test_another_kind_or_time_is_another_row() -> None:
    old = Row("1", "", 1)
    others = [Row("1", "", 1, kind=PriceKind.CONFERENCE), Row("1", "", 1, valid_from=7)]
    assert compare([old], [old, *others]) == (others, [], [], [old])


@pytest.mark.parametrize(
    ("old", "new", "percent"),
    [(100, 150, 5_000), (100, 0, -10_000), (300, 301, 33), (600, 601, 17), (600, 599, -17), (0, 0, 0), (0, 5, None)],
)
def test_the_change_is_told_in_hundredths_of_a_per_cent(old: int, new: int, percent: int | None) -> None:
    assert change(old, new).percent_hundredths == percent


def test_the_fee_decides_where_the_minute_costs_the_same() -> None:
    assert change(5, 5, fee=1).direction is Direction.DEARER
    assert Change(Row("1", "", 5, 1), Row("1", "", 5)).direction is Direction.CHEAPER
    assert change(5, 4, fee=9).direction is Direction.CHEAPER
    assert change(5, 5, step_seconds=1).direction is Direction.OTHERWISE


def test_what_is_another_is_named() -> None:
    assert Change(Row("1", "A", 5), Row("1", "B", 5, 1)).fields == ["destination", "connection_fee"]


def test_the_largest_changes_come_first_and_before_all_what_was_free() -> None:
    pairs = {"1": (100, 90), "2": (0, 5), "3": (100, 300), "4": (7, 7)}
    old = [Row(prefix, "", before) for prefix, (before, _) in pairs.items()]
    new = [Row(prefix, "", after) for prefix, (_, after) in pairs.items()]
    assert [one.new.prefix for one in compare(old, new).changed] == ["2", "3", "1"]


def test_a_destination_is_only_gone_when_no_row_has_its_name() -> None:
    old = [Row("44", "A", 1), Row("447", "A", 2), Row("49", "B", 3), Row("33", "", 4)]
    new = [Row("44", "A", 1), Row("49", "C", 3)]
    told = summary(compare(old, new))
    assert (told.destinations_added, told.destinations_removed) == (["C"], ["B"])


rows = st.builds(Row, st.text("12", min_size=1, max_size=2), st.sampled_from("AB"), st.integers(0, 3))
lists = st.lists(rows, unique_by=lambda row: row.prefix, max_size=5)


@given(lists, lists)
def test_every_row_is_counted_once(old: list[Row], new: list[Row]) -> None:
    told = summary(compare(old, new))
    assert sum(told.totals.values()) == len({row.prefix for row in old + new})
    assert told.totals == told.by_kind[PriceKind.OUTBOUND]


@given(lists, lists)
def test_seen_from_the_other_side_all_is_turned_around(old: list[Row], new: list[Row]) -> None:
    there, back = summary(compare(old, new)), summary(compare(new, old))
    for one, other in ((Direction.DEARER, Direction.CHEAPER), (Direction.ADDED, Direction.REMOVED)):
        assert (there.totals[one], there.totals[other]) == (back.totals[other], back.totals[one])
    assert there.destinations_added == back.destinations_removed
