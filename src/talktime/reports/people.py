"""Users as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase, ascii_uppercase

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, func, or_, select

from talktime.core.licence_terms import Ability
from talktime.storage import knowledge_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.user_store import UserRow

u, n = t.users.c, t.user_names.c
_COLUMNS = [t.users.c[name] for name in UserRow.__struct_fields__]
SEARCHED = (u.name, u.sign_in_name, u.number)
# Both databases know the capitals of ASCII, and only those.
_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)


class Wanted(Struct, frozen=True):
    """Which users; what is None does not matter."""

    part: str | None = None
    """Of a name, a sign-in name or a number."""
    location: str | None = None
    licence: str | None = None
    blocked: bool | None = None
    kind: str | None = None


ALL = Wanted()


def page(tx: ReadTx, org_id: int, limit: int, after: str | None, wanted: Wanted = ALL) -> Sequence[UserRow]:
    """In the order in which they came."""
    query = select(*_COLUMNS).where(u.org_id == org_id, u.user_id > (after or ""), u.removed_at.is_(None))
    query = query.where(*_conditions(wanted))
    return [UserRow(*row) for row in tx.execute(query.order_by(u.user_id).limit(limit))]


def names_of(tx: ReadTx, org_id: int, user_ids: Sequence[str]) -> dict[str, str]:
    """Also of those who were removed."""
    query = select(u.user_id, u.name).where(u.org_id == org_id, u.user_id.in_(user_ids))
    return {row.user_id: row.name for row in tx.execute(query)}


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.part is not None:
        part = wanted.part.translate(_SMALL)
        found.append(or_(*(func.lower(column).contains(part, autoescape=True) for column in SEARCHED)))
    if wanted.location is not None:
        found.append(u.usage_location == wanted.location)
    if wanted.licence is not None:
        found.append(u.licences.contains(f'"{wanted.licence}"', autoescape=True))
    if wanted.blocked is not None:
        found.append(u.blocked_at.is_not(None) if wanted.blocked else u.blocked_at.is_(None))
    if wanted.kind is not None:
        found.append(u.kind == wanted.kind)
    return found


class Named(Struct, frozen=True):
    user_id: str
    name: str


def by_names(tx: ReadTx, org_id: int, names: Sequence[str]) -> Mapping[str, Named]:
    """Whoever is meant by an id, a sign-in name or a number; of those who were removed only by their ids."""
    if not names:
        return {}
    owners = t.user_names.join(t.users, and_(u.org_id == n.org_id, u.user_id == n.user_id))
    known = select(n.name, u.user_id, u.name).select_from(owners).where(n.org_id == org_id, n.name.in_(names))
    there = select(u.user_id, u.user_id, u.name).where(u.org_id == org_id, u.user_id.in_(names))
    found = [*tx.execute(known), *tx.execute(there)]
    return {name: Named(user_id, told) for name, user_id, told in found}


def strangers(tx: ReadTx, org_id: int, names: Sequence[str]) -> list[str]:
    """Which of these names nobody is known by: no id, sign-in name or number."""
    known = set(tx.scalars(select(n.name).where(n.org_id == org_id, n.name.in_(names))))
    return [name for name in names if name not in known]


class Allowed(Struct, frozen=True):
    """What licences let somebody do: the names of those that decide."""

    meetings: str | None
    """Dialling out from meetings that he organizes."""
    calls: str | None
    has_phone_system: bool
    """Without it no plan lets him call."""
    credits: bool
    """Whether communication credits pay what no minutes cover."""


def allowed(tx: ReadTx, codes: Sequence[str]) -> Allowed:
    catalogue = knowledge_store.catalogue(tx)
    rights = catalogue.rights(tuple(codes))
    has_system = Ability.PHONE_SYSTEM in catalogue.abilities(codes)
    names = [one.name if one else None for one in (rights.meetings, rights.calls)]
    return Allowed(names[0], names[1], has_system, rights.credits)
