"""How large the pools of an organization are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from talktime.core.pool_sizes import PoolRow
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

p = t.pools.c
_COLUMNS = [t.pools.c[name] for name in PoolRow.__struct_fields__]


def of_organization(tx: ReadTx, org_id: int) -> Sequence[PoolRow]:
    rows = tx.execute(select(*_COLUMNS).where(p.org_id == org_id).order_by(p.pool_id))
    return [PoolRow(*row) for row in rows]


def find(tx: ReadTx, org_id: int, pool_id: str) -> PoolRow | None:
    row = tx.execute(select(*_COLUMNS).where(p.org_id == org_id, p.pool_id == pool_id)).first()
    return PoolRow(*row) if row else None


def add(tx: Tx, org_id: int, rows: Sequence[PoolRow]) -> None:
    tx.execute(insert(t.pools), [_values(row) | {"org_id": org_id} for row in rows])


def change(tx: Tx, org_id: int, rows: Sequence[PoolRow]) -> None:
    changed = update(t.pools).where(p.org_id == org_id, p.pool_id == bindparam("its_id"))
    values: dict[str, Any] = {name: bindparam(name) for name in PoolRow.__struct_fields__ if name != "pool_id"}
    tx.execute(changed.values(values), [_values(row) | {"its_id": row.pool_id} for row in rows])


def _values(row: PoolRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__struct_fields__}
