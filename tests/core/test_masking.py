"""Which digits of a number are shown in reports."""

from __future__ import annotations

import pytest

from talktime.core.call_types import INBOUND, CallType
from talktime.core.countries import CODES, english_name
from talktime.core.masking import digits_hidden, masked, parties

OURS, THEIRS = "+4930901820", "+4930123456"


@pytest.mark.parametrize(
    ("countries", "digits"),
    [("BE DE DK ES FI IT NL NO SE", 3), ("CH FR", 4)],
)
def test_the_country_of_the_organization_says_how_many_digits_are_hidden(countries: str, digits: int) -> None:
    assert {digits_hidden(country) for country in countries.split()} == {digits}


def test_elsewhere_nothing_is_hidden() -> None:
    hiding = {country for country in CODES if digits_hidden(country)}
    assert len(hiding) == 11
    assert [digits_hidden("GB"), digits_hidden("US"), digits_hidden("")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("text", "digits", "shown"),
    [
        ("+4930123456", 0, "+4930123456"),
        ("+4930123456", 3, "+4930123***"),
        ("+41443456789", 4, "+4144345****"),
        ("+49", 3, "+**"),
        ("12", 3, "**"),
        ("", 3, ""),
        ("anonymous", 4, "anonymous"),
        ("sip:+4930123456@192.0.2.17:5060", 3, "sip:+4930123***@***.*.*.**:5***"),
    ],
)
def test_the_last_digits_of_each_group_are_hidden(text: str, digits: int, shown: str) -> None:
    assert masked(text, digits) == shown


def test_on_inbound_calls_the_caller_is_the_other_party() -> None:
    assert parties("user_in", THEIRS, OURS, 3) == ("+4930123***", OURS)
    assert parties("user_out", OURS, THEIRS, 3) == (OURS, "+4930123***")
    assert parties("user_out", OURS, THEIRS, 0) == (OURS, THEIRS)


def test_a_short_number_is_nobodys_own() -> None:
    assert parties("user_out", OURS, "112", 3) == (OURS, "112")


def test_inbound_calls_are_known_by_their_names() -> None:
    assert CallType.DR_IN_BOT in INBOUND
    assert CallType.CONF_IN in INBOUND
    assert {one for one in CallType if one not in INBOUND and one.endswith("_in")} == set()
    assert [one for one in INBOUND if "out" in one] == []


def test_every_country_has_an_english_name_of_its_own() -> None:
    names = [english_name(code) for code in CODES]
    assert len(set(names)) == len(CODES)
    assert CODES.isdisjoint(names)
    assert (english_name("GB"), english_name("883"), english_name("")) == ("United Kingdom", "883", "")
