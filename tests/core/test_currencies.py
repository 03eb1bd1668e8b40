"""How much may be added at once."""

from __future__ import annotations

import pytest

from talktime.core.currencies import Bounds, bounds_from, bounds_of, fits
from talktime.core.money import decimal, micros


@pytest.mark.parametrize(
    ("currency", "least", "most"),
    [
        *[(currency, "50", "10000") for currency in ("USD", "EUR", "GBP", "CHF", "CAD", "AUD", "NZD", "SGD")],
        ("JPY", "5000", "1000000"),
        ("KWD", "15", "3000"),
        ("RUB", "5000", "1000000"),
        ("RON", "250", "50000"),
        ("XTS", "50", "10000"),
    ],
)
def test_each_currency_has_round_figures(currency: str, least: str, most: str) -> None:
    assert [decimal(bound) for bound in bounds_of(currency, {})] == [least, most]


def test_an_installation_may_have_its_own() -> None:
    own = bounds_from("USD:20-5000, JPY:3000-500000,")
    assert own == {"USD": Bounds(micros("20"), micros("5000")), "JPY": Bounds(micros("3000"), micros("500000"))}
    assert bounds_of("USD", own) == own["USD"]
    assert bounds_of("EUR", own).least == micros("50")
    assert bounds_from("") == {}


@pytest.mark.parametrize("text", ["USD", "USD:20", "USD:50-20", "USD:0-20", "USD:a-b", ":"])
def test_what_says_no_bounds_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        bounds_from(text)


def test_an_amount_has_no_more_decimals_than_its_currency() -> None:
    assert [fits(micros("15.12"), one) for one in ("JPY", "USD", "KWD")] == [False, True, True]
    assert [fits(micros("15.125"), one) for one in ("JPY", "USD", "KWD")] == [False, False, True]
    assert fits(micros("15"), "JPY")
