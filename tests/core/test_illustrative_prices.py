"""The illustrative list knows every country and every kind of number, and is made anew to the byte."""

from __future__ import annotations

from functools import cache
from itertools import chain
from pathlib import Path

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from pytest import MonkeyPatch

from scripts import make_illustrative_prices as script
from scripts.price_classes import INTERNATIONAL, NAMES
from talktime.actions import illustrative
from talktime.core.numbers import NUMBERS, NumberKind
from talktime.core.phone import country_of
from talktime.core.price_files import read_csv
from talktime.core.prices import PriceKind, PriceList, Row
from talktime.core.tables import rows_of

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
TYPES = {
    PhoneNumberType.FIXED_LINE: {""},
    PhoneNumberType.MOBILE: {"mobile"},
    PhoneNumberType.FIXED_LINE_OR_MOBILE: {"", "mobile"},
    PhoneNumberType.TOLL_FREE: {"toll-free"},
}
BY_LENGTH = {"+56600123456"}
"""With more digits a number that begins like this is shared cost; a price list knows beginnings only."""


@cache
def rows() -> list[Row]:
    return read_csv(illustrative.content())


@cache
def prices() -> PriceList:
    return PriceList(illustrative.CHARGE_DECIMALS, rows())


def destination(kind: PriceKind, number: str) -> str:
    rate = prices().find([kind], number, 0)
    return rate.destination if rate else ""


def examples(*kinds: int) -> list[str]:
    """A number of each kind of each region, where there are such numbers."""
    found = [phonenumbers.example_number_for_type(region, kind) for region in REGIONS for kind in kinds]
    numbers = {phonenumbers.format_number(number, PhoneNumberFormat.E164) for number in found if number}
    return sorted(numbers - BY_LENGTH)


def name_of(number: str) -> str:
    return NAMES[country_of(number) or ""]


def test_the_list_is_not_large() -> None:
    assert 4_000 < len(rows()) < 6_000
    assert len(illustrative.content()) < 500_000


def test_no_two_rows_of_a_kind_have_the_same_prefix() -> None:
    assert len({(row.kind, row.prefix) for row in rows()}) == len(rows())


def test_every_destination_has_a_name_and_a_price() -> None:
    assert [row for row in rows() if not row.destination or row.per_minute <= 0] == []


def test_every_country_that_numbers_know_has_a_landline_price() -> None:
    names = {row.destination for row in rows() if row.kind is PriceKind.OUTBOUND}
    tables = ("zones.csv", "combined_plan.csv", "country_prefixes.csv", "country_overrides.csv")
    # Ascension and Tristan da Cunha count as Saint Helena.
    known = {row["country"] for row in chain.from_iterable(map(rows_of, tables))} - {"AC", "TA"}
    assert {"XK", "SH", "VA", "PR"} < known
    assert sorted(country for country in known if NAMES[country] not in names) == []


@pytest.mark.parametrize("number", examples(*TYPES))
def test_example_numbers_find_their_country_and_their_kind(number: str) -> None:
    name, _, found = destination(PriceKind.OUTBOUND, number).removeprefix(name_of(number)).partition(", ")
    assert name == ""
    assert found in TYPES[phonenumbers.number_type(phonenumbers.parse(number))]


@pytest.mark.parametrize("number", examples(PhoneNumberType.TOLL_FREE))
def test_each_toll_free_number_has_a_price_for_those_who_call_us(number: str) -> None:
    assert destination(PriceKind.TOLL_FREE, number) == f"{name_of(number)}, toll-free dial-in"


@pytest.mark.parametrize("number", ["+18005550117", "+448005550117", "+4980055501170", "+80055501170"])
def test_well_known_toll_free_numbers_have_both_prices(number: str) -> None:
    assert "toll-free" in destination(PriceKind.OUTBOUND, number)
    assert destination(PriceKind.TOLL_FREE, number).endswith(", toll-free dial-in")


@pytest.mark.parametrize("number", examples(*TYPES))
def test_a_meeting_finds_the_same_destination(number: str) -> None:
    """A conference row decides before any outbound one, so none may stand for somebody else's numbers."""
    found = destination(PriceKind.CONFERENCE, number)
    assert found in ("", destination(PriceKind.OUTBOUND, number))


def test_zone_a_can_be_dialled_in_to() -> None:
    zone_a = {row["country"] for row in rows_of("zones.csv")}
    numbers = [number for number in examples(PhoneNumberType.FIXED_LINE) if country_of(number) in zone_a]
    assert [number for number in numbers if not destination(PriceKind.CONFERENCE, number)] == []


def test_networks_without_a_country_have_a_price() -> None:
    numbers = [code.ljust(11, "1") for code in INTERNATIONAL]
    found = [destination(PriceKind.OUTBOUND, f"+{number}") for number in numbers]
    assert found == [network.name for network in INTERNATIONAL.values()]
    assert destination(PriceKind.OUTBOUND, "+97911111111") == ""


@pytest.mark.parametrize("number", ["+448431234567", "+448721234567", "+33891234567"])
def test_premium_numbers_that_can_be_called_cost_more(number: str) -> None:
    assert NUMBERS.of(number).kind is NumberKind.PREMIUM
    assert destination(PriceKind.OUTBOUND, number).endswith(", premium")


def test_made_again_the_list_is_the_same(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(script, "TARGET", tmp_path / "again.csv")
    script.main()
    assert (tmp_path / "again.csv").read_bytes() == illustrative.content()
