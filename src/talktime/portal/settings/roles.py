"""Who may see and change what: the table itself, as the product goes by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from talktime.core.roles import OPERATOR_ROLES, ORGANIZATION_ROLES, RIGHTS, Area, Right
from talktime.portal.pages import Answer, Screen
from talktime.portal.visit import Visit

OF_ORGANIZATION = (
    *(Area.FUNDS, Area.CALLS, Area.REPORTS, Area.PEOPLE),
    *(Area.NUMBERS, Area.RATES, Area.SETTINGS, Area.MEMBERS),
)
NOTHING, SEES, CHANGES = "nothing", "sees", "changes"


class Row(NamedTuple):
    area: str
    may: list[str]
    """For each role."""


def get_roles(visit: Visit) -> Answer:
    tables = [(ORGANIZATION_ROLES, table_of(ORGANIZATION_ROLES, OF_ORGANIZATION))]
    if visit.is_operator:
        tables.append((OPERATOR_ROLES, table_of(OPERATOR_ROLES, [*Area])))
    return Screen("settings/roles.html", {"tables": tables, "mine": visit.me.member.roles})


def table_of(roles: Sequence[str], areas: Sequence[Area]) -> list[Row]:
    return [Row(area.value, [_may(role, area) for role in roles]) for area in areas]


def _may(role: str, area: Area) -> str:
    if Right(f"{area}.change") in RIGHTS[role]:
        return CHANGES
    return SEES if Right(f"{area}.see") in RIGHTS[role] else NOTHING
