from __future__ import annotations

import csv
import re
from importlib.resources import files
from itertools import pairwise

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from talktime.core.phone import country_of, is_usable

DATA = files("talktime.core") / "data"

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)

KINDS = ("fixed_line", "mobile", "voip", "toll_free")


# --- usable ---


@pytest.mark.parametrize("number", ["+1234567", "+123456789012345", "+12025550117", "+442079460117", "+2100000"])
def test_a_plus_and_seven_to_fifteen_digits_are_usable(number: str) -> None:
    assert is_usable(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "911",
        "12025550117",
        "0012025550117",
        "+02025550117",
        "+123456",
        "+1234567890123456",
        "++12025550117",
        "+1 202 555 0117",
        "+1-202-555-0117",
        "+1202555011x",
        "+12025550117;ext=5",
        "tel:+12025550117",
        " +12025550117",
        "+12025550117 ",
        "+12025550117\n",
        "\n+12025550117",
        "+12025550117\x00",
        "+1202555011\N{ARABIC-INDIC DIGIT SEVEN}",
        "+\N{ARABIC-INDIC DIGIT ONE}2025550117",
        "+1202555011\N{FULLWIDTH DIGIT SEVEN}",
        "+1202555011\N{SUPERSCRIPT TWO}",
        "\N{FULLWIDTH PLUS SIGN}12025550117",
    ],
)
def test_anything_else_is_not_usable(number: str) -> None:
    assert not is_usable(number)


def is_usable_spelled_out(number: str) -> bool:
    plus, first, more = number[:1], number[1:2], number[2:]
    return plus == "+" and first in set("123456789") and 6 <= len(more) <= 14 and set(more) <= set("0123456789")


nearly_numbers = st.from_regex(r"\A[+]?[0-9]{0,18}[+\n x٣]?[0-9]{0,2}\Z")


@given(nearly_numbers | st.from_regex(r"\A\+[1-9]\d{5,15}\Z") | st.text(alphabet="+0189\n٣", max_size=17) | st.text())
def test_usable_is_what_the_rule_says_for_any_text(number: str) -> None:
    assert is_usable(number) == is_usable_spelled_out(number)


# --- countries ---


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+12025550117", "US"),
        ("+14165550117", "CA"),
        ("+18675550117", "CA"),
        ("+17875550117", "PR"),
        ("+19395550117", "PR"),
        ("+18765550117", "JM"),
        ("+16585550117", "JM"),
        ("+16715550117", "GU"),
        ("+18095550117", "DO"),
        ("+18295550117", "DO"),
        ("+18495550117", "DO"),
        ("+12425550117", "BS"),
        ("+12465550117", "BB"),
        ("+12645550117", "AI"),
        ("+12685550117", "AG"),
        ("+12845550117", "VG"),
        ("+13405550117", "VI"),
        ("+13455550117", "KY"),
        ("+14415550117", "BM"),
        ("+14735550117", "GD"),
        ("+16495550117", "TC"),
        ("+16645550117", "MS"),
        ("+16705550117", "MP"),
        ("+16845550117", "AS"),
        ("+17215550117", "SX"),
        ("+17585550117", "LC"),
        ("+17675550117", "DM"),
        ("+17845550117", "VC"),
        ("+18685550117", "TT"),
        ("+18695550117", "KN"),
    ],
)
def test_plus_one_is_split_by_area_code(number: str, country: str) -> None:
    assert country_of(number) == country


@pytest.mark.parametrize("number", ["+18005550117", "+18001234567", "+18885550117", "+19005550117", "+15005550117"])
def test_what_all_of_plus_one_shares_counts_as_the_united_states(number: str) -> None:
    assert country_of(number) == "US"


@pytest.mark.parametrize("number", ["+15555550117", "+19995550117", "+10000000000", "+1234567"])
def test_an_unknown_area_code_counts_as_the_united_states(number: str) -> None:
    assert country_of(number) == "US"


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+74955550117", "RU"),
        ("+79165550117", "RU"),
        ("+77275550117", "KZ"),
        ("+77015550117", "KZ"),
        ("+76015550117", "KZ"),
        ("+38338555011", "XK"),
        ("+38111555011", "RS"),
        ("+442079460117", "GB"),
        ("+447700900117", "GB"),
        ("+441481555011", "GG"),
        ("+447781555011", "GG"),
        ("+441534555011", "JE"),
        ("+447797555011", "JE"),
        ("+441624555011", "IM"),
        ("+447624555011", "IM"),
        ("+4722555011", "NO"),
        ("+4779025501", "SJ"),
        ("+358912345678", "FI"),
        ("+3581812345", "AX"),
        ("+390669812345", "VA"),
        ("+390612345678", "IT"),
        ("+61255501170", "AU"),
        ("+61891621234", "CC"),
        ("+61891641234", "CX"),
        ("+212520123456", "MA"),
        ("+212528812345", "EH"),
        ("+212528912345", "EH"),
        ("+262262123456", "RE"),
        ("+262269012345", "YT"),
        ("+262639012345", "YT"),
        ("+590590201234", "GP"),
        ("+590590271234", "BL"),
        ("+590590771234", "MF"),
        ("+59995551234", "CW"),
        ("+5997151234", "BQ"),
        ("+59133123456", "BO"),
        ("+33199000117", "FR"),
        ("+49301234567", "DE"),
        ("+27821234567", "ZA"),
        ("+886212345678", "TW"),
        ("+85221234567", "HK"),
        ("+821012345678", "KR"),
        ("+29022123", "SH"),
    ],
)
def test_a_number_is_in_the_country_of_its_longest_prefix(number: str, country: str) -> None:
    assert country_of(number) == country


@pytest.mark.parametrize(
    ("area", "country"),
    [("1202", "US"), ("1416", "CA"), ("1876", "JM"), ("7727", "KZ"), ("4420", "GB"), ("441481", "GG"), ("383", "XK")],
)
@pytest.mark.parametrize("rest", ["00000", "1111111", "999999999"])
def test_a_number_nobody_can_have_is_in_the_country_it_would_be_in(area: str, country: str, rest: str) -> None:
    assert country_of(f"+{area}{rest}") == country


@pytest.mark.parametrize(
    "number",
    [
        "+80012345678",
        "+80812345678",
        "+870773123456",
        "+878101234567",
        "+881612345678",
        "+882161234567",
        "+883510012345",
        "+88812345678",
        "+979123456789",
        "+2100000",
        "+99912345678",
    ],
)
def test_satellite_international_and_unassigned_numbers_are_in_no_country(number: str) -> None:
    assert country_of(number) is None


# --- our tables against the library ---


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((DATA / name).read_text("utf-8").splitlines()))


OVERRIDES = {row["prefix"]: row["country"] for row in rows("country_overrides.csv")}

# By the library Dominican toll-free numbers that no other +1 country has; by us an area code belongs to one country.
SHARED_AREA_CODE = "18001"

ON_PURPOSE = tuple(f"+{prefix}" for prefix in [*OVERRIDES, SHARED_AREA_CODE])


def library_country_of(number: str) -> str | None:
    region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    return None if region == "001" else region


@st.composite
def valid_numbers(draw: st.DrawFn) -> str:
    region = draw(st.sampled_from(REGIONS))
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    kinds = [getattr(metadata, kind) for kind in KINDS]
    patterns = [kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern]
    pattern: re.Pattern[str] = re.compile(draw(st.sampled_from(patterns)), re.ASCII)
    return f"+{metadata.country_code}" + draw(st.from_regex(pattern, fullmatch=True))


@settings(max_examples=1000, deadline=None)
@given(valid_numbers())
def test_every_valid_number_is_where_the_library_says(number: str) -> None:
    assume(is_usable(number) and not number.startswith(ON_PURPOSE))
    expected = library_country_of(number)
    assert expected is None or country_of(number) == expected


@pytest.mark.parametrize("region", REGIONS)
def test_the_library_s_examples_of_every_kind_agree(region: str) -> None:
    # Not the company numbers: the Canadian ones have seven digits, are dialled without +1, and look like Los Angeles.
    kinds = [kind for kind in PhoneNumberType.values() if kind != PhoneNumberType.UAN]
    examples = [phonenumbers.example_number_for_type(region, kind) for kind in kinds]
    numbers = [phonenumbers.format_number(example, PhoneNumberFormat.E164) for example in examples if example]
    compared = [number for number in numbers if is_usable(number) and not number.startswith(ON_PURPOSE)]
    assert [country_of(number) for number in compared] == [library_country_of(number) for number in compared]


def test_every_area_code_of_plus_one_agrees() -> None:
    numbers = [f"+1{area}2345678" for area in range(200, 1000)]
    known = {number: country for number in numbers if (country := library_country_of(number))}
    assert len(known) > 400
    assert {number: country_of(number) for number in known} == known


def test_every_calling_code_has_the_main_country_of_the_library() -> None:
    codes = [code for code in COUNTRY_CODE_TO_REGION_CODE if str(code) not in OVERRIDES]
    mains = [phonenumbers.region_code_for_country_code(code) for code in codes]
    assert [country_of(f"+{code}") or "001" for code in codes] == mains


def test_every_country_of_the_library_has_a_number() -> None:
    ours = {row["country"] for row in rows("country_prefixes.csv")} | set(OVERRIDES.values())
    assert set(REGIONS) - ours == set()


@pytest.mark.parametrize("name", ["country_prefixes.csv", "country_overrides.csv"])
def test_the_tables_hold_digits_and_two_letters_once_each(name: str) -> None:
    table = [(row["prefix"], row["country"]) for row in rows(name)]
    assert all(re.fullmatch("[1-9][0-9]*", prefix) and re.fullmatch("[A-Z]{2}", country) for prefix, country in table)
    assert len({prefix for prefix, _ in table}) == len(table)


def test_the_made_table_is_sorted_so_that_a_change_reads_well() -> None:
    prefixes = [row["prefix"] for row in rows("country_prefixes.csv")]
    assert all(earlier < later for earlier, later in pairwise(prefixes))


@pytest.mark.parametrize("row", rows("country_overrides.csv"), ids=lambda row: row["prefix"])
def test_every_override_is_needed_and_says_why(row: dict[str, str]) -> None:
    made = {row["prefix"]: row["country"] for row in rows("country_prefixes.csv")}
    beginnings = [row["prefix"][:length] for length in range(len(row["prefix"]), 0, -1)]
    without = next(made[prefix] for prefix in beginnings if prefix in made)
    assert without != row["country"]
    assert row["reason"]
