"""The arithmetic of a line, worked out again from the words that stand beside its figure."""

from __future__ import annotations

import re
from collections import deque
from math import ceil
from typing import Any

from talktime.capacity.needs import Need

TOKEN = re.compile(r"(\d[\d,]*(?:\.\d+)?)(%| us\b| ms\b| MB\b|)|(?<= )([x/+])(?= )|([()])|, at least (\d+)")
AS_MANY = {"": 1, "%": 0.01, " us": 1e-6, " ms": 1e-3, " MB": 1e6}
UNITS = {"GB": 1e9, "MB": 1e6, "Mbit": 1e6}
WHOLE = ("server processes", "cells", "Citus workers")
"""There is no half of them."""


def worked_out(need: Need) -> float:
    """As a reader would: what stands behind a colon or a comma is a remark, but for a least."""
    told = re.split(r": |, (?!at least)", need.arithmetic)[0]
    tokens = deque(match.groups() for match in TOKEN.finditer(told))
    value = _sum(tokens) / UNITS.get(need.unit.partition(" ")[0], 1)
    assert not tokens, need
    return _whole(value) if need.what in WHOLE else value


def _whole(value: float) -> int:
    """So many at least, but not one more because of the last of many digits."""
    return ceil(round(value, 6))


Tokens = deque[tuple[Any, ...]]


def _sum(tokens: Tokens) -> float:
    value = _product(tokens)
    while tokens and tokens[0][2] == "+":
        tokens.popleft()
        value += _product(tokens)
    if tokens and tokens[0][4]:
        value = max(_whole(value), int(tokens.popleft()[4]))
    return value


def _product(tokens: Tokens) -> float:
    value = _figure(tokens)
    while tokens and tokens[0][2] in ("x", "/"):
        sign = tokens.popleft()[2]
        value = value * _figure(tokens) if sign == "x" else value / _figure(tokens)
    return value


def _figure(tokens: Tokens) -> float:
    number, unit, _, bracket, _ = tokens.popleft()
    if bracket != "(":
        return float(number.replace(",", "")) * AS_MANY[unit]
    value = _sum(tokens)
    assert tokens.popleft()[3] == ")"
    return value
