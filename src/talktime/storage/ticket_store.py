"""What a link or a form may be used for, once; only digests are here."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import func, insert, select, text, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.tickets.c


class TicketRow(Struct, frozen=True):
    ticket_id: str
    digest: str
    kind: str
    member_id: str
    created_at: int
    ends_at: int
    used_at: int | None = None


COLUMNS = [t.tickets.c[name] for name in TicketRow.__struct_fields__]

_NAMES = ("org_id", *TicketRow.__struct_fields__)
# Both databases say it like this.
_ADD_ONCE = text(f"INSERT INTO tickets ({', '.join(_NAMES)}) VALUES (:{', :'.join(_NAMES)}) ON CONFLICT DO NOTHING")


def find(tx: ReadTx, org_id: int, ticket_id: str) -> TicketRow | None:
    row = tx.execute(select(*COLUMNS).where(c.org_id == org_id, c.ticket_id == ticket_id)).first()
    return TicketRow(*row) if row else None


def add(tx: Tx, org_id: int, row: TicketRow) -> None:
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    tx.execute(insert(t.tickets), values | {"org_id": org_id})


def add_once(tx: Tx, org_id: int, row: TicketRow) -> bool:
    """False: it is there already."""
    values = {name: getattr(row, name) for name in row.__struct_fields__} | {"org_id": org_id}
    return tx.execute(_ADD_ONCE, values).rowcount == 1


def use(tx: Tx, org_id: int, ticket_id: str, now: int) -> bool:
    """False: somebody was quicker."""
    mine = (c.org_id == org_id, c.ticket_id == ticket_id, c.used_at.is_(None))
    return tx.execute(update(t.tickets).where(*mine).values(used_at=now)).rowcount == 1


def use_all(tx: Tx, org_id: int, member_id: str, kind: str, now: int) -> None:
    """A newer one takes their place."""
    mine = (c.org_id == org_id, c.member_id == member_id, c.kind == kind, c.used_at.is_(None))
    tx.execute(update(t.tickets).where(*mine).values(used_at=now))


def newest(tx: ReadTx, org_id: int, member_id: str, kind: str) -> int | None:
    """When the last one of this kind was made."""
    mine = (c.org_id == org_id, c.member_id == member_id, c.kind == kind)
    found: int | None = tx.scalar(select(func.max(c.created_at)).where(*mine))
    return found
