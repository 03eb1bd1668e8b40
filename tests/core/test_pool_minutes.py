from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from talktime.core.licence_terms import Caps
from talktime.core.pool_book import crossed
from talktime.core.pool_minutes import PoolMinutes, left, whole_minutes

WHICHEVER_FIRST, INDEPENDENT = Caps.WHICHEVER_FIRST, Caps.INDEPENDENT
few = st.integers(0, 50)


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(-1, 0), (0, 0), (1, 1), (59, 1), (60, 1), (61, 2), (3600, 60), (3601, 61)]
)
def test_a_minute_that_has_begun_counts(seconds: int, minutes: int) -> None:
    assert whole_minutes(seconds) == minutes


def test_minutes_are_held_then_used_and_the_rest_given_back() -> None:
    held = PoolMinutes(60).hold(5)
    assert (held.available, held.held) == (55, 5)
    assert held.use(5, 3) == (PoolMinutes(60, used=3), 3)
    assert held.give_back(5) == PoolMinutes(60)


def test_a_call_longer_than_its_hold_takes_what_else_is_there() -> None:
    assert PoolMinutes(60, used=50, held=5).use(5, 7, 5) == (PoolMinutes(60, used=57), 7)
    assert PoolMinutes(60, used=50, held=8).use(5, 20, 2) == (PoolMinutes(60, used=57, held=3), 7)


def test_what_was_charged_too_much_is_taken_back() -> None:
    assert PoolMinutes(60, used=5).unuse(3) == PoolMinutes(60, used=2)
    for minutes in (-1, 6):
        with pytest.raises(ValueError, match="only what was used"):
            PoolMinutes(60, used=5).unuse(minutes)


def test_a_call_that_was_not_answered_uses_nothing() -> None:
    assert PoolMinutes(60, held=5).use(5, -1) == (PoolMinutes(60), 0)


@pytest.mark.parametrize("minutes", [-1, 6])
def test_more_than_there_is_cannot_be_held(minutes: int) -> None:
    with pytest.raises(ValueError, match="never overdrawn"):
        PoolMinutes(60, used=50, held=5).hold(minutes)


@pytest.mark.parametrize("minutes", [-1, 6])
def test_only_what_is_held_can_be_given_back(minutes: int) -> None:
    with pytest.raises(ValueError, match="only what is held"):
        PoolMinutes(60, held=5).give_back(minutes)


# --- two kinds of minutes of one plan (D-13, D-41) ---


@pytest.mark.parametrize(
    ("domestic", "international", "caps", "both"),
    [
        (PoolMinutes(1200), PoolMinutes(600), WHICHEVER_FIRST, (1200, 600)),
        (PoolMinutes(1200, used=1200), PoolMinutes(600), WHICHEVER_FIRST, (0, 0)),
        (PoolMinutes(1200, used=1), PoolMinutes(600, used=600), WHICHEVER_FIRST, (0, 0)),
        (PoolMinutes(1200, used=1100, held=100), PoolMinutes(600), WHICHEVER_FIRST, (0, 0)),
        (PoolMinutes(1200, used=1100, held=99), PoolMinutes(600), WHICHEVER_FIRST, (1, 600)),
        (PoolMinutes(1200, used=1200), PoolMinutes(600), INDEPENDENT, (0, 600)),
        (PoolMinutes(1200, used=1), PoolMinutes(600, used=600), INDEPENDENT, (1199, 0)),
    ],
)
def test_whichever_is_reached_first(
    domestic: PoolMinutes, international: PoolMinutes, caps: Caps, both: tuple[int, int]
) -> None:
    assert (left(domestic, [international], caps), left(international, [domestic], caps)) == both


def test_held_minutes_that_are_given_back_open_the_cap_again() -> None:
    full = PoolMinutes(1200, used=1100, held=100)
    assert left(PoolMinutes(600), [full], WHICHEVER_FIRST) == 0
    assert left(PoolMinutes(600), [full.give_back(1)], WHICHEVER_FIRST) == 600


def test_a_closed_cap_does_not_change_what_is_shown() -> None:
    international = PoolMinutes(600, used=10)
    assert left(international, [PoolMinutes(1200, used=1200)], WHICHEVER_FIRST) == 0
    assert international.available == 590


def test_a_pool_alone_has_what_is_available_and_never_less_than_nothing() -> None:
    assert left(PoolMinutes(60, used=10, held=20)) == 30
    assert left(PoolMinutes(60, used=70)) == 0


# --- notices (D-16) ---


@pytest.mark.parametrize(
    ("total", "before", "after", "now"),
    [
        (100, 0, 79, []),
        (100, 79, 80, [80]),
        (100, 80, 99, []),
        (100, 99, 100, [100]),
        (100, 79, 100, [80, 100]),
        (100, 100, 100, []),
        (120, 100, 119, []),
        (7, 0, 5, []),
        (7, 5, 6, [80]),
        (0, 0, 0, []),
    ],
)
def test_a_threshold_is_told_by_the_change_that_reaches_it(total: int, before: int, after: int, now: list[int]) -> None:
    assert crossed(total, before, after) == now


class ManyCalls(RuleBasedStateMachine):
    """Any number of calls at once, longer and shorter than thought, while licences come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = PoolMinutes(100)
        self.holds: list[int] = []

    @rule(wanted=few)
    def begin(self, wanted: int) -> None:
        minutes = min(wanted, left(self.pool))
        self.pool = self.pool.hold(minutes)
        self.holds.append(minutes)

    @rule(talked=few)
    def end(self, talked: int) -> None:
        if self.holds:
            held = self.holds.pop()
            self.pool, paid = self.pool.use(held, talked)
            assert min(held, talked) <= paid <= talked

    @rule()
    def give_up(self) -> None:
        if self.holds:
            self.pool = self.pool.give_back(self.holds.pop(0))

    @rule(total=st.integers(0, 200))
    def licences_change(self, total: int) -> None:
        self.pool = replace(self.pool, total=max(total, self.pool.total))

    @invariant()
    def the_pool_is_never_overdrawn(self) -> None:
        assert self.pool.available >= 0
        assert self.pool.held == sum(self.holds)


TestManyCalls = ManyCalls.TestCase


@given(few, few, few, few)
def test_one_cap_never_opens_more_than_independent_counters(total: int, used: int, other: int, gone: int) -> None:
    pool, beside = PoolMinutes(total, used=used), PoolMinutes(other, used=gone)
    assert left(pool, [beside], WHICHEVER_FIRST) in (0, left(pool, [beside], INDEPENDENT))
