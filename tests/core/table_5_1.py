"""The table 5.1 of the charging rules, row by row, as data that reads like it."""

from __future__ import annotations

from typing import NamedTuple

from talktime.core.calls import Refusal
from talktime.core.usage import Payer

FRANCE, ZIMBABWE, US, CANADA, PUERTO_RICO, UK, COOK = (
    "+33142345678",
    "+26342345678",
    "+12025550117",
    "+14165550117",
    "+17872345678",
    "+442079460117",
    "+68221234",
)
UK_SHARED, UK_PREMIUM, FRENCH_PREMIUM, US_PREMIUM = "+448449460117", "+449098790117", "+33899123456", "+19002345678"
BRIDGE, FREEPHONE = "+442079460199", "+448085700117"
KAZAKHSTAN, JAMAICA, SATELLITE = "+77172345678", "+18765550117", "+881612345678"

CONF, PER_MINUTE, US_CA = "MCOMEETADD", "MCOMEETACPEA", "MCOMEETADD_DIALOUT_US"
DOMESTIC, COMBINED, OWN_MINUTES, PAYG, PP = "MCOPSTN1", "MCOPSTN2", "MCOPSTN8", "MCOPSTN_PAYG_1", "MCOPSTNPP"
E5, PHONE_SYSTEM = "ENTERPRISEPREMIUM", "MCOEV"

POOLS = {
    CONF: (60, 0),
    US_CA: (60, 0),
    "MCOPSTN1/US": (3000, 0),
    "MCOPSTN2/US": (3000, 600),
    "MCOPSTN2/GB": (1200, 600),
    "MCOPSTN1/GB": (1200, 0),
    "MCOPSTN1/FR": (1200, 0),
    "MCOPSTN1/CA": (3000, 0),
    "MCOPSTN8/US/usr_1": (120, 0),
}
EMPTY = dict.fromkeys(POOLS, (0, 0))
POOL, CREDITS, POSTPAID, NOBODY = Payer.POOL, Payer.CREDITS, Payer.POSTPAID, Payer.NONE
NO_RATE, NOT_SET_UP = Refusal.NO_RATE, Refusal.CREDITS_NOT_SET_UP
NO_PP, NO_BALANCE, NO_LICENCE = Refusal.NO_CREDITS_LICENCE, Refusal.NO_BALANCE, Refusal.NO_LICENCE


class Case(NamedTuple):
    row: int
    """Of table 5.1."""
    call_type: str
    to: str
    licences: str
    expected: Payer | Refusal
    home: str = "US"
    money: str = "10"
    pools: dict[str, tuple[int, int]] = POOLS
    set_up: bool = True
    policy: str | None = None
    blocked: bool = False
    country: str = "US"
    postpaid: bool = False
    capability: str | None = None


TABLE = [
    Case(1, "user_out", "911", "", NOBODY, money="0", set_up=False),
    Case(1, "user_out", "112", "", NOBODY, home="GB", money="0", blocked=True, policy="DialoutCPCandPSTNDisabled"),
    Case(1, "conf_out", "911", "", NOBODY, money="0"),
    Case(1, "dr_emergency_out", "112", "", NOBODY, blocked=True),
    Case(2, "user_out", US, DOMESTIC, Refusal.USER_BLOCKED, blocked=True),
    Case(2, "conf_out", US, CONF, Refusal.USER_BLOCKED, blocked=True),
    Case(2, "ucap_out", US, PAYG, Refusal.USER_BLOCKED, blocked=True),
    Case(2, "user_in", US, DOMESTIC, NOBODY, blocked=True),
    Case(3, "conf_out", FRANCE, CONF, Refusal.POLICY_RESTRICTED, policy="DialoutCPCDomesticPSTNInternational"),
    Case(3, "user_out", CANADA, DOMESTIC, Refusal.POLICY_RESTRICTED, policy="DialoutCPCandPSTNDomestic"),
    Case(3, "conf_out", ZIMBABWE, CONF, Refusal.POLICY_RESTRICTED, policy="DialoutCPCZoneAPSTNInternational"),
    Case(4, "conf_out", FRANCE, CONF, POOL, money="0", capability=CONF),
    Case(4, "conf_out", US, CONF, POOL, home="ZW", money="0", set_up=False),
    Case(4, "conf_out", US, E5, POOL, money="0", capability=CONF),
    Case(5, "conf_out", FRANCE, f"{CONF} {PP}", CREDITS, pools=EMPTY, capability=PP),
    Case(6, "conf_out", FRANCE, CONF, NO_PP, pools=EMPTY),
    Case(6, "conf_out", FRANCE, f"{CONF} {PP}", NO_BALANCE, pools=EMPTY, money="0"),
    Case(6, "conf_out", FRANCE, f"{CONF} {PP}", NOT_SET_UP, pools=EMPTY, money="0", set_up=False),
    Case(7, "conf_out", ZIMBABWE, f"{CONF} {PP}", CREDITS),
    Case(8, "conf_out", ZIMBABWE, CONF, NO_PP),
    Case(8, "conf_out", ZIMBABWE, f"{CONF} {PP}", NO_BALANCE, money="0"),
    Case(9, "conf_out", UK_PREMIUM, f"{CONF} {PP}", Refusal.NUMBER_NOT_SUPPORTED),
    Case(9, "conf_out", UK_SHARED, f"{CONF} {PP}", Refusal.NUMBER_NOT_SUPPORTED, home="GB"),
    Case(9, "conf_out", FRENCH_PREMIUM, f"{CONF} {PP}", Refusal.NUMBER_NOT_SUPPORTED, home="FR"),
    Case(10, "conf_out", FRANCE, f"{PER_MINUTE} {PP}", CREDITS, capability=PER_MINUTE),
    Case(11, "conf_out", FRANCE, PER_MINUTE, NO_PP),
    Case(11, "conf_out", FRANCE, f"{PER_MINUTE} {PP}", NO_BALANCE, money="0"),
    Case(12, "conf_out", US, US_CA, POOL, money="0", capability=US_CA),
    Case(12, "conf_out", CANADA, US_CA, POOL, money="0"),
    Case(12, "conf_out", FRANCE, US_CA, NO_PP),
    Case(12, "conf_out", FRANCE, f"{US_CA} {PP}", CREDITS),
    Case(12, "conf_out", US, f"{CONF} {US_CA}", POOL, capability=CONF),
    Case(12, "conf_out", US, f"{PER_MINUTE} {US_CA} {PP}", CREDITS, capability=PER_MINUTE),
    Case(13, "conf_out", FRANCE, CONF, POOL, country="KR", money="0", set_up=False),
    Case(13, "conf_out", FRANCE, f"{CONF} {PP}", NOT_SET_UP, country="TW", pools=EMPTY),
    Case(13, "conf_out", ZIMBABWE, f"{CONF} {PP}", NOT_SET_UP, country="RU"),
    Case(14, "conf_out", FRANCE, f"{DOMESTIC} {PP} {PHONE_SYSTEM}", NO_LICENCE),
    Case(15, "conf_in", BRIDGE, CONF, NOBODY, money="0", set_up=False, capability=CONF),
    Case(15, "conf_in", BRIDGE, US_CA, NOBODY, money="0"),
    Case(16, "conf_in", BRIDGE, f"{PER_MINUTE} {PP}", CREDITS, capability=PER_MINUTE),
    Case(16, "conf_in", BRIDGE, PER_MINUTE, NO_PP),
    Case(17, "conf_in", FREEPHONE, CONF, CREDITS, capability=PP),
    Case(18, "conf_in", FREEPHONE, CONF, NO_BALANCE, money="0"),
    Case(18, "conf_in", FREEPHONE, CONF, NOT_SET_UP, money="0", set_up=False),
    Case(19, "conf_in", FREEPHONE, f"{PER_MINUTE} {PP}", CREDITS),
    Case(19, "conf_in", FREEPHONE, PER_MINUTE, NO_PP),
    Case(20, "ucap_in", BRIDGE, "", NOBODY, money="0", set_up=False),
    Case(20, "ucap_in", FREEPHONE, "", CREDITS),
    Case(20, "ucap_in", FREEPHONE, "", NO_BALANCE, money="0"),
    Case(21, "user_in", US, PAYG, NOBODY, money="0", capability=PAYG),
    Case(21, "user_in", US, DOMESTIC, NOBODY, money="0"),
    Case(21, "user_in", US, CONF, NO_LICENCE),
    Case(22, "user_out", US, DOMESTIC, POOL, money="0", capability=DOMESTIC),
    Case(22, "user_out", CANADA, DOMESTIC, POOL, money="0"),
    Case(22, "user_out", US, DOMESTIC, POOL, home="PR", money="0"),
    Case(22, "user_out", US, DOMESTIC, POOL, home="CA", money="0"),
    Case(22, "user_out", CANADA, f"{DOMESTIC} {PP}", CREDITS, home="PR"),
    Case(22, "user_out", US, f"{DOMESTIC} {COMBINED}", POOL, capability=DOMESTIC),
    Case(23, "user_out", FRANCE, COMBINED, POOL, money="0", capability=COMBINED),
    Case(24, "user_out", FRANCE, f"{DOMESTIC} {PP}", CREDITS),
    Case(24, "user_out", FRANCE, DOMESTIC, NO_PP),
    Case(24, "user_out", FRANCE, f"{DOMESTIC} {COMBINED} {PP}", CREDITS),
    Case(25, "user_out", US, f"{DOMESTIC} {PP}", CREDITS, pools=EMPTY),
    Case(25, "user_out", US, DOMESTIC, NO_PP, pools=EMPTY),
    Case(26, "user_out", COOK, f"{COMBINED} {PP}", CREDITS),
    Case(26, "user_out", COOK, COMBINED, NO_PP),
    Case(26, "user_out", SATELLITE, f"{COMBINED} {PP}", CREDITS),
    Case(27, "user_out", US, f"{PAYG} {PP}", CREDITS, capability=PP),
    Case(27, "user_out", US, PAYG, NO_PP),
    Case(27, "user_out", US, f"{PAYG} {PP}", NO_BALANCE, money="0"),
    Case(28, "user_out", US, OWN_MINUTES, POOL, money="0", capability=OWN_MINUTES),
    Case(28, "user_out", US, f"{OWN_MINUTES} {PP}", CREDITS, pools=EMPTY),
    Case(29, "user_out", FRENCH_PREMIUM, f"{DOMESTIC} {PP}", CREDITS, home="FR"),
    Case(29, "user_out", FRENCH_PREMIUM, DOMESTIC, NO_PP, home="FR"),
    Case(29, "user_out", UK_SHARED, f"{COMBINED} {PP}", CREDITS, home="GB"),
    Case(29, "user_out", UK_SHARED, f"{COMBINED} {PP}", NO_BALANCE, home="GB", money="0"),
    Case(30, "user_out", UK_PREMIUM, f"{COMBINED} {PP}", Refusal.NUMBER_NOT_SUPPORTED, home="GB"),
    Case(30, "user_out", US_PREMIUM, f"{DOMESTIC} {PP}", Refusal.NUMBER_NOT_SUPPORTED),
    Case(30, "user_out", UK_SHARED, f"{COMBINED} {PP}", Refusal.NUMBER_NOT_SUPPORTED, home="FR"),
    Case(31, "user_out", US, f"{PHONE_SYSTEM} {PP}", NO_LICENCE),
    Case(31, "user_out", US, "", NO_LICENCE),
    Case(32, "ucap_out", US, f"{PAYG} {PP}", CREDITS),
    Case(32, "ucap_out", US, f"{DOMESTIC} {PAYG} {PP}", CREDITS),
    Case(33, "ucap_out", US, f"{DOMESTIC} {PP}", NO_LICENCE),
    Case(34, "user_out", US, f"{PAYG} {PP}", CREDITS, postpaid=True),
    Case(34, "user_out", US, f"{PAYG} {PP}", POSTPAID, postpaid=True, money="0"),
    Case(34, "user_out", US, PAYG, NO_PP, postpaid=True, money="0"),
    Case(34, "user_out", US, f"{PAYG} {PP}", NOT_SET_UP, postpaid=True, money="0", set_up=False),
    # Beside the table: what sections 3, 4 and 5 say of others.
    Case(0, "user_out_conf", US, DOMESTIC, POOL),
    Case(0, "user_out_transfer", FRANCE, f"{DOMESTIC} {PP}", CREDITS),
    Case(0, "user_out_forwarding", US, DOMESTIC, POOL),
    Case(0, "unassigned_in", US, "", NOBODY, money="0", set_up=False),
    Case(0, "dr_out", FRANCE, "", NOBODY, money="0", set_up=False, policy="DialoutCPCandPSTNDisabled"),
    Case(0, "dr_in", US, "", NOBODY, money="0"),
    Case(0, "user_out", "2025550117", f"{PAYG} {PP}", Refusal.INVALID_NUMBER),
    Case(0, "user_out", "+9991234567", f"{PAYG} {PP}", NO_RATE),
    Case(0, "user_out", JAMAICA, f"{DOMESTIC} {PP}", CREDITS),
    Case(0, "conf_out", KAZAKHSTAN, f"{CONF} {PP}", CREDITS),
]
