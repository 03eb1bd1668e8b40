from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.call_types import CallType
from talktime.core.may_dial import CONTROLS, OWN_CALLS, Reach, may_dial, policy_of
from talktime.core.policies import DEFAULT_POLICY, Policy

policies = st.sampled_from(Policy)
places = st.sampled_from(["US", "CA", "GB", "ZW", None])

# From meetings and own calls, each to the same country (US), elsewhere in Zone A (GB), beyond it (ZW), to a satellite.
TABLE = {
    "DialoutCPCandPSTNInternational": "1111 1111",
    "DialoutCPCDomesticPSTNInternational": "1000 1111",
    "DialoutCPCDisabledPSTNInternational": "0000 1111",
    "DialoutCPCInternationalPSTNDomestic": "1111 1000",
    "DialoutCPCInternationalPSTNDisabled": "1111 0000",
    "DialoutCPCandPSTNDomestic": "1000 1000",
    "DialoutCPCDomesticPSTNDisabled": "1000 0000",
    "DialoutCPCDisabledPSTNDomestic": "0000 1000",
    "DialoutCPCandPSTNDisabled": "0000 0000",
    "DialoutCPCZoneAPSTNInternational": "1100 1111",
    "DialoutCPCZoneAPSTNDomestic": "1100 1000",
    "DialoutCPCZoneAPSTNDisabled": "1100 0000",
}
PLACES = ("US", "GB", "ZW", None)


def reached(policy: Policy, call_type: CallType, home: str | None = "US") -> str:
    return "".join(str(int(may_dial(policy, call_type, home, place, False))) for place in PLACES)


@pytest.mark.parametrize(("policy", "expected"), TABLE.items())
def test_a_policy_is_two_controls(policy: str, expected: str) -> None:
    one = Policy(policy)
    assert f"{reached(one, CallType.CONF_OUT)} {reached(one, CallType.USER_OUT)}" == expected


def test_every_policy_is_in_the_tables() -> None:
    assert set(TABLE) == set(CONTROLS) == set(Policy)


@given(policies, st.sampled_from(sorted(OWN_CALLS)), places, places)
def test_whatever_a_user_causes_is_his_own_call(policy: Policy, kind: CallType, home: str, country: str) -> None:
    expected = may_dial(policy, CallType.USER_OUT, home, country, False)
    assert may_dial(policy, kind, home, country, False) is expected


@pytest.mark.parametrize("country", ["CA", "PR"])
def test_domestic_is_strictly_the_same_country(country: str) -> None:
    assert not may_dial(Policy.CPC_AND_PSTN_DOMESTIC, CallType.USER_OUT, "US", country, False)
    assert not may_dial(Policy.CPC_AND_PSTN_DOMESTIC, CallType.CONF_OUT, "US", country, False)


@pytest.mark.parametrize("home", ["ZW", "US", None])
def test_zone_a_does_not_ask_where_the_organizer_is(home: str | None) -> None:
    assert reached(Policy.CPC_ZONE_A_PSTN_DISABLED, CallType.CONF_OUT, home) == "1100"


@pytest.mark.parametrize("country", ["US", None])
def test_nothing_is_domestic_for_somebody_of_no_known_country(country: str | None) -> None:
    assert not may_dial(Policy.CPC_AND_PSTN_DOMESTIC, CallType.USER_OUT, None, country, False)


@given(policies, st.sampled_from(CallType), places, places)
def test_no_policy_stops_an_emergency_call(policy: Policy, call_type: CallType, home: str, country: str) -> None:
    assert may_dial(policy, call_type, home, country, True)


@given(policies, st.sampled_from(sorted(set(CallType) - OWN_CALLS - {CallType.CONF_OUT})), places, places)
def test_policies_know_nothing_of_other_calls(policy: Policy, call_type: CallType, home: str, country: str) -> None:
    assert may_dial(policy, call_type, home, country, False)


@given(policies, places, places)
def test_neither_control_knows_of_the_other(policy: Policy, home: str, country: str) -> None:
    twins = [one for one in Policy if CONTROLS[one].own_calls is CONTROLS[policy].own_calls]
    answers = {may_dial(one, CallType.USER_OUT, home, country, False) for one in twins}
    assert len(answers) == 1


def test_the_default_forbids_nothing() -> None:
    assert CONTROLS[DEFAULT_POLICY] == (Reach.ANYWHERE, Reach.ANYWHERE)


def test_a_user_s_own_policy_beats_the_organization_s() -> None:
    assert policy_of(Policy.CPC_AND_PSTN_DISABLED, DEFAULT_POLICY) is Policy.CPC_AND_PSTN_DISABLED
    assert policy_of(None, Policy.CPC_AND_PSTN_DISABLED) is Policy.CPC_AND_PSTN_DISABLED
