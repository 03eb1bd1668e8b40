from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from math import floor
from random import Random
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from talktime.core.money import micros as usd
from talktime.core.rates import FREE, Rate, affordable_seconds, billed_seconds, price, whole_increments

any_rate = st.builds(
    Rate,
    st.just("44"),
    st.just("somewhere"),
    per_minute=st.one_of(st.integers(0, 5_000_000), st.integers(0, 120)),
    connection_fee=st.one_of(st.just(0), st.integers(0, 2_000_000), st.integers(0, 50)),
    initial_seconds=st.integers(1, 90),
    step_seconds=st.integers(1, 90),
    charge_decimals=st.integers(0, 6),
)
any_funds = st.one_of(st.integers(-100, 20_000_000), st.integers(0, 300))
any_seconds = st.integers(0, 420)

HALF = Fraction(1, 2)
PER_MINUTE = Rate("44", "United Kingdom", usd("0.1"))


# --------------------------------------------------------------------------------------------------- a slow reference


def slowly_billed(rate: Rate, seconds: int) -> int:
    """Increment by increment, as somebody with a stop-watch would."""
    if seconds <= 0:
        return 0
    billed = rate.initial_seconds
    while billed < seconds:
        billed += rate.step_seconds
    return billed


def slow_price(rate: Rate, seconds: int) -> int:
    """In fractions, with the one rounding at the end."""
    if seconds <= 0:
        return 0
    unit = Fraction(10) ** (6 - rate.charge_decimals)
    exact = rate.connection_fee + Fraction(rate.per_minute, 60) * slowly_billed(rate, seconds)
    return int(floor(exact / unit + HALF) * unit)


def slowly_affordable(rate: Rate, funds: int, seconds_max: int) -> int:
    """Second by second: the last end of an increment whose price is there; the first may lie beyond `seconds_max`."""
    affordable = 0
    for seconds in range(1, max(seconds_max, rate.initial_seconds) + 1):
        if slowly_billed(rate, seconds) == seconds and slow_price(rate, seconds) <= funds:
            affordable = seconds
    return affordable


# --------------------------------------------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("initial", "step", "seconds", "billed"),
    [
        (60, 60, 0, 0),
        (60, 60, -5, 0),
        (60, 60, 1, 60),
        (60, 60, 60, 60),
        (60, 60, 61, 120),
        (60, 1, 59, 60),
        (60, 1, 61, 61),
        (30, 6, 30, 30),
        (30, 6, 31, 36),
        (30, 6, 36, 36),
        (1, 1, 61, 61),
    ],
)
def test_an_increment_that_has_begun_counts(initial: int, step: int, seconds: int, billed: int) -> None:
    assert billed_seconds(Rate("", "", 0, 0, initial, step), seconds) == billed


@given(any_rate, any_seconds)
def test_time_is_billed_as_with_a_stop_watch(rate: Rate, seconds: int) -> None:
    assert billed_seconds(rate, seconds) == slowly_billed(rate, seconds)


@given(any_rate, any_seconds)
def test_whole_increments_end_within_what_was_wanted_but_the_first_is_always_given(rate: Rate, seconds: int) -> None:
    whole = whole_increments(rate, seconds)
    assert billed_seconds(rate, whole) == whole
    assert whole <= max(seconds, rate.initial_seconds)
    assert whole + rate.step_seconds > seconds


# --------------------------------------------------------------------------------------------------- money


@pytest.mark.parametrize(
    ("rate", "seconds", "amount"),
    [
        (PER_MINUTE, 0, "0"),
        (PER_MINUTE, 1, "0.1"),
        (PER_MINUTE, 200, "0.4"),
        (Rate("33", "France", usd("0.06"), usd("0.25"), 30, 6), 0, "0"),
        (Rate("33", "France", usd("0.06"), usd("0.25"), 30, 6), 31, "0.286"),
        (Rate("1", "by the second", usd("0.012345"), 0, 1, 1), 1, "0.0002"),
        (Rate("1", "by the second", usd("0.012345"), 0, 1, 1), 60, "0.0123"),
        (Rate("1", "in whole cents", usd("0.005"), charge_decimals=2), 60, "0.01"),
        (Rate("1", "in whole cents", usd("0.004999"), charge_decimals=2), 60, "0"),
        (Rate("81", "in whole units", usd("2.5"), charge_decimals=0), 60, "3"),
        (Rate("1", "in micros", 1, charge_decimals=6), 3600, "0.00006"),
        (FREE, 10_800, "0"),
    ],
)
def test_a_call_costs_its_fee_and_its_minutes_rounded_once(rate: Rate, seconds: int, amount: str) -> None:
    assert price(rate, seconds) == usd(amount)


@given(any_rate, any_seconds)
def test_a_price_is_the_exact_product_rounded_half_up_once(rate: Rate, seconds: int) -> None:
    assert price(rate, seconds) == slow_price(rate, seconds)


@given(any_rate, any_seconds)
def test_a_longer_call_is_never_cheaper(rate: Rate, seconds: int) -> None:
    assert price(rate, seconds) <= price(rate, seconds + 1)


def test_sums_over_a_hundred_thousand_calls_are_exact() -> None:
    chance = Random(20310314)
    billed, exact = 0, Fraction(0)
    for _ in range(100_000):
        rate = Rate("", "", chance.randrange(3_000_000), chance.randrange(500_000), chance.choice((1, 30, 60)), 6, 6)
        seconds = chance.randrange(1, 10_800)
        billed += price(rate, seconds)
        exact += floor(rate.connection_fee + Fraction(rate.per_minute * billed_seconds(rate, seconds), 60) + HALF)
    assert billed == exact


# --------------------------------------------------------------------------------------------------- what money buys


@given(any_rate, any_funds, any_seconds)
@example(Rate("", "", 0, 100, charge_decimals=6), 99, 300)
@example(Rate("", "", 0), -1, 300)
@example(Rate("", "", 149, 0, 1, 1, charge_decimals=4), 0, 300)
@settings(max_examples=300)
def test_the_closed_form_agrees_with_counting_second_by_second(rate: Rate, funds: int, seconds_max: int) -> None:
    assert affordable_seconds(rate, funds, seconds_max) == slowly_affordable(rate, funds, seconds_max)


@given(any_rate, any_funds, st.integers(0, 10_800))
def test_what_is_granted_is_never_dearer_than_the_funds(rate: Rate, funds: int, seconds_max: int) -> None:
    seconds = affordable_seconds(rate, funds, seconds_max)
    assert seconds == 0 or price(rate, seconds) <= funds


@given(any_rate, any_funds, st.integers(0, 10_800))
def test_one_more_increment_would_be_dearer_or_too_long(rate: Rate, funds: int, seconds_max: int) -> None:
    seconds = affordable_seconds(rate, funds, seconds_max)
    one_more = seconds + rate.step_seconds if seconds else rate.initial_seconds
    assert price(rate, one_more) > funds or (seconds and one_more > seconds_max)


# --------------------------------------------------------------------------------------------------- effort


def steps_of(function: Callable[..., object], *arguments: object) -> int:
    """How many instructions of Python it takes."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    others = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(others)
    return count


BY_THE_SECOND = Rate("1", "by the second", usd("0.6"), 0, 1, 1)


@pytest.mark.parametrize(
    ("what", "short", "long"),
    [
        (price, (60,), (10_800,)),
        (billed_seconds, (60,), (10_800,)),
        (affordable_seconds, (usd("0.6"), 300), (usd("100"), 10_800)),
        (affordable_seconds, (usd("100"), 300), (usd("1000"), 10_800)),
    ],
)
def test_three_hours_by_the_second_are_no_more_work_than_a_minute(
    what: Callable[..., int], short: tuple[int, ...], long: tuple[int, ...]
) -> None:
    assert what(BY_THE_SECOND, *long) > what(BY_THE_SECOND, *short)
    assert 0 < steps_of(what, BY_THE_SECOND, *short) == steps_of(what, BY_THE_SECOND, *long)


def test_the_counter_of_steps_sees_a_loop() -> None:
    assert steps_of(slowly_billed, BY_THE_SECOND, 60) < steps_of(slowly_billed, BY_THE_SECOND, 10_800)
