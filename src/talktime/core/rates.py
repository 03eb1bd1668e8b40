"""What a call costs, and how long a sum of money lets it last. Amounts are whole micros."""

from __future__ import annotations

from msgspec import Struct

from talktime.core.money import MICROS_PER_UNIT, round_half_up


class Rate(Struct, frozen=True, array_like=True, gc=False):
    """A call keeps the rate it began with, whatever the price list says later."""

    prefix: str
    destination: str
    per_minute: int
    connection_fee: int = 0
    initial_seconds: int = 60
    step_seconds: int = 60
    charge_decimals: int = 4


TOLERANCE_MS = 100
"""A switch that counts milliseconds is given a tenth of a second before the next second begins."""
FREE = Rate("", "", 0, initial_seconds=1, step_seconds=1)
"""For calls that nobody pays: seconds are granted and counted, nothing is held."""


def billed_seconds(rate: Rate, seconds: int) -> int:
    """An increment that has begun counts; an unanswered call has none."""
    if seconds <= 0:
        return 0
    steps = -(-max(seconds - rate.initial_seconds, 0) // rate.step_seconds)
    return rate.initial_seconds + steps * rate.step_seconds


def price(rate: Rate, seconds: int) -> int:
    """Fee and minutes as an exact product, then the one rounding. Unanswered: nothing, not even the fee."""
    billed = billed_seconds(rate, seconds)
    if billed == 0:
        return 0
    unit: int = MICROS_PER_UNIT // 10**rate.charge_decimals
    return round_half_up(60 * rate.connection_fee + rate.per_minute * billed, 60 * unit) * unit


def whole_increments(rate: Rate, seconds_max: int) -> int:
    """The largest whole number of increments that ends within `seconds_max`, at least the first."""
    return rate.initial_seconds + max(seconds_max - rate.initial_seconds, 0) // rate.step_seconds * rate.step_seconds


def affordable_seconds(rate: Rate, funds: int, seconds_max: int) -> int:
    """The most whole increments within `seconds_max`, but at least the first, whose rounded price is covered."""
    most = whole_increments(rate, seconds_max)
    if price(rate, most) <= funds:
        return most
    covered = _billed_within(rate, funds)
    return whole_increments(rate, covered) if covered >= rate.initial_seconds else 0


def _billed_within(rate: Rate, funds: int) -> int:
    """`price` solved for its seconds: the most that are rounded to `funds` or less. Asked when there is a price."""
    unit: int = MICROS_PER_UNIT // 10**rate.charge_decimals
    if funds < 0:
        return 0
    # Half up: a product below (k + 1/2) units becomes k units.
    sixtieths_below = (2 * (funds // unit) + 1) * 30 * unit
    return (sixtieths_below - 1 - 60 * rate.connection_fee) // rate.per_minute if rate.per_minute else 0
