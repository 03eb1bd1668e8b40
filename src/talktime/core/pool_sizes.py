"""How large pools are, kept as licences come and go: what one change adds and takes, and what a month had at most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from talktime.core.catalogue import Catalogue
from talktime.core.licence_terms import PoolKind
from talktime.core.pools import Licences, Person, Pool, pool_totals


class PoolName(NamedTuple):
    """The minutes of one licence, shared by all, by a country, or by nobody."""

    capability: str
    country: str | None = None
    user_id: str | None = None

    @property
    def pool_id(self) -> str:
        return "/".join(part for part in self if part)


class Minutes(NamedTuple):
    """First those of meetings or domestic ones, second international ones."""

    first: int = 0
    second: int = 0

    def plus(self, other: Minutes) -> Minutes:
        return Minutes(self.first + other.first, self.second + other.second)


Sizes = Mapping[PoolName, Minutes]


class PoolRow(Struct, frozen=True):
    pool_id: str
    capability: str
    country: str | None
    user_id: str | None
    first_total: int
    second_total: int
    first_high: int
    second_high: int
    month: str
    """In which it last changed; the highs are the most it was then."""

    @property
    def minutes(self) -> Minutes:
        return Minutes(self.first_total, self.second_total)


def of_people(catalogue: Catalogue, country: str, endless: Iterable[str], people: Iterable[Person]) -> Sizes:
    """What their licences bring. `endless`: codes bought in any number, of which those assigned count (D-43)."""
    purchased = dict.fromkeys(endless, None)
    return _sizes(pool_totals(catalogue, Licences(country, purchased, tuple(people))))


def of_purchases(catalogue: Catalogue, country: str, quantities: Mapping[str, int]) -> Sizes:
    return _sizes(pool_totals(catalogue, Licences(country, quantities)))


def of_all(catalogue: Catalogue, licences: Licences) -> Sizes:
    """All that an organization has."""
    return _sizes(pool_totals(catalogue, licences))


def _sizes(totals: Mapping[Pool, int]) -> Sizes:
    sizes: dict[PoolName, Minutes] = {}
    for pool, total in totals.items():
        name = PoolName(pool.capability, pool.country, pool.user)
        minutes = Minutes(second=total) if pool.kind is PoolKind.INTERNATIONAL else Minutes(first=total)
        sizes[name] = sizes.get(name, Minutes()).plus(minutes)
    return sizes


def together(one: Sizes, other: Sizes) -> Sizes:
    return {name: one.get(name, Minutes()).plus(other.get(name, Minutes())) for name in {**one, **other}}


def difference(before: Sizes, after: Sizes) -> Sizes:
    """What is to be added to each pool; only those that change."""
    taken = {name: Minutes(-minutes.first, -minutes.second) for name, minutes in before.items()}
    return {name: minutes for name, minutes in together(taken, after).items() if any(minutes)}


def resized(row: PoolRow | None, name: PoolName, minutes: Minutes, month: str) -> PoolRow:
    """So large from now on. What the month began with, or came to meanwhile, stays its size until it ends (D-15)."""
    old = row or PoolRow(name.pool_id, *name, 0, 0, 0, 0, month)
    began_with = Minutes(old.first_high, old.second_high) if old.month == month else old.minutes
    return replace(
        old,
        first_total=minutes.first,
        second_total=minutes.second,
        first_high=max(began_with.first, minutes.first),
        second_high=max(began_with.second, minutes.second),
        month=month,
    )
