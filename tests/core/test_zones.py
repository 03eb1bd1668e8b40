from __future__ import annotations

import pytest

from talktime.core.countries import CODES
from talktime.core.phone import country_of
from talktime.core.zones import (
    COMBINED_PLAN,
    ZONE_A,
    is_domestic_for_minutes,
    is_in_combined_plan,
    is_same_country,
    is_zone_a,
)


def test_zone_a_has_44_countries() -> None:
    assert len(ZONE_A) == 44
    assert ZONE_A <= CODES


@pytest.mark.parametrize(
    ("number", "inside"),
    [
        ("+12025550117", True),
        ("+14165550117", True),
        ("+17875550117", True),
        ("+442079460117", True),
        ("+33199000117", True),
        ("+74955550117", True),
        ("+886212345678", True),
        ("+77275550117", False),
        ("+18765550117", False),
        ("+16715550117", False),
        ("+263412345678", False),
        ("+38338555011", False),
        ("+441481555011", False),
        ("+4779025501", False),
        ("+881612345678", False),
        ("+80012345678", False),
    ],
)
def test_a_number_is_in_zone_a_by_its_own_country(number: str, inside: bool) -> None:
    assert is_zone_a(country_of(number)) is inside


SHARING = {
    "GG": "GB",
    "JE": "GB",
    "IM": "GB",
    "AX": "FI",
    "SJ": "NO",
    "BL": "GP",
    "MF": "GP",
    "CC": "AU",
    "CX": "AU",
    "EH": "MA",
}


def test_the_combined_plan_reaches_the_list_and_who_shares_numbering_with_it() -> None:
    assert len(COMBINED_PLAN) == 199 + len(SHARING)
    assert COMBINED_PLAN <= CODES
    assert [country for pair in SHARING.items() for country in pair if not is_in_combined_plan(country)] == []


@pytest.mark.parametrize("country", ["CK", "CU", "KP", "SO", None])
def test_the_combined_plan_reaches_nothing_else(country: str | None) -> None:
    assert not is_in_combined_plan(country)


@pytest.mark.parametrize(("place", "other"), SHARING.items())
def test_who_shares_numbering_follows_its_own_code_in_all_else(place: str, other: str) -> None:
    assert not is_zone_a(place)
    assert not is_same_country(other, place)
    assert not is_domestic_for_minutes(other, place)


@pytest.mark.parametrize(
    ("home", "country", "for_policies", "for_minutes"),
    [
        ("US", "US", True, True),
        ("US", "PR", False, True),
        ("US", "CA", False, True),
        ("US", "GU", False, False),
        ("US", "MX", False, False),
        ("PR", "US", False, True),
        ("PR", "PR", True, True),
        ("PR", "CA", False, False),
        ("CA", "CA", True, True),
        ("CA", "US", False, True),
        ("CA", "PR", False, False),
        ("GB", "GB", True, True),
        ("GB", "IE", False, False),
        ("GB", None, False, False),
        (None, "GB", False, False),
        (None, None, False, False),
    ],
)
def test_domestic_is_two_things(home: str, country: str, for_policies: bool, for_minutes: bool) -> None:
    assert is_same_country(home, country) is for_policies
    assert is_domestic_for_minutes(home, country) is for_minutes
