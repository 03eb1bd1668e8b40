"""What an operator says about numbers, without code."""

from __future__ import annotations

import pytest

from talktime.core.catalogue import CATALOGUE
from talktime.core.licence_cells import licence_of
from talktime.core.licence_text import cells_of
from talktime.core.number_rows import number_line, read_number_rows, with_lines
from talktime.core.numbers import NUMBERS, Allowed, NumberKind
from talktime.core.price_files import BadRows
from talktime.core.price_rows import BadRow


def test_rows_of_the_operator_win_over_those_that_are_shipped() -> None:
    rows = [
        {"prefix": "37190", "kind": "premium", "premium": "at_home_from_credits", "reason": "Our regulator"},
        {"prefix": "371", "high_risk": "yes", "digits": "11"},
        {"prefix": "4470", "high_risk": "no"},
    ]
    numbers = with_lines(NUMBERS, read_number_rows(rows))
    premium = numbers.of("+37190123456")
    assert (premium.kind, premium.allowed) == (NumberKind.PREMIUM, Allowed.AT_HOME_FROM_CREDITS)
    assert [numbers.of(one).high_risk for one in ("+37190123456", "+3719012345", "+447012345678")] == [
        True,
        False,
        False,
    ]
    assert NUMBERS.of("+447012345678").high_risk


def test_an_emergency_number_is_added_for_its_country() -> None:
    numbers = with_lines(NUMBERS, read_number_rows([{"prefix": "8484", "kind": "emergency", "country": "LV"}]))
    kinds = [numbers.dialled("8484", country).kind for country in ("LV", "US", None)]
    assert kinds == [NumberKind.EMERGENCY, NumberKind.SHORT, NumberKind.EMERGENCY]
    assert numbers.dialled("112", "LV").kind is NumberKind.EMERGENCY


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"kind": "premium"}, "prefix"),
        ({"prefix": "+371", "kind": "premium"}, "prefix"),
        ({"prefix": "\u0661", "kind": "premium"}, "prefix"),
        ({"prefix": "371"}, "kind"),
        ({"prefix": "371", "digits": "8"}, "kind"),
        ({"prefix": "371", "kind": "dear"}, "kind"),
        ({"prefix": "371", "kind": "no_country"}, "kind"),
        ({"prefix": "371", "premium": "maybe"}, "premium"),
        ({"prefix": "371", "high_risk": "true"}, "high_risk"),
        ({"prefix": "371", "high_risk": "yes", "digits": "16"}, "digits"),
        ({"prefix": "371", "high_risk": "yes", "digits": "0"}, "digits"),
        ({"prefix": "371", "high_risk": "yes", "country": "LV"}, "country"),
        ({"prefix": "113", "kind": "emergency"}, "country"),
        ({"prefix": "113", "kind": "emergency", "country": "ZZ"}, "country"),
        ({"prefix": "1", "kind": "emergency", "country": "LV"}, "prefix"),
        ({"prefix": "113", "kind": "emergency", "country": "LV", "digits": "3"}, "digits"),
        ({"prefix": "371", "high_risk": "yes", "reason": "x" * 501}, "reason"),
        ({"prefix": "371", "colour": "blue"}, "colour"),
    ],
)
def test_what_is_wrong_is_told_with_its_column(cells: dict[str, str], field: str) -> None:
    with pytest.raises(BadRow) as wrong:
        number_line(cells)
    assert wrong.value.field == field


def test_the_same_is_not_said_twice() -> None:
    row = {"prefix": "371", "high_risk": "yes"}
    with pytest.raises(BadRows) as refused:
        read_number_rows([row, row | {"digits": "11"}, row])
    assert [error[:2] for error in refused.value.errors] == [("rows[2].prefix", "duplicate")]


@pytest.mark.parametrize("code", [licence.code for licence in CATALOGUE])
def test_a_licence_that_is_written_and_read_is_the_same(code: str) -> None:
    [licence] = [one for one in CATALOGUE if one.code == code]
    assert licence_of(cells_of(licence)) == licence
