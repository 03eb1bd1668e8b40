from __future__ import annotations

import pytest

from talktime.core.call_types import NOBODY_IS_ASKED, NOBODY_PAYS, OWN_CARRIER, PRICED_BY, CallType
from talktime.core.prices import PriceKind

# `charging_rules.md` section 4.
TYPES = [
    "user_in",
    "user_out",
    "user_out_conf",
    "user_out_transfer",
    "user_out_forwarding",
    "conf_in",
    "conf_out",
    "ucap_in",
    "ucap_out",
    "unassigned_in",
    "dr_in",
    "dr_out",
    "dr_out_user_conf",
    "dr_out_user_transfer",
    "dr_out_user_forwarding",
    "dr_emergency_out",
    "dr_unassigned_in",
    "dr_in_bot",
    "dr_out_bot",
    "dr_in_ucap",
    "dr_out_ucap",
]


def test_every_type_of_the_usage_report_is_known() -> None:
    assert sorted(CallType) == sorted(TYPES)


def test_calls_over_the_organizations_own_carrier_are_the_dr_ones() -> None:
    assert sorted(OWN_CARRIER) == [name for name in sorted(TYPES) if name.startswith("dr_")]


def test_a_call_has_a_price_or_nobody_pays_it() -> None:
    assert set(PRICED_BY) == set(CallType) - NOBODY_PAYS


@pytest.mark.parametrize("call_type", ["user_in", "unassigned_in", "dr_in", "dr_out"])
def test_nobody_pays_what_comes_in_to_a_user_or_goes_over_an_own_carrier(call_type: str) -> None:
    assert call_type in NOBODY_PAYS


@pytest.mark.parametrize("call_type", ["ucap_in", "unassigned_in", "dr_in", "dr_out_user_conf"])
def test_no_user_is_responsible_for_attendants_unassigned_numbers_and_own_carriers(call_type: str) -> None:
    assert call_type in NOBODY_IS_ASKED


def test_most_calls_ask_for_somebody_who_is_responsible() -> None:
    asked = {call_type for call_type in CallType if call_type not in NOBODY_IS_ASKED}
    assert asked == {one for one in TYPES if one.startswith(("user_", "conf_"))} | {"ucap_out"}


@pytest.mark.parametrize(
    ("call_type", "kinds"),
    [
        (CallType.USER_OUT, (PriceKind.OUTBOUND,)),
        (CallType.USER_OUT_FORWARDING, (PriceKind.OUTBOUND,)),
        (CallType.UCAP_OUT, (PriceKind.OUTBOUND,)),
        (CallType.CONF_OUT, (PriceKind.CONFERENCE, PriceKind.OUTBOUND)),
        (CallType.CONF_IN, (PriceKind.CONFERENCE,)),
        (CallType.UCAP_IN, (PriceKind.TOLL_FREE,)),
    ],
)
def test_a_price_is_looked_for_among_the_rows_of_its_kinds(call_type: CallType, kinds: tuple[PriceKind, ...]) -> None:
    assert PRICED_BY[call_type] == kinds
