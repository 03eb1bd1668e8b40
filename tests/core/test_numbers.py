from __future__ import annotations

import csv
import re
from importlib.resources import files
from itertools import pairwise

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from talktime.core.numbers import NUMBERS, Allowed, Number, NumberKind, NumberRow, Numbers
from talktime.core.phone import country_of, is_usable
from talktime.core.zones import is_domestic_for_minutes, is_in_combined_plan, is_zone_a

DATA = files("talktime.core") / "data"

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)

ORDINARY, TOLL_FREE, PREMIUM = NumberKind.ORDINARY, NumberKind.TOLL_FREE, NumberKind.PREMIUM
SHARED_COST = NumberKind.SHARED_COST
ALWAYS, NEVER, AT_HOME = Allowed.ALWAYS, Allowed.NEVER, Allowed.AT_HOME_FROM_CREDITS

usable = st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z")


# --- kinds ---


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+12025550117", ORDINARY),
        ("+18005550117", TOLL_FREE),
        ("+18885550117", TOLL_FREE),
        ("+19005550117", PREMIUM),
        ("+442079460117", ORDINARY),
        ("+447700900117", ORDINARY),
        ("+448001111", TOLL_FREE),
        ("+448081570117", TOLL_FREE),
        ("+449098790117", PREMIUM),
        ("+33199000117", ORDINARY),
        ("+33612345678", ORDINARY),
        ("+33805000117", TOLL_FREE),
        ("+33891123456", PREMIUM),
        ("+33884012345", SHARED_COST),
        ("+49301234567", ORDINARY),
        ("+498001234567", TOLL_FREE),
        ("+499001234567", PREMIUM),
        ("+491801234567", SHARED_COST),
        ("+390612345678", ORDINARY),
        ("+39800123456", TOLL_FREE),
        ("+61255501170", ORDINARY),
        ("+61190012345", PREMIUM),
        ("+611800123456", TOLL_FREE),
        ("+371621234567", ORDINARY),
        ("+37190123456", PREMIUM),
        ("+80012345678", TOLL_FREE),
        ("+80812345678", SHARED_COST),
        ("+979123456789", PREMIUM),
        ("+878101234567", NumberKind.NO_COUNTRY),
    ],
)
def test_a_number_has_the_kind_of_its_leading_digits(number: str, kind: NumberKind) -> None:
    assert NUMBERS.of(number).kind is kind


@pytest.mark.parametrize("rest", ["00000", "99999999", "123456789"])
@pytest.mark.parametrize("prefix", ["1900", "4490", "37190"])
def test_a_premium_number_nobody_has_yet_is_premium(prefix: str, rest: str) -> None:
    assert NUMBERS.of(f"+{prefix}{rest}").kind is PREMIUM


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+35318001234", ORDINARY),
        ("+3531800123456", TOLL_FREE),
        ("+35315201234", ORDINARY),
        ("+3531520123456", PREMIUM),
    ],
)
def test_where_kinds_begin_alike_the_count_of_digits_tells(number: str, kind: NumberKind) -> None:
    assert NUMBERS.of(number).kind is kind


# --- who may call premium numbers (charging rules 5.1, rows 9, 29 and 30) ---


@pytest.mark.parametrize(
    ("number", "allowed"),
    [
        ("+33891123456", AT_HOME),
        ("+33836123456", AT_HOME),
        ("+448431234567", AT_HOME),
        ("+448441234567", AT_HOME),
        ("+448451234567", AT_HOME),
        ("+448701234567", AT_HOME),
        ("+448711234567", AT_HOME),
        ("+448721234567", AT_HOME),
        ("+448421234567", NEVER),
        ("+448731234567", NEVER),
        ("+449012345678", NEVER),
        ("+449512345678", NEVER),
        ("+449812345678", NEVER),
        ("+19005550117", NEVER),
        ("+499001234567", NEVER),
        ("+590891234567", NEVER),
        ("+979123456789", NEVER),
        ("+442079460117", ALWAYS),
        ("+18005550117", ALWAYS),
        ("+491801234567", ALWAYS),
        ("+881612345678", ALWAYS),
    ],
)
def test_premium_is_refused_but_for_the_exceptions(number: str, allowed: Allowed) -> None:
    assert NUMBERS.of(number).allowed is allowed


@pytest.mark.parametrize(
    ("number", "plan_country", "is_allowed"),
    [
        ("+33891123456", "FR", True),
        ("+33891123456", "GB", False),
        ("+33891123456", None, False),
        ("+448441234567", "GB", True),
        ("+448441234567", "FR", False),
        ("+448441234567", None, False),
        ("+449012345678", "GB", False),
        ("+19005550117", "US", False),
        ("+979123456789", None, False),
        ("+442079460117", "US", True),
        ("+442079460117", None, True),
        ("+881612345678", None, True),
    ],
)
def test_an_exception_holds_for_plans_of_the_same_country(number: str, plan_country: str, is_allowed: bool) -> None:
    assert NUMBERS.of(number).is_allowed(plan_country) is is_allowed


@given(usable)
def test_a_pool_never_pays_for_premium_nor_for_a_number_of_no_country(text: str) -> None:
    number = NUMBERS.of(text)
    outside = number.kind is PREMIUM or number.country is None
    assert number.may_come_from_a_pool is not outside


# --- numbers of no country ---


@pytest.mark.parametrize("code", ["870", "881", "882", "883", "888", "979"])
def test_a_number_of_no_country_is_its_own_destination_and_in_no_zone_and_no_plan(code: str) -> None:
    number = NUMBERS.of(f"+{code}12345678")
    assert (number.country, number.destination) == (None, f"+{code}")
    assert not is_zone_a(number.country)
    assert not is_in_combined_plan(number.country)
    assert not is_domestic_for_minutes(None, number.country)
    assert not number.may_come_from_a_pool
    assert number.high_risk


def test_the_destination_of_others_is_their_country() -> None:
    assert NUMBERS.of("+442079460117") == Number("GB", ORDINARY, ALWAYS, "GB")


# --- as dialled ---


@pytest.mark.parametrize(("to", "country"), [("911", "US"), ("112", "DE"), ("999", None)])
def test_an_emergency_number_is_one_whatever_else_it_could_be(to: str, country: str | None) -> None:
    assert NUMBERS.dialled(to, country) == Number(country, NumberKind.EMERGENCY, ALWAYS, to)


@pytest.mark.parametrize("to", ["411", "116117", "", "12025550117", "+123"])
def test_what_nobody_outside_can_call_is_short(to: str) -> None:
    assert NUMBERS.dialled(to, "US") == Number("US", NumberKind.SHORT, NEVER, to)


@given(usable, st.sampled_from(["US", "FR", None]))
def test_a_usable_number_is_the_same_from_everywhere(number: str, country: str | None) -> None:
    assert NUMBERS.dialled(number, country) == NUMBERS.of(number)
    assert NUMBERS.of(number).country == country_of(number)


def test_an_operator_may_name_more_emergency_numbers() -> None:
    numbers = NUMBERS.with_rows([], emergency=[("DE", "19222")])
    assert numbers.dialled("19222", "DE").kind is NumberKind.EMERGENCY
    assert NUMBERS.dialled("19222", "DE").kind is NumberKind.SHORT


# --- risks ---


@pytest.mark.parametrize(
    ("number", "high_risk"),
    [
        ("+447012345678", True),
        ("+447601234567", True),
        ("+447624123456", False),
        ("+447700900117", False),
        ("+881612345678", True),
        ("+979123456789", True),
        ("+12025550117", False),
        ("+80012345678", False),
    ],
)
def test_ranges_known_for_fraud_are_marked(number: str, high_risk: bool) -> None:
    assert NUMBERS.of(number).high_risk is high_risk


# --- an operator's rows ---


def test_an_operator_s_rows_win_over_ours_even_when_shorter() -> None:
    numbers = NUMBERS.with_rows(
        [
            NumberRow("44", premium=NEVER, high_risk=False),
            NumberRow("4420", kind=PREMIUM, high_risk=True),
            NumberRow("1900", kind=ORDINARY),
        ]
    )
    assert numbers.of("+448441234567").allowed is NEVER
    assert numbers.of("+447012345678").high_risk is False
    assert numbers.of("+442079460117") == Number("GB", PREMIUM, NEVER, "GB", True)
    assert numbers.of("+19005550117").allowed is ALWAYS
    assert numbers.of("+33891123456") == NUMBERS.of("+33891123456")
    assert NUMBERS.of("+442079460117").kind is ORDINARY


some_digits = st.text("45", min_size=1, max_size=3)
some_rows = st.lists(
    st.builds(
        NumberRow, some_digits, st.sampled_from([ORDINARY, PREMIUM, SHARED_COST]), digits=st.sampled_from([None, 8])
    ),
    max_size=4,
    unique_by=lambda row: (row.prefix, row.digits),
)


def said(layers: list[list[NumberRow]], digits: str) -> NumberKind | None:
    """As the rule has it: the latest layer that says anything, then the count of digits, then the longest prefix."""
    for layer in reversed(layers):
        matching = [row for row in layer if digits.startswith(row.prefix) and row.digits in (None, len(digits))]
        if matching:
            return max(matching, key=lambda row: (row.digits is not None, len(row.prefix))).kind
    return ORDINARY


@given(st.lists(some_rows, max_size=3), st.text("45", min_size=7, max_size=9))
def test_the_later_layer_wins_then_the_count_of_digits_then_the_longest_prefix(
    layers: list[list[NumberRow]], digits: str
) -> None:
    assert Numbers(*layers).of(f"+{digits}").kind is said(layers, digits)


def test_a_row_for_one_count_of_digits_says_nothing_of_others() -> None:
    numbers = NUMBERS.with_rows([NumberRow("44", premium=NEVER), NumberRow("4484", premium=ALWAYS, digits=12)])
    assert numbers.of("+448441234567").allowed is ALWAYS
    assert numbers.of("+44844123456").allowed is NEVER


def test_without_rows_all_is_ordinary_or_of_no_country() -> None:
    assert Numbers().of("+19005550117").kind is ORDINARY
    assert Numbers().of("+979123456789").kind is NumberKind.NO_COUNTRY


# --- our tables against the library ---


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((DATA / name).read_text("utf-8").splitlines()))


TYPES = {
    PhoneNumberType.PREMIUM_RATE: PREMIUM,
    PhoneNumberType.TOLL_FREE: TOLL_FREE,
    PhoneNumberType.SHARED_COST: SHARED_COST,
}
NAMES = ("fixed_line", "mobile", "voip", "premium_rate", "toll_free", "shared_cost")


def library_kind_of(number: str) -> NumberKind | None:
    """None: it takes some digits for a prefix that is only dialled within the country, and then knows nothing."""
    found = phonenumbers.number_type(phonenumbers.parse(number))
    return None if found == PhoneNumberType.UNKNOWN else TYPES.get(found, ORDINARY)


@st.composite
def valid_numbers(draw: st.DrawFn) -> str:
    metadata = PhoneMetadata.metadata_for_region(draw(st.sampled_from(REGIONS)))
    assert metadata is not None
    described = [getattr(metadata, name) for name in NAMES]
    patterns = [one.national_number_pattern for one in described if one and one.national_number_pattern]
    pattern: re.Pattern[str] = re.compile(draw(st.sampled_from(patterns)), re.ASCII)
    return f"+{metadata.country_code}" + draw(st.from_regex(pattern, fullmatch=True))


@settings(max_examples=1000, deadline=None)
@given(valid_numbers())
def test_every_valid_number_has_the_kind_that_the_library_says(number: str) -> None:
    expected = library_kind_of(number)
    assume(is_usable(number) and expected is not None)
    assert NUMBERS.of(number).kind is expected


@pytest.mark.parametrize("region", REGIONS)
def test_the_library_s_examples_of_every_kind_agree(region: str) -> None:
    examples = [phonenumbers.example_number_for_type(region, kind) for kind in PhoneNumberType.values()]
    numbers = [phonenumbers.format_number(example, PhoneNumberFormat.E164) for example in examples if example]
    compared = [number for number in numbers if is_usable(number)]
    assert [NUMBERS.of(number).kind for number in compared] == [library_kind_of(number) for number in compared]


def test_the_made_table_is_sorted_and_says_nothing_twice() -> None:
    table = [(row["prefix"], row["digits"]) for row in rows("number_kinds.csv")]
    assert all(earlier < later for earlier, later in pairwise(table))
    assert all(re.fullmatch("[1-9][0-9]*", prefix) for prefix, _ in table)
    assert {row["kind"] for row in rows("number_kinds.csv")} == {"premium", "shared_cost", "toll_free"}


@pytest.mark.parametrize("row", rows("number_overrides.csv"), ids=lambda row: row["prefix"])
def test_every_override_says_something_and_why(row: dict[str, str]) -> None:
    assert re.fullmatch("[1-9][0-9]*", row["prefix"])
    assert row["kind"] or row["premium"] or row["high_risk"]
    assert row["reason"]
