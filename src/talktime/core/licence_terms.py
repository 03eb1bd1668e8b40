"""What a licence says: what it enables, which one decides, and which minutes it brings."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from talktime.core import zones


class Ability(StrEnum):
    CONFERENCING = "conferencing"
    CONFERENCING_PER_MINUTE = "conferencing_per_minute"
    CALLING = "calling"
    CALLING_PER_MINUTE = "calling_per_minute"
    CREDITS = "credits"
    PHONE_SYSTEM = "phone_system"


MEETINGS = frozenset({Ability.CONFERENCING, Ability.CONFERENCING_PER_MINUTE})
CALLS = frozenset({Ability.CALLING, Ability.CALLING_PER_MINUTE})


class PoolKind(StrEnum):
    CONFERENCE = "conference"
    DOMESTIC = "domestic"
    INTERNATIONAL = "international"


class Counted(StrEnum):
    PURCHASED = "purchased"
    """Also those that nobody was given (D-35)."""
    ASSIGNED = "assigned"


class Shared(StrEnum):
    ORGANIZATION = "organization"
    """By all; how many minutes depends on the country of the organization."""
    LOCATION = "location"
    """By the users of this licence in one country; how many minutes depends on that country."""
    USER = "user"
    """By nobody: each has his own."""


class Caps(StrEnum):
    """How two kinds of minutes of one licence belong together (D-13)."""

    WHICHEVER_FIRST = "whichever_first"
    INDEPENDENT = "independent"


ELSEWHERE = "*"
ZONE_A = "zone_a"
COMBINED_PLAN = "combined_plan"

LISTS: dict[str, frozenset[str]] = {ZONE_A: zones.ZONE_A, COMBINED_PLAN: zones.COMBINED_PLAN}
"""Many countries under one name."""

Minutes = Mapping[str, int]
"""By country; what holds for all that are not named stands under `ELSEWHERE`."""


def minutes_in(minutes: Minutes, country: str | None) -> int:
    return minutes.get(country or ELSEWHERE, minutes.get(ELSEWHERE, 0))


class Licence(Struct, frozen=True, kw_only=True):
    code: str
    name: str
    ability: Ability | None = None
    """None: a name for administrators, nothing is decided by it."""
    order: int | None = None
    """Of several held, the lowest decides; one without a number never does."""
    counts_as: str | None = None
    """Sold under another name, in everything else that other licence."""
    includes: tuple[str, ...] = ()
    minutes: Mapping[PoolKind, Minutes] = {}
    counted: Counted | None = None
    shared: Shared | None = None
    destinations: frozenset[str] = frozenset()
    """Where conference and international minutes reach: countries, or names of `LISTS`."""
    caps: Caps | None = None

    def reaches(self, country: str | None) -> bool:
        return country in self.destinations or any(country in LISTS.get(name, ()) for name in self.destinations)
