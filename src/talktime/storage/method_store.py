"""Cards as we know them: never by their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.payment_methods.c
WAITING, ACTIVE, REMOVED = "waiting", "active", "removed"


class Method(Struct, frozen=True, kw_only=True):
    org_id: int
    method_id: str
    provider: str
    state: str
    """Waiting: its hosted page is not filled in yet."""
    brand: str
    last4: str
    expires: str | None
    reference: str
    """As JSON: the provider's names for the card, or of the page that is to be filled in."""
    is_default: bool
    created_at: int

    @property
    def names(self) -> Mapping[str, str]:
        return msgspec.json.decode(self.reference, type=dict[str, str])

    @property
    def label(self) -> str:
        return f"{self.brand} **** {self.last4}"


_COLUMNS = [t.payment_methods.c[name] for name in Method.__struct_fields__]


def find(tx: ReadTx, org_id: int, method_id: str) -> Method | None:
    """Also one that was removed: payments name it."""
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id, c.method_id == method_id)).first()
    return _method(row) if row else None


def default(tx: ReadTx, org_id: int) -> Method | None:
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id, c.is_default)).first()
    return _method(row) if row else None


def active(tx: ReadTx, org_id: int) -> list[Method]:
    """Oldest first."""
    found = select(*_COLUMNS).where(c.org_id == org_id, c.state == ACTIVE)
    return [_method(row) for row in tx.execute(found.order_by(c.method_id))]


def waiting(tx: ReadTx, org_id: int) -> list[Method]:
    found = select(*_COLUMNS).where(c.org_id == org_id, c.state == WAITING)
    return [_method(row) for row in tx.execute(found.order_by(c.method_id))]


def add(tx: Tx, method: Method) -> None:
    tx.execute(insert(t.payment_methods), {name: getattr(method, name) for name in method.__struct_fields__})


def change(tx: Tx, org_id: int, method_id: str, **values: Any) -> None:
    tx.execute(update(t.payment_methods).where(c.org_id == org_id, c.method_id == method_id).values(values))


def make_default(tx: Tx, org_id: int, method_id: str | None) -> None:
    """None: nobody is, any more."""
    tx.execute(update(t.payment_methods).where(c.org_id == org_id, c.is_default).values(is_default=False))
    if method_id is not None:
        change(tx, org_id, method_id, is_default=True)


def _method(row: Any) -> Method:
    return Method(**{**row._mapping, "is_default": bool(row.is_default)})


def all_waiting(tx: ReadTx, limit: int) -> list[tuple[int, str]]:
    """Hosted pages that nobody came back from. Spans organizations."""
    found = select(c.org_id, c.method_id).where(c.state == WAITING).order_by(c.method_id).limit(limit)
    return [(row.org_id, row.method_id) for row in tx.execute(found)]


def providers(tx: ReadTx) -> Sequence[str]:
    """Who has ever kept a card for anybody. Spans organizations."""
    return tx.scalars(select(c.provider).distinct().order_by(c.provider)).all()


def expiring(tx: ReadTx, month: str, after: str, limit: int) -> list[Method]:
    """Cards that end by this month, as in `2031-04`. Spans organizations."""
    found = select(*_COLUMNS).where(c.state == ACTIVE, c.expires <= month, c.method_id > after)
    found = found.order_by(c.method_id).limit(limit)
    return [_method(row) for row in tx.execute(found)]
