from __future__ import annotations

import ast
import re
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.money import decimal, decimals_of, fixed, is_currency, micros, round_half_up

any_amount = st.integers(-(10**18) + 1, 10**18 - 1)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("-0", 0),
        ("12.5", 12_500_000),
        ("12.500000", 12_500_000),
        ("0.000001", 1),
        ("-3.5", -3_500_000),
        ("007", 7_000_000),
        ("999999999999.999999", 10**18 - 1),
    ],
)
def test_a_decimal_string_is_read_exactly(text: str, amount: int) -> None:
    assert micros(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".",
        ".5",
        "5.",
        "+5",
        "--5",
        "1e3",
        "1E3",
        "1.5e-3",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "0x10",
        "1_000",
        "1,5",
        "1,000.00",
        "1.2.3",
        " 1",
        "1 ",
        "1 000",
        "1\n",
        "\n1",
        "1\x00",
        "$1",
        "1.0000001",
        "1.0000000",
        "1000000000000",
        "0000000000001",
        "\N{ARABIC-INDIC DIGIT FIVE}",
        "1.\N{FULLWIDTH DIGIT FIVE}",
        "\N{SUPERSCRIPT TWO}",
        "\N{MINUS SIGN}1",
        "1/2",
        "None",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="decimal string"):
        micros(text)


@pytest.mark.parametrize("number", [12.5, 12, Decimal("12.5"), None, b"12.5", True, float("nan")])
def test_a_number_is_no_amount_even_when_it_looks_like_one(number: Any) -> None:
    with pytest.raises(TypeError):
        micros(number)


@given(st.one_of(st.text(), st.from_regex(r"-?[0-9]{0,14}(\.[0-9]{0,8})?[ \n]?", fullmatch=True)))
def test_what_is_read_is_what_is_written_or_it_is_refused(text: str) -> None:
    acceptable = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?").fullmatch(text)
    if acceptable:
        assert micros(text) == Decimal(text) * 10**6
    else:
        with pytest.raises(ValueError, match="decimal string"):
            micros(text)


@given(any_amount)
def test_every_amount_is_read_again_as_it_was_written(amount: int) -> None:
    assert micros(decimal(amount)) == amount


@given(any_amount)
def test_an_amount_is_written_as_short_as_can_be(amount: int) -> None:
    text = decimal(amount)
    assert Decimal(text) * 10**6 == amount
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]{0,5}[1-9])?", text)
    assert text != "-0"


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(0, 2, 0), (1, 2, 1), (1, 3, 0), (2, 3, 1), (3, 2, 2), (5, 2, 3), (49, 100, 0), (-1, 2, 0), (-3, 2, -1)],
)
def test_a_half_is_rounded_up(numerator: int, denominator: int, rounded: int) -> None:
    assert round_half_up(numerator, denominator) == rounded


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**9))
def test_rounding_is_exact_however_large_the_numbers(numerator: int, denominator: int) -> None:
    assert round_half_up(numerator, denominator) == floor(Fraction(numerator, denominator) + Fraction(1, 2))


@pytest.mark.parametrize(("currency", "decimals"), [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("XXX", 2)])
def test_a_currency_has_its_own_decimals(currency: str, decimals: int) -> None:
    assert decimals_of(currency) == decimals


@pytest.mark.parametrize(
    ("code", "is_one"),
    [("USD", True), ("usd", False), ("US", False), ("USDX", False), ("USD\n", False), ("", False), ("U5D", False)],
)
def test_a_currency_is_three_capital_letters(code: str, is_one: bool) -> None:
    assert is_currency(code) is is_one


# --------------------------------------------------------------------------------------------------- no float

CORE = sorted(one.name for one in files("talktime.core").iterdir() if one.name.endswith(".py"))


@pytest.mark.parametrize("module", [name for name in CORE if name != "phone.py"])
def test_no_float_is_in_any_money_path(module: str) -> None:
    tree = ast.parse((files("talktime.core") / module).read_text("utf-8"))
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr) and may_make_a_float(node)] == []


def may_make_a_float(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=float()) | ast.BinOp(op=ast.Div()) | ast.Name(id="float" | "round"):
            return True
    return False


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [(0, 4, "0.0000"), (240_000, 4, "0.2400"), (1_000_000, 2, "1.00"), (-1_500_000, 2, "-1.50"), (1, 2, "0.000001")],
)
def test_decimals_are_filled_up_and_never_cut(amount: int, decimals: int, text: str) -> None:
    assert fixed(amount, decimals) == text
