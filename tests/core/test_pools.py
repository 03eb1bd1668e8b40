"""The tables of the charging rules: 2.1, 2.2 and 3."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from talktime.core.catalogue import CATALOGUE
from talktime.core.licence_terms import CALLS, MEETINGS, Counted, Licence, PoolKind, Shared
from talktime.core.numbers import NUMBERS
from talktime.core.pools import Licences, Person, Pool, paying_pool, pool_totals

CONFERENCE, DOMESTIC, INTERNATIONAL = PoolKind


def people(*groups: tuple[int, str | None, str]) -> tuple[Person, ...]:
    """So many, in such a country, with such licences."""
    each = [(country, tuple(held.split())) for count, country, held in groups for _ in range(count)]
    return tuple(Person(f"u{number}", country, held) for number, (country, held) in enumerate(each))


Purchased = Mapping[str, int | None]


def totals(country: str, purchased: Purchased | None = None, *groups: tuple[int, str | None, str]) -> dict[Pool, int]:
    return pool_totals(CATALOGUE, Licences(country, purchased or {}, people(*groups)))


# --- 2.2: meetings ---


@pytest.mark.parametrize(
    ("country", "purchased", "total"),
    [
        ("US", {"MCOMEETADD": 115}, 6_900),
        ("ZW", {"MCOMEETADD": 115}, 6_900),
        ("US", {"MCOMEETADV": 115}, 6_900),
        ("US", {"ENTERPRISEPREMIUM": 115}, 6_900),
        ("US", {"MCOMEETADD": 100, "MCOMEETADV": 10, "ENTERPRISEPREMIUM": 5}, 6_900),
        ("RU", {"MCOMEETADD": 115}, 103_500),
        ("KR", {"MCOMEETADD": 115}, 103_500),
        ("TW", {"MCOMEETADD": 115}, 103_500),
        ("KR", {"ENTERPRISEPREMIUM": 115}, 103_500),
        ("US", {"MCOMEETADD": 0}, 0),
    ],
)
def test_purchased_conferencing_licences_make_one_pool(country: str, purchased: dict[str, int], total: int) -> None:
    assert totals(country, purchased) == {Pool("MCOMEETADD", CONFERENCE): total}


def test_purchased_licences_count_whether_assigned_or_not() -> None:
    assert totals("US", {"MCOMEETADD": 115}, (20, "GB", "MCOMEETADD")) == {Pool("MCOMEETADD", CONFERENCE): 6_900}


def test_of_licences_in_any_number_the_assigned_ones_count() -> None:
    found = totals("US", {"MCOMEETADD": None, "ENTERPRISEPREMIUM": 2}, (20, "GB", "MCOMEETADD"), (5, "US", "MCOEV"))
    assert found == {Pool("MCOMEETADD", CONFERENCE): 22 * 60}


def test_of_dial_out_to_the_us_and_canada_the_assigned_ones_count() -> None:
    found = totals("GB", {"MCOMEETADD_DIALOUT_US": 100}, (20, "GB", "MCOMEETADD_DIALOUT_US"))
    assert found == {Pool("MCOMEETADD_DIALOUT_US", CONFERENCE): 1_200}


@pytest.mark.parametrize("code", ["MCOMEETACPEA", "MCOMEETACPEA_GOV", "MCOPSTN_PAYG_1", "MCOPSTNPP", "MCOEV"])
def test_other_licences_bring_no_minutes(code: str) -> None:
    assert totals("US", {code: 100}, (100, "US", code)) == {}


# --- 2.1: calling plans ---


@pytest.mark.parametrize(
    ("code", "location", "domestic", "international"),
    [
        ("MCOPSTN1", "US", 3000, None),
        ("MCOPSTN1", "CA", 3000, None),
        ("MCOPSTN1", "GB", 1200, None),
        ("MCOPSTN1", "FR", 1200, None),
        ("MCOPSTN2", "US", 3000, 600),
        ("MCOPSTN2", "CA", 3000, 600),
        ("MCOPSTN2", "NL", 1200, 600),
        ("MCOPSTN9", "US", 3000, 600),
        ("MCOPSTN9", "NL", 1200, 600),
        ("MCOPSTN5", "US", 120, None),
        ("MCOPSTN5", "BE", 120, None),
        ("MCOPSTN6", "BE", 240, None),
    ],
)
def test_a_plan_brings_minutes_by_usage_location(code: str, location: str, domestic: int, international: int) -> None:
    expected = {Pool(code, DOMESTIC, location): 10 * domestic}
    if international:
        expected[Pool(code, INTERNATIONAL, location)] = 10 * international
    # The organization's own country does not matter.
    assert totals("JP", {code: 50}, (10, location, code)) == expected


def test_plans_are_pooled_by_country_and_kind_of_plan() -> None:
    assert totals("US", None, (2, "GB", "MCOPSTN1"), (1, "GB", "MCOPSTN5"), (3, "FR", "MCOPSTN1")) == {
        Pool("MCOPSTN1", DOMESTIC, "GB"): 2_400,
        Pool("MCOPSTN5", DOMESTIC, "GB"): 120,
        Pool("MCOPSTN1", DOMESTIC, "FR"): 3_600,
    }


def test_the_united_states_and_puerto_rico_have_one_pool() -> None:
    assert totals("US", None, (2, "US", "MCOPSTN2"), (1, "PR", "MCOPSTN2"), (1, "CA", "MCOPSTN2")) == {
        Pool("MCOPSTN2", DOMESTIC, "US"): 9_000,
        Pool("MCOPSTN2", INTERNATIONAL, "US"): 1_800,
        Pool("MCOPSTN2", DOMESTIC, "CA"): 3_000,
        Pool("MCOPSTN2", INTERNATIONAL, "CA"): 600,
    }


def test_one_plan_is_each_user_s_own() -> None:
    assert totals("US", None, (2, "PR", "MCOPSTN8")) == {
        Pool("MCOPSTN8", DOMESTIC, "PR", "u0"): 120,
        Pool("MCOPSTN8", DOMESTIC, "PR", "u1"): 120,
    }


def test_a_plan_is_at_home_nowhere_without_a_usage_location() -> None:
    assert totals("US", None, (2, None, "MCOPSTN1 MCOPSTN8")) == {}


def test_an_operator_may_count_what_is_assigned_instead() -> None:
    assigned = Licence(
        code="MCOMEETADD",
        name="Audio Conferencing",
        minutes={CONFERENCE: {"KR": 900}},
        counted=Counted.ASSIGNED,
        shared=Shared.ORGANIZATION,
        destinations=frozenset({"KR"}),
    )
    owned = Licences("KR", {"MCOMEETADD": 115}, people((2, "US", "ENTERPRISEPREMIUM MCOMEETADV"), (1, None, "MCOEV")))
    catalogue = CATALOGUE.with_licences([assigned])
    assert pool_totals(catalogue, owned) == {Pool("MCOMEETADD", CONFERENCE): 1_800}
    assert pool_totals(catalogue, owned._replace(country="US")) == {Pool("MCOMEETADD", CONFERENCE): 0}


# --- 3: which destinations a pool covers ---

SPAIN, CANADA, UNITED_STATES, PUERTO_RICO = "+34910000117", "+14165550117", "+12025550117", "+17875550117"
ZIMBABWE, COOK_ISLANDS, GUERNSEY, SATELLITE = "+263412345678", "+68221234", "+441481555011", "+881612345678"
BRITAIN, BRITISH_SHARED_COST, FRENCH_PREMIUM = "+442079460117", "+448441234567", "+33891123456"
TOLL_FREE_US, TOLL_FREE_WORLD = "+18005550117", "+80012345678"


def payer(held: str, home: str | None, to: str, from_meeting: bool) -> Pool | None:
    licence = CATALOGUE.deciding(held.split(), MEETINGS if from_meeting else CALLS)
    assert licence is not None
    return paying_pool(licence, NUMBERS.of(to), "u1", home, from_meeting)


@pytest.mark.parametrize("home", ["US", "ZW", None])
@pytest.mark.parametrize(
    ("held", "to", "covered"),
    [
        ("MCOMEETADD", UNITED_STATES, True),
        ("MCOMEETADD", SPAIN, True),
        ("MCOMEETADD", ZIMBABWE, False),
        ("MCOMEETADD", GUERNSEY, False),
        ("MCOMEETADD", SATELLITE, False),
        ("MCOMEETADD", BRITISH_SHARED_COST, False),
        ("MCOMEETADD", FRENCH_PREMIUM, False),
        ("MCOMEETADD", TOLL_FREE_WORLD, False),
        ("MCOMEETADD_DIALOUT_US", UNITED_STATES, True),
        ("MCOMEETADD_DIALOUT_US", CANADA, True),
        ("MCOMEETADD_DIALOUT_US", PUERTO_RICO, False),
        ("MCOMEETADD_DIALOUT_US", SPAIN, False),
        ("MCOMEETACPEA", UNITED_STATES, False),
    ],
)
def test_meetings_are_covered_by_destination_alone(home: str | None, held: str, to: str, covered: bool) -> None:
    assert payer(held, home, to, True) == (Pool(held, CONFERENCE) if covered else None)


@pytest.mark.parametrize(
    ("held", "home", "to", "kind", "pool_country"),
    [
        ("MCOPSTN1", "US", UNITED_STATES, DOMESTIC, "US"),
        ("MCOPSTN1", "US", PUERTO_RICO, DOMESTIC, "US"),
        ("MCOPSTN1", "US", CANADA, DOMESTIC, "US"),
        ("MCOPSTN1", "US", TOLL_FREE_US, DOMESTIC, "US"),
        ("MCOPSTN1", "US", SPAIN, None, None),
        ("MCOPSTN1", "PR", UNITED_STATES, DOMESTIC, "US"),
        ("MCOPSTN1", "PR", CANADA, None, None),
        ("MCOPSTN2", "PR", CANADA, INTERNATIONAL, "US"),
        ("MCOPSTN1", "CA", UNITED_STATES, DOMESTIC, "CA"),
        ("MCOPSTN2", "CA", PUERTO_RICO, INTERNATIONAL, "CA"),
        ("MCOPSTN2", "US", CANADA, DOMESTIC, "US"),
        ("MCOPSTN2", "US", SPAIN, INTERNATIONAL, "US"),
        ("MCOPSTN2", "US", ZIMBABWE, INTERNATIONAL, "US"),
        ("MCOPSTN2", "US", COOK_ISLANDS, None, None),
        ("MCOPSTN2", "US", GUERNSEY, INTERNATIONAL, "US"),
        ("MCOPSTN9", "GB", GUERNSEY, INTERNATIONAL, "GB"),
        ("MCOPSTN9", "GB", BRITAIN, DOMESTIC, "GB"),
        ("MCOPSTN9", "GB", BRITISH_SHARED_COST, None, None),
        ("MCOPSTN9", "FR", FRENCH_PREMIUM, None, None),
        ("MCOPSTN9", "GB", SATELLITE, None, None),
        ("MCOPSTN9", "GB", TOLL_FREE_WORLD, None, None),
        ("MCOPSTN5", "GB", BRITAIN, DOMESTIC, "GB"),
        ("MCOPSTN6", "GB", SPAIN, None, None),
        ("MCOPSTN9", None, BRITAIN, None, None),
        ("MCOPSTN_PAYG_1", "GB", BRITAIN, None, None),
    ],
)
def test_calls_are_covered_by_location_and_destination(
    held: str, home: str, to: str, kind: PoolKind | None, pool_country: str
) -> None:
    assert payer(held, home, to, False) == (Pool(held, kind, pool_country) if kind else None)


def test_an_operator_s_plan_reaches_where_it_says() -> None:
    plan = Licence(
        code="HOUSE1",
        name="Neighbours",
        minutes={INTERNATIONAL: {"*": 100}},
        counted=Counted.ASSIGNED,
        shared=Shared.LOCATION,
        destinations=frozenset({"ZW", "zone_a"}),
    )
    reached = [to for to in (SPAIN, ZIMBABWE, GUERNSEY) if paying_pool(plan, NUMBERS.of(to), "u1", "DE", False)]
    assert reached == [SPAIN, ZIMBABWE]


def test_a_user_s_own_minutes_are_his_pool() -> None:
    assert payer("MCOPSTN8", "GB", BRITAIN, False) == Pool("MCOPSTN8", DOMESTIC, "GB", "u1")
    assert payer("MCOPSTN8", "GB", SPAIN, False) is None
