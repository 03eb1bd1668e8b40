"""Service numbers: of bridges, attendants and queues."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import delete, insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

s = t.service_numbers.c


class ServiceNumber(Struct, frozen=True):
    number_id: str
    number: str
    type: str
    serves: str
    created_at: int


_COLUMNS = [t.service_numbers.c[name] for name in ServiceNumber.__struct_fields__]


def find(tx: ReadTx, org_id: int, number_id: str) -> ServiceNumber | None:
    row = tx.execute(select(*_COLUMNS).where(s.org_id == org_id, s.number_id == number_id)).first()
    return ServiceNumber(*row) if row else None


def has(tx: ReadTx, org_id: int, number: str) -> bool:
    return tx.scalar(select(s.number).where(s.org_id == org_id, s.number == number)) is not None


def numbers(tx: ReadTx, org_id: int) -> Sequence[str]:
    return tx.scalars(select(s.number).where(s.org_id == org_id)).all()


def add(tx: Tx, org_id: int, made: ServiceNumber) -> None:
    values = {name: getattr(made, name) for name in made.__struct_fields__}
    tx.execute(insert(t.service_numbers), values | {"org_id": org_id})


def change(tx: Tx, org_id: int, number: str, serves: str) -> None:
    tx.execute(update(t.service_numbers).where(s.org_id == org_id, s.number == number).values(serves=serves))


def remove(tx: Tx, org_id: int, number: str) -> None:
    tx.execute(delete(t.service_numbers).where(s.org_id == org_id, s.number == number))
