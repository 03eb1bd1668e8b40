"""Users and their licences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talktime.actions import audit, pool_sizes, roster
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.actions.organizations import locked
from talktime.actions.roster import Change
from talktime.core.countries import is_country
from talktime.core.phone import is_usable
from talktime.storage import knowledge_store, number_store, user_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.org_store import Organization
from talktime.storage.user_store import Owned, UserRow

UNIQUE = ("sign_in_name", "number")
TOLD = ("name", "sign_in_name", "usage_location", "number", "kind", "language")


def found(tx: ReadTx, org_id: int, user_id: str) -> UserRow:
    user = user_store.find(tx, org_id, user_id)
    if user is None:
        raise NotFound
    return user


def everybody(tx: ReadTx, org_id: int) -> Sequence[UserRow]:
    return user_store.of_organization(tx, org_id)


def create(tx: Tx, org_id: int, user: UserRow, actor: Actor) -> UserRow:
    org = locked(tx, org_id)
    _check(tx, org_id, user)

    roster.write(tx, org, [Change(None, user)], actor)
    audit.note(tx, org_id, actor, "user.created", user.user_id, None, told(user))
    return user


def change(tx: Tx, org_id: int, user_id: str, values: Mapping[str, Any], actor: Actor) -> UserRow:
    """`values` holds what is to be another."""
    org = locked(tx, org_id)
    old = found(tx, org_id, user_id)
    new = replace(old, **values)
    _check(tx, org_id, new)

    roster.write(tx, org, [Change(old, new)], actor)
    audit.note(tx, org_id, actor, "user.changed", user_id, told(old), told(new))
    return new


def remove(tx: Tx, org_id: int, user_id: str, actor: Actor) -> None:
    """Names and licences are free again; reports of what was before still know who it was."""
    org = locked(tx, org_id)
    old = found(tx, org_id, user_id)
    gone = replace(old, removed_at=org.now(actor.now), licences=coded(()))

    roster.write(tx, org, [Change(old, gone)], actor)
    audit.note(tx, org_id, actor, "user.removed", user_id, told(old), None)


def set_policy(tx: Tx, org_id: int, user_id: str, policy: str | None, actor: Actor) -> UserRow:
    """None: the organization's."""
    org = locked(tx, org_id)
    old = found(tx, org_id, user_id)
    new = replace(old, policy=policy)

    roster.write(tx, org, [Change(old, new)], actor)
    policies = {"policy": old.policy}, {"policy": new.policy}
    audit.note(tx, org_id, actor, "user.policy_changed", user_id, *policies)
    return new


def _check(tx: ReadTx, org_id: int, user: UserRow) -> None:
    if not is_country(user.usage_location):
        raise Invalid("unknown_country", "usage_location")
    if user.number is not None and not is_usable(user.number):
        raise Invalid("invalid_number", "number")
    for field in UNIQUE:
        name = getattr(user, field)
        if name is not None and user_store.owner_of(tx, org_id, name) not in (None, user.user_id):
            raise StateConflict("already_used", field)
    if user.number is not None and number_store.has(tx, org_id, user.number):
        raise StateConflict("already_used", "number")


def assign(tx: Tx, org_id: int, user_id: str, codes: Sequence[str], actor: Actor) -> UserRow:
    """These and no others."""
    org = locked(tx, org_id)
    old = found(tx, org_id, user_id)
    check_codes(tx, codes, "")
    new = replace(old, licences=coded(codes))

    take_licences(tx, org, [Change(old, new)], actor)
    return new


def take_licences(tx: Tx, org: Organization, changes: Sequence[Change], actor: Actor) -> None:
    for _, code in roster.shortages(tx, org.org_id, changes):
        raise StateConflict("no_licence_left", code)
    roster.write(tx, org, changes, actor)
    for old, new in changes:
        before = list(old.codes) if old else []
        audit.note(tx, org.org_id, actor, "user.licences_changed", new.user_id, before, list(new.codes))


def check_codes(tx: ReadTx, codes: Sequence[str], field: str) -> None:
    catalogue = knowledge_store.catalogue(tx)
    for number, code in enumerate(codes):
        if code not in catalogue:
            raise Invalid("unknown_licence", f"{field}[{number}]", licence=code)


def own(tx: Tx, org_id: int, quantities: Mapping[str, int | None], actor: Actor) -> None:
    """So many of those named, from now on. Fewer than are assigned: nobody loses one, but none is left."""
    org = locked(tx, org_id)
    _check_quantities(tx, quantities)
    before = user_store.owned(tx, org_id)

    for code, purchased in sorted(quantities.items()):
        user_store.own(tx, org_id, code, purchased)
    pool_sizes.purchases_changed(tx, org, before, user_store.owned(tx, org_id), actor)
    old = {one.code: one.purchased for one in before}
    was = {code: old.get(code, 0) for code in quantities}
    audit.note(tx, org_id, actor, "licences.changed", "licences", was, dict(quantities))


def _check_quantities(tx: ReadTx, quantities: Mapping[str, int | None]) -> None:
    catalogue = knowledge_store.catalogue(tx)
    for code in quantities:
        if code not in catalogue:
            raise Invalid("unknown_licence", code, licence=code)
        if code in pool_sizes.unlimited(catalogue):
            raise Invalid("always_unlimited", code)


def owned(tx: ReadTx, org_id: int) -> Sequence[Owned]:
    """With those that are there in any number, assigned or not."""
    rows = user_store.owned(tx, org_id)
    known = {row.code for row in rows}
    endless = pool_sizes.unlimited(knowledge_store.catalogue(tx))
    return sorted([*rows, *(Owned(code, None, 0) for code in endless - known)], key=lambda row: row.code)


class Stock(Struct, frozen=True):
    """A licence of the catalogue, and what the organization has of it."""

    code: str
    name: str
    purchased: int | None
    """None: any number."""
    assigned: int
    is_owned: bool
    """Bought or assigned at some time."""
    is_sold: bool
    """Others are there in any number, always."""

    @property
    def free(self) -> int | None:
        return None if self.purchased is None else self.purchased - self.assigned


def stock(tx: ReadTx, org_id: int) -> list[Stock]:
    """All licences that there are, in the order of the catalogue."""
    catalogue = knowledge_store.catalogue(tx)
    endless, rows = pool_sizes.unlimited(catalogue), {row.code: row for row in user_store.owned(tx, org_id)}
    found = []
    for licence in catalogue:
        row = rows.get(licence.code, Owned(licence.code, None, 0))
        flags = licence.code in rows, licence.code not in endless
        found.append(Stock(row.code, licence.name, row.purchased, row.assigned, *flags))
    return found


def names_of_licences(tx: ReadTx) -> Mapping[str, str]:
    return {licence.code: licence.name for licence in knowledge_store.catalogue(tx)}


def coded(codes: Iterable[str]) -> str:
    """As a user's licences are kept."""
    return msgspec.json.encode(sorted(set(codes))).decode()


def told(user: UserRow) -> dict[str, Any]:
    return {name: getattr(user, name) for name in TOLD}
