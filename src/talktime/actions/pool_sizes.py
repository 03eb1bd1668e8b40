"""Pools grow and shrink with what is bought and assigned. Each of these has the organization's lock before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from talktime.actions.audit import Actor
from talktime.core import pool_sizes
from talktime.core.catalogue import Catalogue
from talktime.core.licence_terms import Ability
from talktime.core.months import month_of
from talktime.core.pool_sizes import Minutes, PoolName, PoolRow, Sizes, difference, resized, together
from talktime.core.pools import Person
from talktime.storage import knowledge_store, pool_store, user_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.org_store import Organization
from talktime.storage.user_store import Owned, UserRow

ONE_BY_ONE_MAX = 50
"""Of more pools than these all are read at once."""


def unlimited(catalogue: Catalogue) -> frozenset[str]:
    """Licences that are there in any number, and never bought."""
    return frozenset(licence.code for licence in catalogue if licence.ability is Ability.CREDITS)


def persons(users: Iterable[UserRow | None]) -> list[Person]:
    """Those that there are."""
    return [Person(user.user_id, user.usage_location, user.codes) for user in users if user]


def people_changed(
    tx: Tx, org: Organization, before: Iterable[UserRow | None], after: Iterable[UserRow | None], actor: Actor
) -> None:
    catalogue = knowledge_store.catalogue(tx)
    endless = _endless(catalogue, user_store.owned(tx, org.org_id))
    sizes = [pool_sizes.of_people(catalogue, org.country, endless, persons(users)) for users in (before, after)]
    _move(tx, org, difference(*sizes), actor)


def purchases_changed(tx: Tx, org: Organization, before: Iterable[Owned], after: Iterable[Owned], actor: Actor) -> None:
    catalogue = knowledge_store.catalogue(tx)
    sizes = [pool_sizes.of_purchases(catalogue, org.country, quantities(owned)) for owned in (before, after)]
    _move(tx, org, difference(*sizes), actor)


def quantities(owned: Iterable[Owned]) -> Mapping[str, int]:
    """Of licences in any number those that are assigned (D-43)."""
    return {one.code: one.assigned if one.purchased is None else one.purchased for one in owned}


def refit(tx: Tx, org: Organization, actor: Actor) -> None:
    """From scratch: what a licence brings, or where the organization is, has changed."""
    sizes = sizes_of(tx, org)
    rows = {
        PoolName(row.capability, row.country, row.user_id): row for row in pool_store.of_organization(tx, org.org_id)
    }
    wanted = {name: Minutes() for name in rows} | dict(sizes)
    _write(tx, org, rows, wanted, actor)


def sizes_of(tx: ReadTx, org: Organization) -> Sizes:
    catalogue = knowledge_store.catalogue(tx)
    owned = user_store.owned(tx, org.org_id)
    bought = {one.code: one.purchased for one in owned if one.purchased is not None}
    people = persons(user_store.of_organization(tx, org.org_id))
    assigned = pool_sizes.of_people(catalogue, org.country, _endless(catalogue, owned), people)
    return together(assigned, pool_sizes.of_purchases(catalogue, org.country, bought))


def _endless(catalogue: Catalogue, owned: Iterable[Owned]) -> frozenset[str]:
    return unlimited(catalogue) | {one.code for one in owned if one.purchased is None}


def _move(tx: Tx, org: Organization, added: Sizes, actor: Actor) -> None:
    rows = _rows_of(tx, org.org_id, added)
    wanted = {name: rows[name].minutes.plus(more) if name in rows else more for name, more in added.items()}
    _write(tx, org, rows, wanted, actor)


def _rows_of(tx: ReadTx, org_id: int, names: Iterable[PoolName]) -> dict[PoolName, PoolRow]:
    wanted = list(names)
    if len(wanted) > ONE_BY_ONE_MAX:
        found = {row.pool_id: row for row in pool_store.of_organization(tx, org_id)}
    else:
        each = [pool_store.find(tx, org_id, name.pool_id) for name in wanted]
        found = {row.pool_id: row for row in each if row}
    return {name: found[name.pool_id] for name in wanted if name.pool_id in found}


def _write(tx: Tx, org: Organization, rows: Mapping[PoolName, PoolRow], wanted: Sizes, actor: Actor) -> None:
    month = month_of(org.now(actor.now), org.time_zone)
    made = {name: resized(rows.get(name), name, minutes, month) for name, minutes in wanted.items()}
    new = [row for name, row in made.items() if name not in rows]
    changed = [row for name, row in made.items() if name in rows and row != rows[name]]
    if new:
        pool_store.add(tx, org.org_id, new)
    if changed:
        pool_store.change(tx, org.org_id, changed)
