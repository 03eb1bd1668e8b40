"""Pools of included minutes: which there are, how large they are, and which one may pay a call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from talktime.core.catalogue import Catalogue
from talktime.core.licence_terms import Counted, Licence, PoolKind, Shared, minutes_in
from talktime.core.numbers import Number
from talktime.core.zones import is_domestic_for_minutes

# One common pool (availability pages of the United States and of Puerto Rico, 2019), named after the larger.
_COMMON_POOL = {"PR": "US"}


class Pool(NamedTuple):
    """Its name: the same licence has another pool for each kind, country or user."""

    capability: str
    kind: PoolKind
    country: str | None = None
    user: str | None = None

    @property
    def pool_id(self) -> str:
        """Kinds of one licence belong together under one id."""
        return "/".join(filter(None, (self.capability, self.country, self.user)))

    @property
    def is_second(self) -> bool:
        """Of two kinds of minutes: conference or domestic ones come first."""
        return self.kind is PoolKind.INTERNATIONAL


class Person(NamedTuple):
    """Somebody, or a resource account, with the usage location and the licences that were assigned."""

    user: str
    country: str | None
    licences: tuple[str, ...] = ()


class Licences(NamedTuple):
    """All that an organization has. Purchased None: in any number."""

    country: str
    purchased: Mapping[str, int | None]
    people: tuple[Person, ...] = ()


def pool_totals(catalogue: Catalogue, owned: Licences) -> dict[Pool, int]:
    """The minutes of a month by what is purchased and assigned now."""
    totals: Counter[Pool] = Counter()
    for licence, quantity in _purchased(catalogue, owned):
        for kind, minutes in licence.minutes.items():
            totals[Pool(licence.code, kind)] += quantity * minutes_in(minutes, owned.country)
    for person, licence in _assigned(catalogue, owned.people):
        for kind in licence.minutes:
            pool = pool_of(licence, kind, person.user, person.country)
            if pool is not None:
                totals[pool] += _minutes_each(licence, kind, owned.country, person.country)
    return dict(totals)


def _purchased(catalogue: Catalogue, owned: Licences) -> Iterator[tuple[Licence, int]]:
    for code, quantity in owned.purchased.items():
        if quantity is None:
            # A number is needed, so what was assigned counts (D-43).
            quantity = sum(code in person.licences for person in owned.people)
        for licence in catalogue.meant_by(code):
            if licence.counted is Counted.PURCHASED:
                yield licence, quantity


def _assigned(catalogue: Catalogue, people: Iterable[Person]) -> Iterator[tuple[Person, Licence]]:
    for person in people:
        for licence in catalogue.held(person.licences):
            if licence.counted is Counted.ASSIGNED:
                yield person, licence


def _minutes_each(licence: Licence, kind: PoolKind, org_country: str, country: str | None) -> int:
    decides = org_country if licence.shared is Shared.ORGANIZATION else country
    return minutes_in(licence.minutes[kind], decides)


def pool_of(licence: Licence, kind: PoolKind, user: str, country: str | None) -> Pool | None:
    """The pool to which this user's licence adds. None: no calling plan is at home where nobody knows."""
    if licence.shared is Shared.ORGANIZATION:
        return Pool(licence.code, kind)
    if country is None:
        return None
    if licence.shared is Shared.USER:
        return Pool(licence.code, kind, country, user)
    return Pool(licence.code, kind, _COMMON_POOL.get(country, country))


def paying_pool(licence: Licence, number: Number, user: str, country: str | None, from_meeting: bool) -> Pool | None:
    """The pool that pays this call while it has minutes; None: no minutes cover it. `country`: the usage location."""
    if not number.may_come_from_a_pool:
        return None
    kind = _kind(country, number.country, from_meeting)
    if kind not in licence.minutes or not (kind is PoolKind.DOMESTIC or licence.reaches(number.country)):
        return None
    return pool_of(licence, kind, user, country)


def _kind(home: str | None, country: str | None, from_meeting: bool) -> PoolKind:
    """For meetings the destination alone counts, wherever organizer and caller are."""
    if from_meeting:
        return PoolKind.CONFERENCE
    return PoolKind.DOMESTIC if is_domestic_for_minutes(home, country) else PoolKind.INTERNATIONAL


def effective(total: int, high: int, month: str, this_month: str) -> int:
    """The minutes that count in `this_month`; `high` is the most the pool had in `month`.

    More acts at once, less from the next month (D-15).
    """
    return high if month == this_month else total
