"""Users, the names they are known by, and the licences that were bought and assigned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, delete, insert, or_, select, update

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
    policy: str | None = None
    """None: the organization's."""
    blocked_at: int | None = None
    block_reason: str | None = None
    removed_at: int | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        return msgspec.json.decode(self.licences, type=tuple[str, ...])

    @property
    def known_as(self) -> tuple[str, ...]:
        """Who was removed has left his names to others."""
        names = () if self.removed_at else (self.user_id, self.sign_in_name, self.number)
        return tuple(name for name in names if name)


class Owned(Struct, frozen=True):
    code: str
    purchased: int | None
    assigned: int


_COLUMNS = [t.users.c[name] for name in UserRow.__struct_fields__]


def find(tx: ReadTx, org_id: int, user_id: str) -> UserRow | None:
    there = select(*_COLUMNS).where(u.org_id == org_id, u.user_id == user_id, u.removed_at.is_(None))
    row = tx.execute(there).first()
    return UserRow(*row) if row else None


def of_organization(tx: ReadTx, org_id: int) -> Sequence[UserRow]:
    """All that there are."""
    there = select(*_COLUMNS).where(u.org_id == org_id, u.removed_at.is_(None)).order_by(u.user_id)
    return [UserRow(*row) for row in tx.execute(there)]


def owner_of(tx: ReadTx, org_id: int, name: str) -> str | None:
    """Who is known by this id, sign-in name or number."""
    return tx.scalar(select(n.user_id).where(n.org_id == org_id, n.name == name))


def add(tx: Tx, org_id: int, users: Sequence[UserRow]) -> None:
    tx.execute(insert(t.users), [_values(user) | {"org_id": org_id} for user in users])
    know(tx, org_id, users)


def change(tx: Tx, org_id: int, users: Sequence[UserRow]) -> None:
    """All but whether they are blocked, which may happen at any moment."""
    changed = update(t.users).where(u.org_id == org_id, u.user_id == bindparam("its_id"))
    kept = ("user_id", "blocked_at", "block_reason")
    values: dict[str, Any] = {name: bindparam(name) for name in UserRow.__struct_fields__ if name not in kept}
    tx.execute(changed.values(values), [_values(user) | {"its_id": user.user_id} for user in users])


def block(tx: Tx, org_id: int, user_id: str, at: int, reason: str) -> bool:
    """False: is blocked already."""
    there = update(t.users).where(u.org_id == org_id, u.user_id == user_id, u.blocked_at.is_(None))
    return tx.execute(there.values(blocked_at=at, block_reason=reason)).rowcount == 1


def unblock(tx: Tx, org_id: int, user_id: str) -> bool:
    there = update(t.users).where(u.org_id == org_id, u.user_id == user_id, u.blocked_at.is_not(None))
    return tx.execute(there.values(blocked_at=None, block_reason=None)).rowcount == 1


def know(tx: Tx, org_id: int, users: Sequence[UserRow]) -> None:
    """By their names, which nobody else has."""
    known = [(name, user.user_id) for user in users for name in user.known_as]
    if known:
        rows = [{"org_id": org_id, "name": name, "user_id": user_id} for name, user_id in sorted(known)]
        tx.execute(insert(t.user_names), rows)


def forget(tx: Tx, org_id: int, users: Sequence[UserRow]) -> None:
    known = [{"known": name} for user in users for name in user.known_as]
    if known:
        tx.execute(delete(t.user_names).where(n.org_id == org_id, n.name == bindparam("known")), known)


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


def count(tx: Tx, org_id: int, code: str, more: int) -> None:
    """So many more are assigned; one that nobody ever bought is there in any number."""
    changed = update(t.licences).where(q.org_id == org_id, q.code == code).values(assigned=q.assigned + more)
    if tx.execute(changed).rowcount == 0:
        tx.execute(insert(t.licences), {"org_id": org_id, "code": code, "purchased": None, "assigned": more})


def organizations_with(tx: ReadTx, codes: Sequence[str]) -> Mapping[int, Sequence[str]]:
    """Who bought or assigned one of these, and which. Spans all organizations."""
    there = select(q.org_id, q.code).where(
        q.code.in_(codes), or_(q.purchased.is_(None), q.purchased > 0, q.assigned > 0)
    )
    found: dict[int, list[str]] = {}
    for org_id, code in tx.execute(there.order_by(q.org_id, q.code)):
        found.setdefault(org_id, []).append(code)
    return dict(found)
