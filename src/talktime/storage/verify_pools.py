"""The pools of one organization: their minutes added up from the calls, their sizes from the licences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Select, and_, literal, select

from talktime.core.call_types import CallType
from talktime.core.catalogue import Catalogue
from talktime.core.licence_terms import Ability, PoolKind
from talktime.core.months import month_of
from talktime.core.pool_sizes import Minutes, of_all
from talktime.core.pools import Licences, Person, Pool, pool_of
from talktime.core.usage import Payer
from talktime.core.zones import is_domestic_for_minutes
from talktime.storage import knowledge_store, pool_store, user_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.org_store import Organization
from talktime.storage.verify_books import Tell, streamed

c, g, m = t.calls.c, t.usage.c, t.pool_months.c
Counts = list[int]
"""First used and held, second used and held."""


class PoolCounts:
    """The minutes of each pool and month."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], Counts] = defaultdict(lambda: [0, 0, 0, 0])
        self._unknown: set[str] = set()
        """Capabilities that nobody knows any more: which pool their minutes came from cannot be told."""

    def add(self, pool_id: str, month: str, second: bool, held: bool, minutes: int) -> None:
        self._counts[pool_id, month][2 * second + held] += minutes

    def add_rows(self, tx: ReadTx, org: Organization) -> None:
        """What was reported of calls that were never in progress here: their pools know them by usage rows only."""
        catalogue = knowledge_store.catalogue(tx)
        for row in streamed(tx, _without_call(org.org_id)):
            pool = _pool_of_row(catalogue, row)
            if pool is None:
                self._unknown.add(row.capability)
            else:
                month = month_of(row.started_at, org.time_zone)
                self.add(pool.pool_id, month, pool.is_second, False, row.minutes)

    def check(self, tx: ReadTx, org: Organization, tell: Tell) -> None:
        wanted = dict(self._counts)
        query = select(m.pool_id, m.month, m.first_used, m.first_held, m.second_used, m.second_held)
        for pool_id, month, *stored in streamed(tx, query.where(m.org_id == org.org_id)):
            self._compare(pool_id, month, stored, wanted.pop((pool_id, month), [0, 0, 0, 0]), tell)
        for (pool_id, month), counts in wanted.items():
            self._compare(pool_id, month, [0, 0, 0, 0], counts, tell)
        if knowledge_store.behind_since(tx) is None:
            check_sizes(tx, org, tell)

    def _compare(self, pool_id: str, month: str, stored: Counts, wanted: Counts, tell: Tell) -> None:
        if any(type(one) is not int for one in stored):
            tell("I16", f"pool {pool_id} of {month}: a number of minutes is not whole")
        elif min(stored) < 0:
            tell("I18", f"pool {pool_id} of {month}: it has {stored}, less than nothing")
        elif stored != wanted and pool_id.partition("/")[0] not in self._unknown:
            tell("I18", f"pool {pool_id} of {month}: calls used and hold {wanted}, stored is {stored}")


def _without_call(org_id: int) -> Select[Any]:
    call = select(literal(1)).where(c.org_id == org_id, c.call_id == g.call_id)
    mine = and_(g.org_id == org_id, g.payer == Payer.POOL.value, ~call.correlate(t.usage).exists())
    columns = (g.capability, g.user_id, g.user_location, g.call_type, g.destination, g.started_at, g.minutes)
    return select(*columns).where(mine)


def _pool_of_row(catalogue: Catalogue, row: Any) -> Pool | None:
    licence = catalogue.get(row.capability)
    if licence is None:
        return None
    home = row.user_location or None
    if row.call_type == CallType.CONF_OUT.value:
        kind = PoolKind.CONFERENCE
    else:
        kind = PoolKind.DOMESTIC if is_domestic_for_minutes(home, row.destination) else PoolKind.INTERNATIONAL
    return pool_of(licence, kind, row.user_id or "", home)


def check_sizes(tx: ReadTx, org: Organization, tell: Tell) -> None:
    """As large as the licences of now make them, and in this month never less than that."""
    wanted = _sizes(tx, org)
    for row in pool_store.of_organization(tx, org.org_id):
        numbers = (row.first_total, row.second_total, row.first_high, row.second_high)
        if any(type(one) is not int for one in numbers):
            tell("I16", f"pool {row.pool_id}: a number of minutes is not whole")
            continue
        minutes = wanted.pop(row.pool_id, Minutes())
        if row.minutes != minutes:
            tell("I18", f"pool {row.pool_id}: its licences bring {[*minutes]}, stored is {[*row.minutes]}")
        if row.first_high < row.first_total or row.second_high < row.second_total:
            tell("I18", f"pool {row.pool_id}: it is larger than the most it was")
    for pool_id, minutes in wanted.items():
        if any(minutes):
            tell("I18", f"pool {pool_id}: its licences bring {[*minutes]}, and it is not there")


def _sizes(tx: ReadTx, org: Organization) -> dict[str, Minutes]:
    catalogue = knowledge_store.catalogue(tx)
    licences = Licences(org.country, _purchased(tx, org.org_id, catalogue), tuple(_people(tx, org.org_id)))
    return {name.pool_id: minutes for name, minutes in of_all(catalogue, licences).items()}


def _purchased(tx: ReadTx, org_id: int, catalogue: Catalogue) -> Mapping[str, int | None]:
    """Those that nobody buys are there in any number."""
    endless = [licence.code for licence in catalogue if licence.ability is Ability.CREDITS]
    bought = {one.code: one.purchased for one in user_store.owned(tx, org_id)}
    return dict.fromkeys(endless, None) | bought


def _people(tx: ReadTx, org_id: int) -> Iterator[Person]:
    for user in user_store.of_organization(tx, org_id):
        yield Person(user.user_id, user.usage_location, user.codes)
