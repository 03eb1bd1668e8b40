"""Pools of included minutes and what is left of them this month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, or_, select

from talktime.core.catalogue import Catalogue
from talktime.core.licence_terms import PoolKind
from talktime.core.pool_minutes import PoolMinutes
from talktime.storage import tables as t
from talktime.storage.database import ReadTx

p, m = t.pools.c, t.pool_months.c
Place = tuple[str, int]
"""Of a line: the pool, and which of its kinds of minutes."""


class PoolLine(Struct, frozen=True):
    pool_id: str
    place: int
    capability: str
    kind: PoolKind
    country: str | None
    user_id: str | None
    minutes: PoolMinutes


class _Row(Struct, frozen=True):
    pool_id: str
    capability: str
    country: str | None
    user_id: str | None
    month: str
    totals: tuple[int, int]
    highs: tuple[int, int]
    used: tuple[int | None, int | None]
    held: tuple[int | None, int | None]

    def minutes(self, place: int, month: str) -> PoolMinutes:
        """Within its month a pool only grows: `high` is the most it was in that one."""
        high = self.highs[place] if self.month == month else 0
        return PoolMinutes(max(high, self.totals[place]), self.used[place] or 0, self.held[place] or 0)


def page(
    tx: ReadTx, org_id: int, catalogue: Catalogue, month: str, limit: int, after: Place | None
) -> Sequence[PoolLine]:
    """By pool; lines in which there never was a minute are left out."""
    # Each pool has a line at least, and the first one may be on the page before.
    rows = [_row(row) for row in tx.execute(_of_month(org_id, month, after).limit(limit + 1))]
    lines = [line for row in rows for line in _lines(catalogue, row, month)]
    return [line for line in lines if after is None or (line.pool_id, line.place) > after][:limit]


def _of_month(org_id: int, month: str, after: Place | None) -> Select[Any]:
    now = t.pools.outerjoin(t.pool_months, and_(m.org_id == p.org_id, m.pool_id == p.pool_id, m.month == month))
    sizes = (p.first_total, p.second_total, p.first_high, p.second_high)
    spent = (m.first_used, m.second_used, m.first_held, m.second_held)
    columns = (p.pool_id, p.capability, p.country, p.user_id, p.month, *sizes, *spent)
    there = or_(*(one > 0 for one in (p.first_total, p.second_total, *spent)), and_(p.month == month, _had_minutes()))
    query = select(*columns).select_from(now).where(p.org_id == org_id, there)
    return query.where(p.pool_id >= (after[0] if after else "")).order_by(p.pool_id)


def _had_minutes() -> ColumnElement[bool]:
    return or_(p.first_high > 0, p.second_high > 0)


def _row(row: Sequence[Any]) -> _Row:
    pool_id, capability, country, user_id, month, *numbers = row
    sizes, highs, used, held = (tuple(numbers[first : first + 2]) for first in range(0, 8, 2))
    return _Row(pool_id, capability, country, user_id, month, sizes, highs, used, held)


def _lines(catalogue: Catalogue, row: _Row, month: str) -> Iterator[PoolLine]:
    for place, kind in enumerate(_kinds(catalogue, row.capability)):
        minutes = row.minutes(place, month)
        if minutes.total or minutes.used or minutes.held:
            yield PoolLine(row.pool_id, place, row.capability, kind, row.country, row.user_id, minutes)


def _kinds(catalogue: Catalogue, capability: str) -> tuple[PoolKind, PoolKind]:
    """A pool has conference or domestic minutes first, international ones second."""
    in_meetings = any(PoolKind.CONFERENCE in licence.minutes for licence in catalogue.meant_by(capability))
    return PoolKind.CONFERENCE if in_meetings else PoolKind.DOMESTIC, PoolKind.INTERNATIONAL
