from __future__ import annotations

import csv
import re
from importlib.resources import files
from itertools import pairwise

import phonenumbers
import pytest
from phonenumbers import SUPPORTED_SHORT_REGIONS, PhoneMetadata

from talktime.core.countries import CODES, is_country
from talktime.core.emergency import EMERGENCY_NUMBERS, EmergencyNumbers, is_emergency
from talktime.core.phone import is_usable

EVERYWHERE = EMERGENCY_NUMBERS.of(None)

# By ISO 3166 parts of Saint Helena.
NO_COUNTRIES_OF_OURS = {"AC", "TA"}


@pytest.mark.parametrize(
    ("dialled", "country"),
    [
        ("911", "US"),
        ("112", "US"),
        ("911", "CA"),
        ("911", "PR"),
        ("999", "GB"),
        ("112", "GB"),
        ("112", "DE"),
        ("110", "DE"),
        ("112", "FR"),
        ("15", "FR"),
        ("17", "FR"),
        ("18", "FR"),
        ("000", "AU"),
        ("111", "NZ"),
        ("110", "JP"),
        ("119", "JP"),
        ("112", "XK"),
        ("911", "SH"),
        ("999", "SH"),
    ],
)
def test_emergency_numbers_are_those_of_the_country(dialled: str, country: str) -> None:
    assert is_emergency(dialled, country)


@pytest.mark.parametrize(
    ("dialled", "country"),
    [("999", "US"), ("911", "DE"), ("110", "US"), ("000", "GB"), ("", "US"), ("+911", "US"), ("9111", "US")],
)
def test_another_country_s_are_not(dialled: str, country: str) -> None:
    assert not is_emergency(dialled, country)


@pytest.mark.parametrize("dialled", ["911", "112", "999", "000", "110", "15", "10111"])
@pytest.mark.parametrize("country", [None, "", "ZZ", "AQ", "GN"])
def test_with_the_country_or_its_numbers_unknown_those_of_all_countries_count(dialled: str, country: str) -> None:
    assert is_emergency(dialled, country)


@pytest.mark.parametrize("country", [None, "GB"])
def test_an_ordinary_number_is_none(country: str | None) -> None:
    assert not is_emergency("+442079460117", country)


def test_whatever_is_one_somewhere_is_one_for_the_unknown() -> None:
    assert all(EMERGENCY_NUMBERS.of(country) <= EVERYWHERE for country in CODES)


def test_no_emergency_number_is_a_usable_number() -> None:
    assert [number for number in EVERYWHERE if is_usable(number) or not re.fullmatch("[0-9]{2,6}|9", number)] == []


# --- an operator's own ---


def test_an_operator_adds_numbers_and_takes_none_away() -> None:
    numbers = EmergencyNumbers([("DE", "110"), ("US", "911")]).with_entries([("DE", "115"), ("GN", "117")])
    assert numbers.of("DE") == {"110", "115"}
    assert numbers.of("US") == {"911"}
    assert numbers.of(None) == {"110", "115", "117", "911"}


def test_for_a_country_we_know_nothing_of_an_operator_s_number_comes_to_all_others() -> None:
    numbers = EMERGENCY_NUMBERS.with_entries([("GN", "1717")]).with_entries([("GN", "1818")])
    assert numbers.of("GN") == EVERYWHERE | {"1717", "1818"}
    assert numbers.has("1717", "GN")
    assert not numbers.has("1717", "DE")
    assert not is_emergency("1717", "GN")


# --- our table against the library ---


@pytest.mark.parametrize("region", sorted(set(SUPPORTED_SHORT_REGIONS) - NO_COUNTRIES_OF_OURS - {"SH"}))
def test_every_country_has_what_the_library_says(region: str) -> None:
    known = {number for number in EVERYWHERE if phonenumbers.is_emergency_number(number, region)}
    assert EMERGENCY_NUMBERS.of(region) == (known or EVERYWHERE)


@pytest.mark.parametrize("region", sorted(SUPPORTED_SHORT_REGIONS))
def test_the_library_s_examples_are_known_for_the_unknown(region: str) -> None:
    metadata = PhoneMetadata.short_metadata_for_region(region)
    assert metadata is not None
    example = metadata.emergency.example_number if metadata.emergency else None
    assert example is None or is_emergency(example, None)


def test_the_made_table_is_sorted_and_of_our_countries() -> None:
    lines = (files("talktime.core") / "data" / "emergency_numbers.csv").read_text("ascii").splitlines()
    rows = [(row["country"], row["number"]) for row in csv.DictReader(lines)]
    assert all(earlier < later for earlier, later in pairwise(rows))
    assert all(is_country(country) for country, _ in rows)
