"""Levels that a balance falls through: each is told once, and again after it was above in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from talktime.core.money import decimal


class Fall(NamedTuple):
    """One movement of a balance downwards."""

    before: int
    after: int


def fallen_through(fall: Fall, levels: Sequence[int]) -> list[int]:
    """A balance is low when it is below a level, strictly, as with the trigger of auto-recharge."""
    return [level for level in levels if fall.after < level <= fall.before]


def events(fall: Fall, levels: Sequence[int]) -> list[tuple[str, dict[str, str]]]:
    """What people hear of: events with their details."""
    balance = {"balance": decimal(fall.after)}
    told = [("balance_low", {"level": decimal(level), **balance}) for level in fallen_through(fall, levels)]
    if fall.after <= 0 < fall.before:
        told.append(("balance_zero", balance))
    if fall.after < 0 <= fall.before:
        told.append(("balance_negative", balance))
    return told


def wakes_below(trigger: int | None, levels: Sequence[int]) -> int:
    """No balance at or above it is anybody's business; one micro is where zero begins."""
    return max(1, trigger or 0, *levels)
