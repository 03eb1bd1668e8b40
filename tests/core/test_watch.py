"""Levels that a balance falls through."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.money import micros
from talktime.core.watch import Fall, events, fallen_through, wakes_below

amounts = st.integers(-1000, 1000)


def test_a_level_is_passed_when_the_balance_is_below_it_and_was_not() -> None:
    assert fallen_through(Fall(50, 49), [50]) == [50]
    assert fallen_through(Fall(51, 50), [50]) == []
    assert fallen_through(Fall(49, 48), [50]) == []
    assert fallen_through(Fall(60, 10), [50, 25, 5]) == [50, 25]


def test_zero_is_reached_and_gone_below() -> None:
    assert [event for event, _ in events(Fall(1, 0), [])] == ["balance_zero"]
    assert [event for event, _ in events(Fall(0, -1), [])] == ["balance_negative"]
    assert [event for event, _ in events(Fall(1, -1), [])] == ["balance_zero", "balance_negative"]
    assert events(Fall(-1, -2), []) == []
    assert events(Fall(micros("30"), micros("20.5")), [micros("25")]) == [
        ("balance_low", {"level": "25", "balance": "20.5"})
    ]


@given(st.lists(amounts, min_size=1), st.integers(1, 1000), st.lists(st.integers(1, 1000), max_size=4))
def test_nothing_is_ever_told_at_or_above_what_wakes(balances: list[int], trigger: int, levels: list[int]) -> None:
    wake = wakes_below(trigger, levels)
    for before, after in itertools.pairwise(balances):
        if after < before and events(Fall(before, after), levels):
            assert after < wake


@given(st.lists(amounts, min_size=2), st.integers(-1000, 1000))
def test_a_level_is_told_once_for_each_way_down(balances: list[int], level: int) -> None:
    told = sum(len(fallen_through(Fall(before, after), [level])) for before, after in itertools.pairwise(balances))
    below = [balance < level for balance in balances]
    assert told == sum(not one and other for one, other in itertools.pairwise(below))


def test_without_levels_only_zero_wakes() -> None:
    assert (wakes_below(None, []), wakes_below(60, [50, 70]), wakes_below(60, [])) == (1, 70, 60)
