"""Closed lists: countries, licences, policies, scopes."""

from __future__ import annotations

import pytest

from talktime.core.catalogue import CATALOGUE
from talktime.core.countries import CODES, is_country
from talktime.core.licence_terms import Ability
from talktime.core.phone import country_of
from talktime.core.policies import DEFAULT_POLICY, Policy
from talktime.core.scopes import OPERATOR_ORG, Caller, Scope
from talktime.core.time import NEVER


@pytest.mark.parametrize(("code", "is_one"), [("GB", True), ("XK", True), ("gb", False), ("UK", False), ("", False)])
def test_a_country_is_known_by_its_code(code: str, is_one: bool) -> None:
    assert is_country(code) is is_one


def test_there_are_as_many_countries_as_in_the_standard_and_kosovo() -> None:
    assert len(CODES) == 249 + 1


@pytest.mark.parametrize("number", ["+442079460117", "+12025550117", "+383381234567", "+77212345678"])
def test_the_country_of_a_number_is_a_country(number: str) -> None:
    assert is_country(country_of(number) or "")


def test_the_codes_of_the_rules_are_licences() -> None:
    rules = """MCOMEETADD MCOMEETADV MCOMEETADD_DIALOUT_US MCOMEETACPEA MCOPSTN1 MCOPSTN2 MCOPSTN9 MCOPSTN5 MCOPSTN6
    MCOPSTN8 MCOPSTN_PAYG_1 MCOPSTNPP MCOEV MCOEV_VIRTUALUSER MCOPSTNCAP MCOMEETADD_CN_GLOBAL MCOMEETADD_TATA
    ENTERPRISEPREMIUM"""
    assert [code for code in rules.split() if code not in CATALOGUE] == []
    assert "mcopstnpp" not in CATALOGUE


def test_only_the_credits_licence_is_there_in_any_number() -> None:
    assert [one.code for one in CATALOGUE if one.ability is Ability.CREDITS] == ["MCOPSTNPP"]


def test_there_are_twelve_policies_and_the_default_forbids_nothing() -> None:
    assert len(Policy) == 12
    assert DEFAULT_POLICY == "DialoutCPCandPSTNInternational"


def key(*scopes: Scope, org_id: int = 1) -> Caller:
    return Caller(org_id, "key_1", frozenset(scopes))


@pytest.mark.parametrize("wanted", Scope)
@pytest.mark.parametrize("held", Scope)
def test_a_key_may_do_what_its_scopes_say_and_calls_include_switches(held: Scope, wanted: Scope) -> None:
    assert key(held).may(wanted) is (held is wanted or (held, wanted) == (Scope.CALLS, Scope.SWITCHES))


@pytest.mark.parametrize("wanted", Scope)
def test_the_operators_key_may_do_everything(wanted: Scope) -> None:
    operator = key(Scope.OPERATOR, org_id=OPERATOR_ORG)
    assert operator.is_operator
    assert operator.may(wanted)
    assert not key(Scope.OPERATOR).is_operator


def test_a_key_without_an_end_is_good_for_ever_and_from_everywhere() -> None:
    assert (key().expires_at, key().addresses) == (NEVER, ())
