"""What was sent, and what did not arrive, as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, or_, select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.delivery_store import COLUMNS, PARKED, WAITING, WEBHOOK, DeliveryRow, delivery_row

d = t.deliveries.c
Place = tuple[int, int, int, str]
"""Parked or not, when, whose, which."""


def of_webhook(tx: ReadTx, org_id: int, webhook_id: str, limit: int, before: str | None) -> Sequence[DeliveryRow]:
    """Newest first."""
    query = select(*COLUMNS).where(d.org_id == org_id, d.channel == WEBHOOK, d.target == webhook_id)
    if before is not None:
        query = query.where(d.delivery_id < before)
    return [delivery_row(row) for row in tx.execute(query.order_by(d.delivery_id.desc()).limit(limit))]


def of_notices(tx: ReadTx, org_id: int, notice_ids: Sequence[str]) -> Sequence[DeliveryRow]:
    """What was made of them."""
    query = select(*COLUMNS).where(d.org_id == org_id, d.notice_id.in_(notice_ids))
    return [delivery_row(row) for row in tx.execute(query)]


def everywhere(tx: ReadTx, state: str | None, limit: int, before: Place | None) -> Sequence[DeliveryRow]:
    """Of all organizations: what has not arrived, parked ones first, or those in one state; newest first."""
    wanted = d.state == state if state else d.state.in_((PARKED, WAITING))
    query = select(*COLUMNS).where(wanted)
    parked = case((d.state == PARKED, 1), else_=0)
    order = (parked, d.created_at, d.org_id, d.delivery_id)
    if before is not None:
        query = query.where(_follows(order, before))
    return [delivery_row(row) for row in tx.execute(query.order_by(*(one.desc() for one in order)).limit(limit))]


def _follows(order: Sequence[ColumnElement[Any]], place: Place) -> ColumnElement[bool]:
    """Comes after it: smaller in the first of them that differs."""
    found: ColumnElement[bool] = false()
    for column, value in reversed(list(zip(order, place, strict=True))):
        found = or_(column < value, and_(column == value, found))
    return found


def place_of(row: DeliveryRow) -> Place:
    return int(row.state == PARKED), row.created_at, row.org_id, row.delivery_id
