"""Pools as licences come and go: more at once, less from the next month."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.catalogue import CATALOGUE
from talktime.core.pool_sizes import Minutes, PoolName, PoolRow, difference, of_people, of_purchases, resized, together
from talktime.core.pools import Person, effective

NAME = PoolName("MCOPSTN1", "GB")
MONTHS = ("2030-04", "2030-05", "2030-06")
sizes = st.dictionaries(
    st.sampled_from([NAME, PoolName("MCOMEETADD"), PoolName("MCOPSTN8", "GB", "usr_1")]),
    st.builds(Minutes, st.integers(0, 5000), st.integers(0, 5000)),
)


def grown(*changes: tuple[str, int]) -> PoolRow:
    """Minutes as they were set, each in its month."""
    row: PoolRow | None = None
    for month, total in changes:
        row = resized(row, NAME, Minutes(total, 2 * total), month)
    assert row is not None
    return row


def in_month(row: PoolRow, month: str) -> int:
    return effective(row.first_total, row.first_high, row.month, month)


def test_a_pool_is_called_by_its_licence_its_country_and_its_user() -> None:
    names = [PoolName("MCOMEETADD"), NAME, PoolName("MCOPSTN8", "GB", "usr_1")]
    assert [name.pool_id for name in names] == ["MCOMEETADD", "MCOPSTN1/GB", "MCOPSTN8/GB/usr_1"]


def test_more_acts_at_once() -> None:
    row = grown(("2030-04", 1200), ("2030-04", 2400))
    assert [in_month(row, month) for month in MONTHS] == [2400, 2400, 2400]


def test_less_acts_from_the_next_month() -> None:
    row = grown(("2030-04", 2400), ("2030-04", 1200))
    assert [in_month(row, month) for month in MONTHS] == [2400, 1200, 1200]


def test_what_a_month_began_with_stays_until_it_ends() -> None:
    row = grown(("2030-04", 2400), ("2030-05", 0), ("2030-05", 1200))
    assert [in_month(row, month) for month in MONTHS[1:]] == [2400, 1200]


def test_each_kind_of_minutes_has_its_own_most() -> None:
    row = resized(grown(("2030-04", 100)), NAME, Minutes(300, 50), "2030-04")
    assert (row.first_high, row.second_high, row.minutes) == (300, 200, Minutes(300, 50))


@given(st.lists(st.tuples(st.sampled_from(range(3)), st.integers(0, 5000)), min_size=1, max_size=20))
def test_in_a_month_a_pool_has_the_most_it_ever_had_in_it(changes: list[tuple[int, int]]) -> None:
    ordered = sorted(changes, key=lambda one: one[0])
    row = grown(*((MONTHS[number], total) for number, total in ordered))
    last = ordered[-1][0]
    before = [total for number, total in ordered if number < last]
    most = max([*before[-1:], *(total for number, total in ordered if number == last)])
    assert in_month(row, MONTHS[last]) == most
    assert in_month(row, "2031-01") == ordered[-1][1]


@given(sizes, sizes)
def test_what_is_added_leads_from_one_size_to_the_other(
    before: dict[PoolName, Minutes], after: dict[PoolName, Minutes]
) -> None:
    reached = together(before, difference(before, after))
    assert {name: one for name, one in reached.items() if any(one)} == {k: v for k, v in after.items() if any(v)}


def test_a_combined_plan_has_two_kinds_of_minutes_in_one_pool() -> None:
    found = of_people(CATALOGUE, "US", (), [Person("usr_1", "GB", ("MCOPSTN2",)), Person("usr_2", "PR", ("MCOPSTN2",))])
    assert found == {PoolName("MCOPSTN2", "GB"): Minutes(1200, 600), PoolName("MCOPSTN2", "US"): Minutes(3000, 600)}


def test_of_what_is_bought_without_end_the_assigned_ones_count() -> None:
    person = [Person("usr_1", "GB", ("ENTERPRISEPREMIUM",))]
    assert of_people(CATALOGUE, "US", {"ENTERPRISEPREMIUM"}, person) == {PoolName("MCOMEETADD"): Minutes(60)}
    assert of_people(CATALOGUE, "US", (), person) == {}
    assert of_purchases(CATALOGUE, "KR", {"ENTERPRISEPREMIUM": 2}) == {PoolName("MCOMEETADD"): Minutes(1800)}


@pytest.mark.parametrize(
    ("changes", "march", "april"),
    [
        ([("02", 60)], 60, 60),
        ([("02", 60), ("03", 120)], 120, 120),
        ([("02", 120), ("03", 60)], 120, 60),
        ([("02", 120), ("03", 60), ("03", 90)], 120, 90),
        ([("02", 60), ("03", 180), ("03", 90)], 180, 90),
        ([("03", 60)], 60, 60),
    ],
)
def test_more_acts_at_once_and_less_from_the_next_month(changes: list[tuple[str, int]], march: int, april: int) -> None:
    row: PoolRow | None = None
    for month, total in changes:
        row = resized(row, PoolName("MCOMEETADD"), Minutes(total), f"2031-{month}")
    assert row is not None
    sizes = [effective(row.first_total, row.first_high, row.month, month) for month in ("2031-03", "2031-04")]
    assert sizes == [march, april]
