"""Pools of a month as the engine reads and moves them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from talktime.core.pool_book import MovedPool, PoolKey, PoolMonth
from talktime.core.pool_minutes import PoolMinutes
from talktime.core.pools import effective

COLUMNS = """p.org_id, p.pool_id, k.month, p.first_total, p.second_total, p.first_high, p.second_high, p.month,
m.first_used, m.first_held, m.second_used, m.second_held"""
NO_END = 1 << 62


def pools_of(rows: Iterable[Sequence[Any]]) -> dict[PoolKey, PoolMonth]:
    return {(row[0], row[1], row[2]): _pool_month(*row[2:]) for row in rows}


def _pool_month(
    this_month: str, first: int, second: int, first_high: int, second_high: int, month: str, *counted: int | None
) -> PoolMonth:
    first_used, first_held, second_used, second_held = (one or 0 for one in counted)
    return PoolMonth(
        PoolMinutes(effective(first, first_high, month, this_month), first_used, first_held),
        PoolMinutes(effective(second, second_high, month, this_month), second_used, second_held),
        counted[0] is not None,
    )


def judged(moved: MovedPool, locked: bool) -> tuple[int, int, int]:
    """What must still hold when it is written: the totals, and whether one cap closes both kinds.

    Under locks nothing can have changed since it was decided.
    """
    return (NO_END, NO_END, 0) if locked else (moved.first_total, moved.second_total, int(moved.whichever_first))


def steps(moved: MovedPool) -> tuple[int, int, int, int]:
    return moved.first_used, moved.first_held, moved.second_used, moved.second_held
