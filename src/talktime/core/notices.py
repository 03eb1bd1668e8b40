"""What can be told, how grave it is, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Literal, get_args

from msgspec import Struct

MemberRole = Literal[
    "global_administrator",
    "billing_administrator",
    "user_administrator",
    "communications_administrator",
    "helpdesk",
    "report_reader",
]
EventName = Literal[
    "funds_added",
    "recharge_succeeded",
    "recharge_failed",
    "recharge_paused",
    "recharge_requires_action",
    "recharge_limit_reached",
    "balance_low",
    "balance_zero",
    "balance_negative",
    "lot_expiring",
    "pool_80_percent",
    "pool_100_percent",
    "card_expiring",
    "settings_changed",
    "refund",
    "dispute",
    "user_blocked",
    "shortfall",
    "spend_alert",
]
ROLES: tuple[str, ...] = get_args(MemberRole)
GLOBAL, BILLING, USER, COMMUNICATIONS, HELPDESK, _ = ROLES
REMOVED = "removed"


class Severity(StrEnum):
    """Of the banner: the gravest comes first."""

    PROBLEM = "problem"
    WARNING = "warning"
    INFO = "info"


class Kind(Struct, frozen=True):
    severity: Severity
    roles: tuple[str, ...]
    """Who hears of it when nobody was chosen."""
    always: tuple[str, ...] = ()
    """Who hears of it whoever was chosen."""


PAYERS = (GLOBAL, BILLING)
MINDERS = (GLOBAL, BILLING, USER, COMMUNICATIONS, HELPDESK)
"""All who are asked when calls stop."""
GUARDS = (GLOBAL, USER, COMMUNICATIONS)
_PROBLEM, _WARNING, _INFO = Severity

EVENTS: Mapping[str, Kind] = {
    "funds_added": Kind(_INFO, MINDERS),
    "recharge_succeeded": Kind(_INFO, MINDERS),
    "recharge_failed": Kind(_PROBLEM, MINDERS),
    "recharge_paused": Kind(_PROBLEM, MINDERS),
    "recharge_requires_action": Kind(_PROBLEM, PAYERS),
    "recharge_limit_reached": Kind(_WARNING, MINDERS),
    "balance_low": Kind(_WARNING, MINDERS),
    "balance_zero": Kind(_PROBLEM, MINDERS),
    "balance_negative": Kind(_PROBLEM, MINDERS),
    "lot_expiring": Kind(_WARNING, PAYERS),
    "pool_80_percent": Kind(_WARNING, MINDERS),
    "pool_100_percent": Kind(_WARNING, MINDERS),
    "card_expiring": Kind(_WARNING, PAYERS),
    # Whoever changes the recipients does not do it unseen.
    "settings_changed": Kind(_INFO, PAYERS, always=(GLOBAL,)),
    "refund": Kind(_INFO, PAYERS),
    "dispute": Kind(_PROBLEM, PAYERS),
    "user_blocked": Kind(_WARNING, GUARDS),
    "shortfall": Kind(_WARNING, (GLOBAL, BILLING, COMMUNICATIONS)),
    "spend_alert": Kind(_WARNING, PAYERS),
}
OF_FUNDS_LEFT: frozenset[str] = frozenset(
    {"balance_low", "balance_zero", "balance_negative", "lot_expiring", "card_expiring", "spend_alert"}
)
"""What only matters to who may call: a closed organization, which may have moved elsewhere, hears nothing of it."""
_UNKNOWN = Kind(_INFO, PAYERS)
"""Of a row that another version wrote."""


OF_PAYMENTS = frozenset({"funds_added", "recharge_succeeded", "refund"})
"""Each has a receipt or a credit note."""


class Member(Struct, frozen=True):
    """Somebody who signs in."""

    member_id: str
    name: str
    email: str
    roles: tuple[str, ...]
    language: str
    state: str


def recipients(
    event: str, members: Iterable[Member], chosen: Sequence[str], language: str, receipts_to: Sequence[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Addresses by language, each once. `chosen`: addresses and roles; without any, the roles of the event.
    `receipts_to`: who hears of each payment besides.

    An address that is no member's is written to in `language`.
    """
    kind = EVENTS.get(event, _UNKNOWN)
    there = [one for one in members if one.state != REMOVED]
    wanted = {*(chosen or kind.roles), *kind.always}
    spoken = {one.email.lower(): (one.email, one.language) for one in there if wanted & {*one.roles}}
    known = {one.email.lower(): one.language for one in there}
    for address in (*chosen, *(receipts_to if event in OF_PAYMENTS else ())):
        if "@" in address:
            spoken.setdefault(address.lower(), (address, known.get(address.lower(), language)))
    return _by_language(spoken.values())


def _by_language(spoken: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for address, language in sorted(spoken):
        found.setdefault(language, []).append(address)
    return {language: tuple(found[language]) for language in sorted(found)}
