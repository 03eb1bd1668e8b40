"""Prices as one works them out on paper: increment by increment, with fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import floor
from typing import Any, NamedTuple

from talktime.core.calls import Asked

NOBODY_PAYS = ("user_in", "unassigned_in", "ucap_in")
KINDS = {"conf_out": ("conference", "outbound"), "conf_in": ("conference",), "ucap_in": ("toll_free",)}


class Rate(NamedTuple):
    prefix: str
    per_minute: int
    fee: int
    initial: int
    step: int
    decimals: int


FREE = Rate("", 0, 0, 1, 1, 4)


def billed(rate: Rate, seconds: int) -> int:
    """An increment that has begun counts."""
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
    end = rate.initial
    while end + rate.step <= limit:
        end += rate.step
    return end


def covered(rate: Rate, limit: int, funds: float, least: int) -> int:
    """The last end of an increment whose price is covered."""
    found, end = least, max(rate.initial, least)
    while end <= whole(rate, limit) and price(rate, end) <= funds:
        found, end = end, end + rate.step
    return found


def rate_of(versions: Sequence[dict[str, Any]], asked: Asked, at: int) -> Rate | None:
    """By the newest version of a price list; of its rows the one that says most of the number."""
    in_force = [version for version in versions if version["published"] <= at][-1:]
    if is_free(asked) or not in_force or asked.to[:1] != "+":
        return None
    for kind in KINDS.get(asked.call_type, ("outbound",)):
        rows = [row for row in in_force[0]["rows"] if row[0] == kind and asked.to[1:].startswith(row[1])]
        if rows:
            _, *fields = max(rows, key=lambda row: len(row[1]))
            return Rate._make((*fields, in_force[0]["decimals"]))
    return None


def is_free(asked: Asked) -> bool:
    return asked.call_type in NOBODY_PAYS or asked.call_type.startswith("dr_")
