"""Limits: a change replaces what it names and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from talktime.core.countries import is_country
from talktime.core.limits import FraudLimits, Limits, merged


def test_what_is_not_named_stays() -> None:
    old = Limits(slice_seconds=300, top_up_min="50", fraud=FraudLimits(premium=False, spend_per_day="75.5"))
    new = Limits(top_up_min=None, fraud=FraudLimits(spend_per_day=None, concurrent_calls=2))
    fraud = FraudLimits(premium=False, spend_per_day=None, concurrent_calls=2)
    assert merged(old, new) == Limits(slice_seconds=300, top_up_min=None, fraud=fraud)


def test_the_first_fraud_limits_are_taken_as_they_are() -> None:
    fraud = FraudLimits(international=False)
    assert merged(Limits(), Limits(fraud=fraud)) == Limits(fraud=fraud)
    assert merged(Limits(fraud=fraud), Limits()) == Limits(fraud=fraud)


def test_what_was_never_set_is_not_written() -> None:
    assert msgspec.json.encode(Limits(grace_seconds=5, top_up_max=None)) == b'{"grace_seconds":5,"top_up_max":null}'


@pytest.mark.parametrize("text", ["", "1e3", "-1", "1.1234567", "1\n"])
def test_money_is_a_decimal_string(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"top_up_min": text}, Limits)


def test_countries_are_known_by_two_capital_letters() -> None:
    assert [is_country(code) for code in ("US", "LV", "XK", "ZZ", "us", "")] == [True, True, True, False, False, False]
