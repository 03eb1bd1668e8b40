"""An amount reaches Stripe exactly or not at all."""

from __future__ import annotations

import ast
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.gateway import ProviderError
from talktime.core.money import micros
from talktime.payments.stripe.amounts import from_stripe, to_stripe
from tests.core.test_money import may_make_a_float

# As docs.stripe.com/currencies has them.
ZERO = ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
THREE = ["BHD", "JOD", "KWD", "OMR", "TND"]
OLD_CENTS = ["ISK", "UGX"]
TWO = ["USD", "EUR", "GBP", "CHF", "CAD", "AUD", "NZD", "SGD", "HUF", "TWD", "RUB", "RON"]


@pytest.mark.parametrize("currency", TWO)
def test_most_currencies_are_counted_in_hundredths(currency: str) -> None:
    assert to_stripe(micros("55.25"), currency) == 5525


@pytest.mark.parametrize("currency", ZERO)
def test_some_currencies_are_counted_whole(currency: str) -> None:
    assert to_stripe(micros("5000"), currency) == 5000


@pytest.mark.parametrize("currency", THREE)
def test_of_three_decimals_the_last_is_nought(currency: str) -> None:
    assert to_stripe(micros("15.12"), currency) == 15_120


@pytest.mark.parametrize("currency", OLD_CENTS)
def test_what_has_lost_its_cents_is_still_told_with_two_noughts(currency: str) -> None:
    assert to_stripe(micros("5"), currency) == 500


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        *[("55.255", "USD"), ("0.000001", "EUR"), ("0", "USD"), ("-5", "USD"), ("5000.5", "JPY"), ("0.5", "MGA")],
        *[("15.125", "KWD"), ("15.1255", "KWD"), ("5.5", "ISK"), ("0.01", "UGX")],
        *[("15", "IQD"), ("15", "LYD"), ("15", "UYI")],
    ],
)
def test_what_cannot_be_said_exactly_is_not_said(amount: str, currency: str) -> None:
    with pytest.raises(ProviderError, match=currency):
        to_stripe(micros(amount), currency)


@given(st.integers(1, 10**14), st.sampled_from([*ZERO, *THREE, *OLD_CENTS, *TWO]))
def test_what_was_said_comes_back_the_same(amount: int, currency: str) -> None:
    try:
        units = to_stripe(amount, currency)
    except ProviderError:
        return
    assert from_stripe(units, currency) == from_stripe(units, currency.lower()) == amount


@given(st.integers(1, 10**8), st.sampled_from([*ZERO, *OLD_CENTS, *TWO]))
def test_every_whole_amount_can_be_said(units: int, currency: str) -> None:
    assert from_stripe(to_stripe(units * 1_000_000, currency), currency) == units * 1_000_000


def test_no_float_is_in_the_adapter() -> None:
    modules = [one for one in files("talktime.payments.stripe").iterdir() if one.name.endswith(".py")]
    assert len(modules) > 5
    for module in modules:
        nodes = [node for node in ast.walk(ast.parse(module.read_text("utf-8"))) if isinstance(node, ast.expr)]
        assert [node.lineno for node in nodes if may_make_a_float(node)] == [], module.name
