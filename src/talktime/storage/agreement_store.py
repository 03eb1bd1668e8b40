"""Agreement numbers that invoices can be paid on."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import delete, insert, select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.agreements.c


class Agreement(Struct, frozen=True):
    org_id: int
    agreement_id: str
    number: str
    created_at: int


_COLUMNS = [t.agreements.c[name] for name in Agreement.__struct_fields__]


def find(tx: ReadTx, org_id: int, agreement_id: str) -> Agreement | None:
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id, c.agreement_id == agreement_id)).first()
    return Agreement(*row) if row else None


def numbered(tx: ReadTx, org_id: int, number: str) -> Agreement | None:
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id, c.number == number)).first()
    return Agreement(*row) if row else None


def add(tx: Tx, agreement: Agreement) -> None:
    tx.execute(insert(t.agreements), {name: getattr(agreement, name) for name in agreement.__struct_fields__})


def remove(tx: Tx, org_id: int, agreement_id: str) -> None:
    tx.execute(delete(t.agreements).where(c.org_id == org_id, c.agreement_id == agreement_id))
