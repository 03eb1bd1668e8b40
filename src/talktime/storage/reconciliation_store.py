"""Where what a provider says and what is written here differ. People look at it; nothing is credited by it."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.reconciliation.c


class Item(Struct, frozen=True):
    org_id: int
    item_id: str
    once: str
    top_up: str | None
    reason: str
    details: str
    """As JSON."""
    at: int
    closed_at: int | None = None


_COLUMNS = [t.reconciliation.c[name] for name in Item.__struct_fields__]


def add(tx: Tx, item: Item) -> bool:
    """False: it is known."""
    if tx.scalar(select(c.item_id).where(c.org_id == item.org_id, c.once == item.once)) is not None:
        return False
    tx.execute(insert(t.reconciliation), {name: getattr(item, name) for name in item.__struct_fields__})
    return True


def find(tx: ReadTx, org_id: int, item_id: str) -> Item | None:
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id, c.item_id == item_id)).first()
    return Item(*row) if row else None


def close(tx: Tx, org_id: int, item_id: str, at: int) -> None:
    tx.execute(update(t.reconciliation).where(c.org_id == org_id, c.item_id == item_id).values(closed_at=at))
