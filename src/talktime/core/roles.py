"""What people who sign in are, in an organization and at the operator's, and what each role may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, get_args

OrganizationRole = Literal[
    "global_administrator",
    "billing_administrator",
    "user_administrator",
    "communications_administrator",
    "helpdesk",
    "report_reader",
]
OperatorRole = Literal["operator", "price_manager", "support", "auditor"]
ADMINISTRATOR: OrganizationRole = "global_administrator"
"""An organization that has one keeps one."""
OPERATOR: OperatorRole = "operator"
ORGANIZATION_ROLES: tuple[str, ...] = get_args(OrganizationRole)
OPERATOR_ROLES: tuple[str, ...] = get_args(OperatorRole)


class Area(StrEnum):
    """What somebody looks at or changes: first what an organization has, then what is the operator's."""

    FUNDS = "funds"
    CALLS = "calls"
    REPORTS = "reports"
    PEOPLE = "people"
    NUMBERS = "numbers"
    RATES = "rates"
    SETTINGS = "settings"
    MEMBERS = "members"
    ORGANIZATIONS = "organizations"
    PRICES = "prices"
    CORRECTIONS = "corrections"
    PROVIDERS = "providers"
    OPERATION = "operation"
    AUDIT = "audit"


class Right(StrEnum):
    """To see an area, or to change what is in it."""

    FUNDS_SEE = "funds.see"
    FUNDS_CHANGE = "funds.change"
    CALLS_SEE = "calls.see"
    CALLS_CHANGE = "calls.change"
    REPORTS_SEE = "reports.see"
    REPORTS_CHANGE = "reports.change"
    PEOPLE_SEE = "people.see"
    PEOPLE_CHANGE = "people.change"
    NUMBERS_SEE = "numbers.see"
    NUMBERS_CHANGE = "numbers.change"
    RATES_SEE = "rates.see"
    RATES_CHANGE = "rates.change"
    SETTINGS_SEE = "settings.see"
    SETTINGS_CHANGE = "settings.change"
    MEMBERS_SEE = "members.see"
    MEMBERS_CHANGE = "members.change"
    ORGANIZATIONS_SEE = "organizations.see"
    ORGANIZATIONS_CHANGE = "organizations.change"
    PRICES_SEE = "prices.see"
    PRICES_CHANGE = "prices.change"
    CORRECTIONS_SEE = "corrections.see"
    CORRECTIONS_CHANGE = "corrections.change"
    PROVIDERS_SEE = "providers.see"
    PROVIDERS_CHANGE = "providers.change"
    OPERATION_SEE = "operation.see"
    OPERATION_CHANGE = "operation.change"
    AUDIT_SEE = "audit.see"
    AUDIT_CHANGE = "audit.change"

    @property
    def changes(self) -> bool:
        return self.value.endswith(".change")


Rights = frozenset[Right]


def seeing(areas: str | Iterable[Area]) -> Rights:
    """Areas by their names, or as they are."""
    return frozenset(Right(f"{area}.see") for area in _areas(areas))


def changing(areas: str | Iterable[Area]) -> Rights:
    """Who changes something sees it."""
    return frozenset(Right(f"{area}.change") for area in _areas(areas)) | seeing(areas)


def _areas(areas: str | Iterable[Area]) -> Iterable[str]:
    return areas.split() if isinstance(areas, str) else areas


OF_AN_ORGANIZATION = "funds calls reports people numbers rates settings members"

# The one table of who may do what.
RIGHTS: Mapping[str, Rights] = MappingProxyType(
    {
        "global_administrator": changing(OF_AN_ORGANIZATION),
        "billing_administrator": changing("funds") | seeing("reports rates calls people numbers settings"),
        "user_administrator": changing("people") | seeing("members numbers calls reports rates"),
        "communications_administrator": changing("calls numbers people") | seeing("reports rates"),
        "helpdesk": seeing("funds calls people numbers rates reports"),
        "report_reader": seeing("reports rates"),
        "operator": changing(Area),
        "price_manager": changing("prices") | seeing("organizations rates"),
        "support": seeing(Area),
        "auditor": seeing("audit operation corrections providers organizations funds reports calls settings"),
    }
)


def rights_of(roles: Iterable[str]) -> Rights:
    """All that any of them may do. A role that another version wrote may do nothing."""
    return frozenset().union(*(RIGHTS.get(role, frozenset()) for role in roles))


def may_change(roles: Iterable[str]) -> bool:
    """Whether they may change anything at all."""
    return any(right.changes for right in rights_of(roles))
