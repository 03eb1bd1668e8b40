"""Amounts as Stripe counts them: in the smallest unit of a currency, which is not always that of ISO 4217."""

from __future__ import annotations

from talktime.core.gateway import ProviderError
from talktime.core.money import decimal, decimals_of

MICRO_DECIMALS = 6

# Króna and shilling have no cents, but Stripe still wants two noughts; the ariary has fifths, but Stripe knows none.
_DECIMALS = {"ISK": 2, "UGX": 2, "MGA": 0}
# What Stripe does not take, and would read as something else if it did.
_UNKNOWN = frozenset({"IQD", "LYD", "UYI"})


def to_stripe(amount: int, currency: str) -> int:
    """Exactly, or not at all: nothing is rounded on the way to a card."""
    units, rest = divmod(amount, _micros_of_a_unit(currency))
    if rest or units % _step(currency) or units <= 0 or currency in _UNKNOWN:
        raise ProviderError(f"Stripe cannot take {decimal(amount)} {currency} exactly")
    return units


def from_stripe(units: int, currency: str) -> int:
    return units * _micros_of_a_unit(currency.upper())


def _micros_of_a_unit(currency: str) -> int:
    return int(10 ** (MICRO_DECIMALS - _DECIMALS.get(currency, decimals_of(currency))))


def _step(currency: str) -> int:
    """Of three decimals the last is nought; of a króna or a shilling both."""
    if currency in ("ISK", "UGX"):
        return 100
    return 10 if decimals_of(currency) == 3 else 1
