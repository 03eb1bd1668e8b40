"""Who may call and which pool may pay, as the specification has it: tables of the few numbers and licences that are
used here, and the rules beside them in the order in which they are asked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from talktime.core.calls import Asked, Refusal

Dict = dict[str, Any]
PoolKind = tuple[str, int]
"""A pool, and which of its two kinds of minutes."""

COUNTRIES = {
    "1": "US",
    "1416": "CA",
    "1787": "PR",
    "1876": "JM",
    "33": "FR",
    "353": "IE",
    "39": "IT",
    "44": "GB",
    "49": "DE",
    "682": "CK",
    "81": "JP",
    "263": "ZW",
}
OUTSIDE_ZONE_A = (None, "JM", "ZW", "CK")
OUTSIDE_COMBINED_PLAN = (None, "CK")
PREMIUM = {"44844": "GB", "33899": "FR", "44909": "nobody", "1900": "nobody"}
"""Who may call them: from calling plans at home, or nobody."""
EMERGENCY = {
    "GB": ("112", "999"),
    "US": ("911", "112"),
    "CA": ("911", "112"),
    "PR": ("911",),
    "FR": ("112",),
    "KR": ("112",),
}
ALSO_DOMESTIC = (("US", "PR"), ("US", "CA"), ("CA", "US"), ("PR", "US"))
HOURS_FROM_UTC = {"UTC": 0.0, "Asia/Kolkata": 5.5, "America/Phoenix": -7.0}

MEETINGS = ("MCOMEETADD", "MCOMEETACPEA", "MCOMEETADD_DIALOUT_US")
PLANS = ("MCOPSTN1", "MCOPSTN2", "MCOPSTN8", "MCOPSTN_PAYG_1")
PER_MINUTE = ("MCOMEETACPEA", "MCOPSTN_PAYG_1")
TWO_CAPS = "MCOPSTN2"
OWN_CALLS = ("user_out", "user_out_conf", "user_out_transfer", "user_out_forwarding")
NOBODY_PAYS = ("user_in", "unassigned_in")
NOBODY_IS_ASKED = ("ucap_in", "unassigned_in")
WITHOUT_CREDITS = ("RU", "KR", "TW")
KINDS = {"conf_out": ("conference", "outbound"), "conf_in": ("conference",), "ucap_in": ("toll_free",)}


class Case(NamedTuple):
    type: str
    to: str
    person: Dict | None
    home: str | None
    country: str | None
    outgoing: bool
    own_carrier: bool
    emergency: bool
    licence: str
    toll_free: bool
    free: bool
    pool: PoolKind | None
    requested: int | None

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("toll_free",) if self.toll_free else KINDS.get(self.type, ("outbound",))

    @property
    def guarded(self) -> bool:
        return self.outgoing and not self.own_carrier and not self.emergency and self.person is not None

    @property
    def destination(self) -> str:
        return self.country or self.to[:4]

    @property
    def paid_as(self) -> str:
        return self.licence if self.licence == "MCOMEETACPEA" else "MCOPSTNPP"


def case_of(org: Dict, asked: Asked) -> Case:
    kind, person = str(asked.call_type), person_of(org, asked)
    home = person["home"] if person else None if asked.user else org["country"]
    outgoing, own_carrier = "in" not in kind.split("_"), kind.startswith("dr_")
    emergency = kind == "dr_emergency_out" or (outgoing and asked.to in emergency_numbers(home))
    licence = deciding(kind, codes_of(person))
    toll_free = asked.to in org["toll_free"] and kind in ("conf_in", "ucap_in")
    at_no_cost = kind == "ucap_in" or (kind == "conf_in" and licence not in PER_MINUTE)
    free = own_carrier or emergency or kind in NOBODY_PAYS or (at_no_cost and not toll_free)
    country = country_of(asked.to)
    pool = pool_of(kind, person, licence, country) if person and not emergency and not premium(asked.to) else None
    about = (outgoing, own_carrier, emergency, licence, toll_free, free, pool, asked.requested_seconds)
    return Case(kind, asked.to, person, home, country, *about)


def person_of(org: Dict, asked: Asked) -> Dict | None:
    found: Dict | None = org["people"].get(f"usr_{asked.user}")
    return found


def codes_of(person: Dict | None) -> tuple[str, ...]:
    codes = person["codes"] if person else ()
    return (*codes, "MCOMEETADD") if "ENTERPRISEPREMIUM" in codes else codes


def deciding(kind: str, codes: tuple[str, ...]) -> str:
    """One licence decides: the first held."""
    order: tuple[str, ...] = ("MCOPSTN_PAYG_1",) if kind == "ucap_out" else ()
    if kind in (*OWN_CALLS, "user_in"):
        order = PLANS
    elif kind.startswith("conf_"):
        order = MEETINGS
    return next((code for code in order if code in codes), "")


def emergency_numbers(home: str | None) -> set[str]:
    places = EMERGENCY.values() if home is None else [EMERGENCY.get(home, ())]
    return {number for numbers in places for number in numbers}


def country_of(to: str) -> str | None:
    known = [prefix for prefix in COUNTRIES if to.startswith("+" + prefix)]
    return COUNTRIES[max(known, key=len)] if known else None


def premium(to: str) -> str:
    return next((who for prefix, who in PREMIUM.items() if to.startswith("+" + prefix)), "")


def pool_of(kind: str, person: Dict, licence: str, country: str | None) -> PoolKind | None:
    if kind == "conf_out":
        reached = country in ("US", "CA") if licence == "MCOMEETADD_DIALOUT_US" else country not in OUTSIDE_ZONE_A
        return (licence, 0) if reached and licence in MEETINGS and licence not in PER_MINUTE else None
    if kind not in OWN_CALLS or licence in ("", *PER_MINUTE):
        return None
    domestic = country == person["home"] or (person["home"], country) in ALSO_DOMESTIC
    if not domestic and (licence != TWO_CAPS or country in OUTSIDE_COMBINED_PLAN):
        return None
    return plan_pool(licence, person), 0 if domestic else 1


def plan_pool(licence: str, person: Dict) -> str:
    if licence == "MCOPSTN8":
        return f"{licence}/{person['home']}/{person['id']}"
    return f"{licence}/{'US' if person['home'] == 'PR' else person['home']}"


# ---------------------------------------------------------------- may it go on?


def refusal(org: Dict, case: Case) -> Refusal | None:
    """Before money and before the fraud guard."""
    if org["closed"]:
        return Refusal.ORGANIZATION_CLOSED
    if not is_usable(case.to):
        return Refusal.INVALID_NUMBER
    if case.outgoing and case.person and case.person["blocked"]:
        return Refusal.USER_BLOCKED
    if case.person and not policy_allows(case.person["policy"] or org["policy"], case):
        return Refusal.POLICY_RESTRICTED
    if not (case.licence or case.own_carrier or case.type in NOBODY_IS_ASKED):
        return Refusal.NO_LICENCE
    if case.outgoing and not case.own_carrier and not is_supported(case):
        return Refusal.NUMBER_NOT_SUPPORTED
    return None


def is_usable(to: str) -> bool:
    return re.fullmatch(r"\+[1-9][0-9]{6,14}", to) is not None


def policy_allows(policy: str, case: Case) -> bool:
    """The names of policies say what they allow."""
    said = re.fullmatch("DialoutCPC(and|International|Domestic|Disabled|ZoneA)PSTN(.*)", policy)
    assert said
    own, meetings = said[2], said[2] if said[1] == "and" else said[1]
    reach = meetings if case.type == "conf_out" else own if case.type in OWN_CALLS else "International"
    if reach == "Domestic":
        return case.home is not None and case.country == case.home
    return reach == "International" or (reach == "ZoneA" and case.country not in OUTSIDE_ZONE_A)


def is_supported(case: Case) -> bool:
    return premium(case.to) in ("", case.home if case.type != "conf_out" else "")


def may_use_credits(org: Dict, case: Case, codes: tuple[str, ...]) -> Refusal | None:
    if not org["set_up"] or org["country"] in WITHOUT_CREDITS:
        return Refusal.CREDITS_NOT_SET_UP
    asks_licence = not case.toll_free or case.licence in PER_MINUTE
    return Refusal.NO_CREDITS_LICENCE if asks_licence and "MCOPSTNPP" not in codes else None


# ---------------------------------------------------------------- the fraud guard


def broken_limit(org: Dict, case: Case, tally: Dict, at: int, hold: int) -> str | None:
    """What is forbidden, or the first number that would be passed."""
    guard = org["guard"]
    if guard.get("international") is False and case.country != case.home:
        return "international"
    if guard.get("high_risk") is False and case.country is None:
        return "high_risk"
    new = case.destination not in tally["seen"]
    today = tally["today"] if tally["day"] == day_of(org, at) else 0
    would_be = {
        "concurrent_calls": tally["open"] + 1,
        "spend_per_hour": spent(tally, at - 3_600_000_000) + tally["held"] + hold,
        "spend_per_day": spent(tally, at - 86_400_000_000) + tally["held"] + hold,
        "new_destinations_per_day": today + 1 if new else 0,
    }
    return next((name for name, value in would_be.items() if value > guard.get(name, value)), None)


def spent(tally: Dict, since: int) -> int:
    return sum(amount for at, amount in tally["spends"] if at > since)


def is_counting(org: Dict) -> bool:
    return any(name in org["guard"] for name in ("concurrent_calls", "spend_per_hour", "new_destinations_per_day"))


# ---------------------------------------------------------------- calendars


def month_of(org: Dict, at: int) -> str:
    return day_of(org, at)[:7]


def day_of(org: Dict, at: int) -> str:
    local = datetime.fromtimestamp(at // 1_000_000, UTC) + timedelta(hours=HOURS_FROM_UTC[org["zone"]])
    return local.date().isoformat()
