"""Who was blocked and unblocked, and why: only added to."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import insert, select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

b = t.user_blocks.c


class BlockRow(Struct, frozen=True):
    block_id: str
    at: int
    user_id: str
    mode: str
    reason: str
    by: str


_COLUMNS = [t.user_blocks.c[name] for name in BlockRow.__struct_fields__]


def add(tx: Tx, org_id: int, row: BlockRow) -> None:
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    tx.execute(insert(t.user_blocks), values | {"org_id": org_id})


def of_user(tx: ReadTx, org_id: int, user_id: str) -> Sequence[BlockRow]:
    """In the order in which it happened."""
    query = select(*_COLUMNS).where(b.org_id == org_id, b.user_id == user_id).order_by(b.block_id)
    return [BlockRow(*row) for row in tx.execute(query)]
