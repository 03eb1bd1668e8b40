"""Users and their licences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.actions.organizations import locked
from talktime.core.countries import is_country
from talktime.core.licences import UNLIMITED, is_licence
from talktime.core.phone import is_usable
from talktime.storage import user_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.user_store import Owned, UserRow

UNIQUE = ("sign_in_name", "number")


def found(tx: ReadTx, org_id: int, user_id: str) -> UserRow:
    user = user_store.find(tx, org_id, user_id)
    if user is None:
        raise NotFound
    return user


def create(tx: Tx, org_id: int, user: UserRow, actor: Actor) -> UserRow:
    locked(tx, org_id)
    _check(tx, org_id, user)

    user_store.add(tx, org_id, user)
    audit.note(tx, org_id, actor, "user.created", user.user_id, None, _told(user))
    return user


def change(tx: Tx, org_id: int, user_id: str, values: Mapping[str, Any], actor: Actor) -> UserRow:
    """`values` holds what is to be another."""
    locked(tx, org_id)
    old = found(tx, org_id, user_id)
    new = replace(old, **values)
    _check(tx, org_id, new)

    user_store.change(tx, org_id, old, new)
    audit.note(tx, org_id, actor, "user.changed", user_id, _told(old), _told(new))
    return new


def remove(tx: Tx, org_id: int, user_id: str, actor: Actor) -> None:
    """The licences are free again."""
    locked(tx, org_id)
    user = found(tx, org_id, user_id)

    user_store.give_back(tx, org_id, user.codes)
    user_store.remove(tx, org_id, user)
    audit.note(tx, org_id, actor, "user.removed", user_id, _told(user), None)


def _check(tx: ReadTx, org_id: int, user: UserRow) -> None:
    if not is_country(user.usage_location):
        raise Invalid("unknown_country", "usage_location")
    if user.number is not None and not is_usable(user.number):
        raise Invalid("invalid_number", "number")
    for field in UNIQUE:
        name = getattr(user, field)
        if name is not None and user_store.owner_of(tx, org_id, name) not in (None, user.user_id):
            raise StateConflict("already_used", field)


def assign(tx: Tx, org_id: int, user_id: str, codes: Sequence[str], actor: Actor) -> UserRow:
    """These and no others."""
    locked(tx, org_id)
    old = found(tx, org_id, user_id)
    _check_codes(codes)
    new = replace(old, licences=msgspec.json.encode(sorted(set(codes))).decode())

    user_store.give_back(tx, org_id, set(old.codes) - set(new.codes))
    for code in sorted(set(new.codes) - set(old.codes)):
        _assign_one(tx, org_id, code)
    user_store.change(tx, org_id, old, new)
    audit.note(tx, org_id, actor, "user.licences_changed", user_id, list(old.codes), list(new.codes))
    return new


def _check_codes(codes: Sequence[str]) -> None:
    for number, code in enumerate(codes):
        if not is_licence(code):
            raise Invalid("unknown_licence", f"[{number}]", licence=code)


def _assign_one(tx: Tx, org_id: int, code: str) -> None:
    if user_store.assign(tx, org_id, code):
        return
    if code not in UNLIMITED:
        raise StateConflict("no_licence_left", code)
    user_store.own(tx, org_id, code, None)
    user_store.assign(tx, org_id, code)


def own(tx: Tx, org_id: int, quantities: Mapping[str, int | None], actor: Actor) -> None:
    """So many of those named, from now on. Fewer than are assigned: nobody loses one, but none is left."""
    locked(tx, org_id)
    for code in quantities:
        if not is_licence(code):
            raise Invalid("unknown_licence", code, licence=code)
        if code in UNLIMITED:
            raise Invalid("always_unlimited", code)
    old = {one.code: one.purchased for one in user_store.owned(tx, org_id)}

    for code, purchased in sorted(quantities.items()):
        user_store.own(tx, org_id, code, purchased)
    before = {code: old.get(code, 0) for code in quantities}
    audit.note(tx, org_id, actor, "licences.changed", "licences", before, dict(quantities))


def owned(tx: ReadTx, org_id: int) -> Sequence[Owned]:
    """With those that are there in any number, assigned or not."""
    rows = user_store.owned(tx, org_id)
    known = {row.code for row in rows}
    unlimited = [Owned(code, None, 0) for code in UNLIMITED if code not in known]
    return sorted([*rows, *unlimited], key=lambda row: row.code)


def _told(user: UserRow) -> dict[str, Any]:
    names = ("name", "sign_in_name", "usage_location", "number", "kind", "language")
    return {name: getattr(user, name) for name in names}
