"""The kinds of calls, and what is known of each by its name alone."""

from __future__ import annotations

from enum import StrEnum

from talktime.core.prices import PriceKind


class CallType(StrEnum):
    USER_IN = "user_in"
    USER_OUT = "user_out"
    USER_OUT_CONF = "user_out_conf"
    USER_OUT_TRANSFER = "user_out_transfer"
    USER_OUT_FORWARDING = "user_out_forwarding"
    CONF_IN = "conf_in"
    CONF_OUT = "conf_out"
    UCAP_IN = "ucap_in"
    UCAP_OUT = "ucap_out"
    UNASSIGNED_IN = "unassigned_in"
    DR_IN = "dr_in"
    DR_OUT = "dr_out"
    DR_OUT_USER_CONF = "dr_out_user_conf"
    DR_OUT_USER_TRANSFER = "dr_out_user_transfer"
    DR_OUT_USER_FORWARDING = "dr_out_user_forwarding"
    DR_EMERGENCY_OUT = "dr_emergency_out"
    DR_UNASSIGNED_IN = "dr_unassigned_in"
    DR_IN_BOT = "dr_in_bot"
    DR_OUT_BOT = "dr_out_bot"
    DR_IN_UCAP = "dr_in_ucap"
    DR_OUT_UCAP = "dr_out_ucap"


OWN_CARRIER = frozenset(one for one in CallType if one.startswith("dr_"))
INBOUND = frozenset(one for one in CallType if "in" in one.split("_"))
MEETINGS = frozenset({CallType.CONF_IN, CallType.CONF_OUT})
"""Judged by the organizer's licences, whoever presses the button."""
OF_SERVICE_NUMBERS = frozenset({CallType.CONF_IN, CallType.UCAP_IN})
"""Where it matters whether our number is toll-free."""
NOBODY_PAYS = OWN_CARRIER | {CallType.USER_IN, CallType.UNASSIGNED_IN}
NOBODY_IS_ASKED = OWN_CARRIER | {CallType.UCAP_IN, CallType.UNASSIGNED_IN}
"""No user, organizer or resource account is responsible."""

_OUTBOUND = (PriceKind.OUTBOUND,)
TOLL_FREE_PRICES = (PriceKind.TOLL_FREE,)
PRICED_BY: dict[CallType, tuple[PriceKind, ...]] = {
    **dict.fromkeys((one for one in CallType if one not in NOBODY_PAYS), _OUTBOUND),
    CallType.CONF_OUT: (PriceKind.CONFERENCE, PriceKind.OUTBOUND),
    CallType.CONF_IN: (PriceKind.CONFERENCE,),
    CallType.UCAP_IN: TOLL_FREE_PRICES,
}
"""Of calls over our toll-free numbers see TOLL_FREE_PRICES."""
