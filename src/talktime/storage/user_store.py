"""Users, the names they are known by, and the licences that were bought and assigned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import delete, insert, or_, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

u, n, q = t.users.c, t.user_names.c, t.licences.c


class UserRow(Struct, frozen=True):
    user_id: str
    name: str
    sign_in_name: str
    usage_location: str
    number: str | None
    kind: str
    language: str
    licences: str
    """A list of codes, as JSON."""
    created_at: int

    @property
    def codes(self) -> tuple[str, ...]:
        return msgspec.json.decode(self.licences, type=tuple[str, ...])

    @property
    def known_as(self) -> tuple[str, ...]:
        return tuple(name for name in (self.user_id, self.sign_in_name, self.number) if name)


class Owned(Struct, frozen=True):
    code: str
    purchased: int | None
    assigned: int


_COLUMNS = [t.users.c[name] for name in UserRow.__struct_fields__]


def find(tx: ReadTx, org_id: int, user_id: str) -> UserRow | None:
    row = tx.execute(select(*_COLUMNS).where(u.org_id == org_id, u.user_id == user_id)).first()
    return UserRow(*row) if row else None


def owner_of(tx: ReadTx, org_id: int, name: str) -> str | None:
    """Who is known by this id, sign-in name or number."""
    return tx.scalar(select(n.user_id).where(n.org_id == org_id, n.name == name))


def add(tx: Tx, org_id: int, user: UserRow) -> None:
    tx.execute(insert(t.users), _values(user) | {"org_id": org_id})
    _know(tx, org_id, user)


def change(tx: Tx, org_id: int, old: UserRow, new: UserRow) -> None:
    tx.execute(update(t.users).where(u.org_id == org_id, u.user_id == new.user_id).values(**_values(new)))
    if old.known_as != new.known_as:
        _forget(tx, org_id, old)
        _know(tx, org_id, new)


def remove(tx: Tx, org_id: int, user: UserRow) -> None:
    _forget(tx, org_id, user)
    tx.execute(delete(t.users).where(u.org_id == org_id, u.user_id == user.user_id))


def _know(tx: Tx, org_id: int, user: UserRow) -> None:
    known = [{"org_id": org_id, "name": name, "user_id": user.user_id} for name in sorted(user.known_as)]
    tx.execute(insert(t.user_names), known)


def _forget(tx: Tx, org_id: int, user: UserRow) -> None:
    tx.execute(delete(t.user_names).where(n.org_id == org_id, n.name.in_(user.known_as)))


def _values(user: UserRow) -> dict[str, Any]:
    return {name: getattr(user, name) for name in user.__struct_fields__}


def owned(tx: ReadTx, org_id: int) -> Sequence[Owned]:
    query = select(q.code, q.purchased, q.assigned).where(q.org_id == org_id).order_by(q.code)
    return [Owned(*row) for row in tx.execute(query)]


def own(tx: Tx, org_id: int, code: str, purchased: int | None) -> None:
    """So many from now on; None: without end."""
    changed = update(t.licences).where(q.org_id == org_id, q.code == code).values(purchased=purchased)
    if tx.execute(changed).rowcount == 0:
        tx.execute(insert(t.licences), {"org_id": org_id, "code": code, "purchased": purchased})


def assign(tx: Tx, org_id: int, code: str) -> bool:
    """False: none is left."""
    left = or_(q.purchased.is_(None), q.assigned < q.purchased)
    taken = update(t.licences).where(q.org_id == org_id, q.code == code, left).values(assigned=q.assigned + 1)
    return tx.execute(taken).rowcount == 1


def give_back(tx: Tx, org_id: int, codes: Iterable[str]) -> None:
    for code in sorted(codes):
        back = update(t.licences).where(q.org_id == org_id, q.code == code)
        tx.execute(back.values(assigned=q.assigned - 1))
