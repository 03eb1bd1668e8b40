"""What a calling policy allows. Whether somebody pays is another question."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from talktime.core.call_types import CallType
from talktime.core.policies import Policy
from talktime.core.zones import is_same_country, is_zone_a


class Reach(StrEnum):
    """How far somebody may call."""

    ANYWHERE = "anywhere"
    SAME_COUNTRY = "same_country"
    ZONE_A = "zone_a"
    """For meetings only: the user's or organizer's own country does not matter."""
    NOWHERE = "nowhere"


class Controls(NamedTuple):
    """Two controls that know nothing of each other."""

    from_meetings: Reach
    own_calls: Reach


CONTROLS: dict[Policy, Controls] = {
    Policy.CPC_AND_PSTN_INTERNATIONAL: Controls(Reach.ANYWHERE, Reach.ANYWHERE),
    Policy.CPC_DOMESTIC_PSTN_INTERNATIONAL: Controls(Reach.SAME_COUNTRY, Reach.ANYWHERE),
    Policy.CPC_DISABLED_PSTN_INTERNATIONAL: Controls(Reach.NOWHERE, Reach.ANYWHERE),
    Policy.CPC_INTERNATIONAL_PSTN_DOMESTIC: Controls(Reach.ANYWHERE, Reach.SAME_COUNTRY),
    Policy.CPC_INTERNATIONAL_PSTN_DISABLED: Controls(Reach.ANYWHERE, Reach.NOWHERE),
    Policy.CPC_AND_PSTN_DOMESTIC: Controls(Reach.SAME_COUNTRY, Reach.SAME_COUNTRY),
    Policy.CPC_DOMESTIC_PSTN_DISABLED: Controls(Reach.SAME_COUNTRY, Reach.NOWHERE),
    Policy.CPC_DISABLED_PSTN_DOMESTIC: Controls(Reach.NOWHERE, Reach.SAME_COUNTRY),
    Policy.CPC_AND_PSTN_DISABLED: Controls(Reach.NOWHERE, Reach.NOWHERE),
    Policy.CPC_ZONE_A_PSTN_INTERNATIONAL: Controls(Reach.ZONE_A, Reach.ANYWHERE),
    Policy.CPC_ZONE_A_PSTN_DOMESTIC: Controls(Reach.ZONE_A, Reach.SAME_COUNTRY),
    Policy.CPC_ZONE_A_PSTN_DISABLED: Controls(Reach.ZONE_A, Reach.NOWHERE),
}

OWN_CALLS = frozenset(
    {
        CallType.USER_OUT,
        CallType.USER_OUT_CONF,
        CallType.USER_OUT_TRANSFER,
        CallType.USER_OUT_FORWARDING,
    }
)
"""Each of these is a call of its own by the user who caused it (D-20)."""


def policy_of(users: Policy | None, organizations: Policy) -> Policy:
    """The organization's reaches only users without one of their own."""
    return users or organizations


def may_dial(policy: Policy, call_type: CallType, home: str | None, country: str | None, emergency: bool) -> bool:
    """`home`: where the user or organizer is by licence; `country`: where the number is, None for no country."""
    reach = _reach(CONTROLS[policy], call_type)
    if emergency or reach is Reach.ANYWHERE:
        return True
    if reach is Reach.SAME_COUNTRY:
        return is_same_country(home, country)
    return reach is Reach.ZONE_A and is_zone_a(country)


def _reach(controls: Controls, call_type: CallType) -> Reach:
    """Policies know two kinds of calls. What comes in, what a machine calls, own carriers: not theirs to forbid."""
    if call_type is CallType.CONF_OUT:
        return controls.from_meetings
    return controls.own_calls if call_type in OWN_CALLS else Reach.ANYWHERE
