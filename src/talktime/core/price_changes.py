"""Two price lists side by side: what becomes dearer and what cheaper, what comes and what goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from talktime.core.money import round_half_up
from talktime.core.prices import PriceKind, Row


class Direction(StrEnum):
    DEARER = "dearer"
    CHEAPER = "cheaper"
    OTHERWISE = "otherwise"
    """Another name, other increments or other windows at the same price."""
    UNCHANGED = "unchanged"
    ADDED = "added"
    REMOVED = "removed"


class Change(NamedTuple):
    old: Row
    new: Row

    @property
    def direction(self) -> Direction:
        before, after = ((row.per_minute, row.connection_fee) for row in self)
        if before == after:
            return Direction.OTHERWISE
        return Direction.DEARER if after > before else Direction.CHEAPER

    @property
    def percent_hundredths(self) -> int | None:
        """By how much a minute changes; None when it was free."""
        old, new = self.old.per_minute, self.new.per_minute
        if old == 0:
            return 0 if new == 0 else None
        size = round_half_up(10_000 * abs(new - old), old)
        return size if new >= old else -size

    @property
    def fields(self) -> list[str]:
        """What is another."""
        return [name for name in Row.__struct_fields__ if getattr(self.old, name) != getattr(self.new, name)]


class Difference(NamedTuple):
    """Rows are the same row when prefix, kind and valid_from are. The largest changes come first."""

    added: list[Row]
    removed: list[Row]
    changed: list[Change]
    unchanged: list[Row]


def compare(old: Iterable[Row], new: Iterable[Row]) -> Difference:
    before = {_key(row): row for row in old}
    after = {_key(row): row for row in new}
    both = [Change(before[key], row) for key, row in after.items() if key in before]
    return Difference(
        [row for key, row in after.items() if key not in before],
        [row for key, row in before.items() if key not in after],
        sorted([change for change in both if change.old != change.new], key=_largest_first),
        [change.new for change in both if change.old == change.new],
    )


def _key(row: Row) -> tuple[str, PriceKind, int]:
    return row.prefix, row.kind, row.valid_from


def _largest_first(change: Change) -> tuple[bool, int, str]:
    """What was free and is not comes before all."""
    percent = change.percent_hundredths
    return percent is not None, -abs(percent or 0), change.new.prefix


Totals = dict[Direction, int]


class Summary(NamedTuple):
    totals: Totals
    by_kind: dict[PriceKind, Totals]
    largest_rise: int | None
    """In hundredths of a per cent; None when nothing that had a price became dearer by the minute."""
    largest_fall: int | None
    destinations_added: list[str]
    destinations_removed: list[str]


def summary(difference: Difference) -> Summary:
    moved = _directions(difference)
    percents = [percent for change in difference.changed if (percent := change.percent_hundredths)]
    here, there = _destinations(difference)
    return Summary(
        _totals(direction for _, direction in moved),
        {kind: _totals(direction for row, direction in moved if row.kind is kind) for kind in PriceKind},
        max((percent for percent in percents if percent > 0), default=None),
        min((percent for percent in percents if percent < 0), default=None),
        sorted(there - here),
        sorted(here - there),
    )


def _directions(difference: Difference) -> Sequence[tuple[Row, Direction]]:
    added, removed, changed, unchanged = difference
    return [
        *((row, Direction.ADDED) for row in added),
        *((row, Direction.REMOVED) for row in removed),
        *((change.new, change.direction) for change in changed),
        *((row, Direction.UNCHANGED) for row in unchanged),
    ]


def _totals(directions: Iterable[Direction]) -> Totals:
    counted = Counter(directions)
    return {direction: counted[direction] for direction in Direction}


def _destinations(difference: Difference) -> tuple[set[str], set[str]]:
    """By name, in the one list and in the other; a row without a name is nobody's."""
    added, removed, changed, unchanged = difference
    stays = {row.destination for row in unchanged}
    here = stays | {row.destination for row in removed} | {change.old.destination for change in changed}
    there = stays | {row.destination for row in added} | {change.new.destination for change in changed}
    return here - {""}, there - {""}
