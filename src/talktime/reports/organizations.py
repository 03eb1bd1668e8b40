"""Organizations as the operator reads them."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, func, or_, select

from talktime.core.ids import org_number
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.org_store import Organization

o, a = t.organizations.c, t.accounts.c
# Both databases know the capitals of ASCII, and only those.
_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
_COLUMNS = [t.organizations.c[name] for name in Organization.__struct_fields__]


class Line(Struct, frozen=True):
    """One of them, with its money."""

    org: Organization
    posted: int
    held: int

    @property
    def available(self) -> int:
        return self.posted - self.held


class Wanted(Struct, frozen=True):
    """Which organizations; what is None does not matter."""

    part: str | None = None
    """Of a name, or a whole id."""
    state: str | None = None
    mode: str | None = None


def page(tx: ReadTx, limit: int, after: int | None) -> Sequence[Organization]:
    """Of all of them, in the order in which they came."""
    query = select(*_COLUMNS).where(o.org_id > (after or 0)).order_by(o.org_id).limit(limit)
    return [Organization(*row) for row in tx.execute(query)]


def with_money(tx: ReadTx, wanted: Wanted, limit: int, after: int | None) -> Sequence[Line]:
    """The same with their balances, those that are looked for. Spans organizations."""
    query = select(*_COLUMNS, a.posted_micros, a.held_micros).join(t.accounts, a.org_id == o.org_id)
    query = _narrowed(query.where(o.org_id > (after or 0)), wanted)
    rows = tx.execute(query.order_by(o.org_id).limit(limit))
    return [Line(Organization(*row[:-2]), row.posted_micros, row.held_micros) for row in rows]


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.part is not None:
        named = func.lower(o.name).contains(wanted.part.translate(_SMALL), autoescape=True)
        query = query.where(or_(named, o.org_id == (org_number(wanted.part) or 0)))
    if wanted.state is not None:
        query = query.where(o.state == wanted.state)
    if wanted.mode is not None:
        query = query.where(o.mode == wanted.mode)
    return query


def these(tx: ReadTx, org_ids: Sequence[int]) -> dict[int, Organization]:
    """By their numbers, for lists over organizations."""
    rows = tx.execute(select(*_COLUMNS).where(o.org_id.in_(org_ids))) if org_ids else ()
    return {row.org_id: Organization(*row) for row in rows}
