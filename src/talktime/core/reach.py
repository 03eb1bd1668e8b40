"""How far a grant goes: minutes of a pool first, then increments that somebody pays."""

from __future__ import annotations

from msgspec import Struct

from talktime.core.rates import FREE, Rate, affordable_seconds, price, whole_increments

MINUTE_SECONDS = 60


class Means(Struct, frozen=True, gc=False):
    """What a call may draw on."""

    rate: Rate = FREE
    minutes: int | None = None
    """Of its pool in all, those it holds included; None: it has no pool."""
    goes_on: bool = True
    """Whether somebody pays when the pool is empty."""
    funds: int | None = None
    """What is there for that, what it holds included; None: it is not held."""


class Stretch(Struct, frozen=True, gc=False):
    seconds: int
    minutes: int = 0
    cost: int = 0
    """To be held: of what is after the pool."""


def stretch(means: Means, end: int, after: int = 0) -> Stretch:
    """The largest whole number of increments whose end is not beyond `end`, at least one more than `after`."""
    if means.minutes is None:
        return _paid(means, end, 0)
    minutes = min(max(end // MINUTE_SECONDS, 1), means.minutes)
    pool_seconds = minutes * MINUTE_SECONDS
    rest = end - pool_seconds
    if not means.goes_on or (rest < MINUTE_SECONDS and minutes < means.minutes):
        return Stretch(pool_seconds, minutes)
    if rest < means.rate.initial_seconds and pool_seconds > after:
        return Stretch(pool_seconds, minutes)
    return _paid(means, rest, minutes)


def _paid(means: Means, end: int, minutes: int) -> Stretch:
    rate = means.rate
    seconds = whole_increments(rate, end) if means.funds is None else affordable_seconds(rate, means.funds, end)
    cost = 0 if means.funds is None else price(rate, seconds)
    return Stretch(minutes * MINUTE_SECONDS + seconds, minutes, cost)


def wanted(means: Means, end: int, after: int = 0) -> int:
    """Where a grant would end if nothing were missing: cut below this, it is final."""
    if means.minutes is not None and not means.goes_on:
        return max(end // MINUTE_SECONDS, 1) * MINUTE_SECONDS
    plenty = Means(means.rate, means.minutes, means.goes_on, None)
    return stretch(plenty, end, after).seconds
