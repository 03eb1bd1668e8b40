"""The switches that are known, for people."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.switch_store import SwitchRow, switch_row

s = t.switches.c


def page(tx: ReadTx, org_id: int, limit: int, after: str | None) -> Sequence[SwitchRow]:
    """By name."""
    query = select(t.switches).where(s.org_id == org_id)
    if after is not None:
        query = query.where(s.name > after)
    return [switch_row(row) for row in tx.execute(query.order_by(s.name).limit(limit))]
