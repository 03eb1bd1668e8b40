"""Prices as one works them out on paper: increment by increment, with fractions. And how far minutes and money go."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import floor
from typing import Any, NamedTuple


class Rate(NamedTuple):
    prefix: str
    per_minute: int
    fee: int
    initial: int
    step: int
    decimals: int


FREE = Rate("", 0, 0, 1, 1, 4)
PLENTY = float("inf")


def billed(rate: Rate, seconds: int) -> int:
    """An increment that has begun counts."""
    if rate.step == 1:
        return max(seconds, rate.initial) if seconds > 0 else 0
    end = rate.initial
    while end < seconds:
        end += rate.step
    return end if seconds > 0 else 0


@cache
def price(rate: Rate, seconds: int) -> int:
    unit = 10 ** (6 - rate.decimals)
    exact = rate.fee + Fraction(rate.per_minute * billed(rate, seconds), 60)
    return floor(exact / unit + Fraction(1, 2)) * unit if seconds > 0 else 0


@cache
def whole(rate: Rate, limit: int) -> int:
    """The last end of an increment within the limit, but at least the first."""
    if rate.step == 1:
        return max(limit, rate.initial)
    end = rate.initial
    while end + rate.step <= limit:
        end += rate.step
    return end


def covered(rate: Rate, limit: int, funds: float, least: int) -> int:
    """The last end of an increment whose price is covered. What ends at `least` is covered already."""
    if funds == PLENTY:
        return max(whole(rate, limit), least)
    found, end, most = least, max(rate.initial, least), whole(rate, limit)
    while end <= most and price(rate, end) <= funds:
        found, end = end, end + rate.step
    return found


class Means(NamedTuple):
    rate: Rate
    minutes: int
    """That its pool has for this call in all."""
    somebody_pays: bool
    """For what comes after them."""
    funds: float


def reach(means: Means, end: int, before: int) -> tuple[int, int]:
    """Seconds up to this end, and how many minutes of them are the pool's: those first, then increments."""
    minutes = min(max(end // 60, 1), means.minutes)
    rest = end - 60 * minutes
    too_short = rest < means.rate.initial and 60 * minutes > before
    if minutes and (minutes < means.minutes or not means.somebody_pays or too_short):
        return 60 * minutes, minutes
    return 60 * minutes + covered(means.rate, rest, means.funds, max(before - 60 * minutes, 0)), minutes


def wanted(means: Means, end: int, before: int) -> int:
    """Where it would end if nothing were missing."""
    if means.minutes and not means.somebody_pays:
        return 60 * max(end // 60, 1)
    return reach(means._replace(funds=PLENTY), end, before)[0]


def rate_of(versions: Sequence[dict[str, Any]], kinds: Sequence[str], to: str, at: int) -> Rate | None:
    """By the newest version of a price list; of its rows the one that says most of the number."""
    in_force = [version for version in versions if version["published"] <= at][-1:]
    if not in_force or to[:1] != "+":
        return None
    for kind in kinds:
        rows = [row for row in in_force[0]["rows"] if row[0] == kind and to[1:].startswith(row[1])]
        if rows:
            _, *fields = max(rows, key=lambda row: len(row[1]))
            return Rate._make((*fields, in_force[0]["decimals"]))
    return None
