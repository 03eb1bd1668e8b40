"""How much may be added at once. In a currency that is not listed, what holds for a dollar: an operator says better."""

from __future__ import annotations

from typing import NamedTuple

from talktime.core.money import MICROS_PER_UNIT, decimals_of, micros


class Bounds(NamedTuple):
    least: int
    most: int


# Round figures in whole units, each of about 50 and 10,000 dollars. Of our own making; nobody pays by them.
_WHOLE: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("USD", "EUR", "GBP", "CHF", "CAD", "AUD", "NZD", "SGD"), (50, 10_000)),
    **dict.fromkeys(("BAM", "BGN", "AZN"), (100, 20_000)),
    **dict.fromkeys(("BYN", "GEL"), (150, 30_000)),
    **dict.fromkeys(("AED", "ILS", "MYR", "PEN", "PLN", "QAR", "SAR"), (200, 40_000)),
    **dict.fromkeys(("BRL", "RON"), (250, 50_000)),
    **dict.fromkeys(("DKK", "MAD", "NOK", "SEK"), (500, 100_000)),
    **dict.fromkeys(("CZK", "MDL", "MXN", "ZAR"), (1_000, 200_000)),
    **dict.fromkeys(("TRY", "UAH"), (2_000, 400_000)),
    **dict.fromkeys(("ALL", "JPY", "RSD", "RUB"), (5_000, 1_000_000)),
    "ARS": (50_000, 10_000_000),
    "AMD": (20_000, 4_000_000),
    "BHD": (20, 4_000),
    "CLP": (50_000, 10_000_000),
    "CNY": (350, 70_000),
    "COP": (200_000, 40_000_000),
    "EGP": (2_500, 500_000),
    "HKD": (400, 80_000),
    "HUF": (20_000, 4_000_000),
    "IDR": (800_000, 160_000_000),
    "INR": (4_000, 800_000),
    "ISK": (7_000, 1_400_000),
    "JOD": (35, 7_000),
    "KES": (6_500, 1_300_000),
    "KRW": (70_000, 14_000_000),
    "KWD": (15, 3_000),
    "KZT": (25_000, 5_000_000),
    "MKD": (3_000, 600_000),
    "NGN": (75_000, 15_000_000),
    "OMR": (20, 4_000),
    "PHP": (3_000, 600_000),
    "THB": (1_750, 350_000),
    "TND": (150, 30_000),
    "TWD": (1_500, 300_000),
    "VND": (1_250_000, 250_000_000),
}
_ANY = (50, 10_000)


def bounds_of(currency: str, own: dict[str, Bounds]) -> Bounds:
    """`own`: those of this installation."""
    least, most = _WHOLE.get(currency, _ANY)
    return own.get(currency) or Bounds(least * MICROS_PER_UNIT, most * MICROS_PER_UNIT)


def bounds_from(text: str) -> dict[str, Bounds]:
    """`USD:20-5000,JPY:3000-500000`, as an installation sets them; ValueError for anything else."""
    own: dict[str, Bounds] = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        currency, _, span = one.partition(":")
        least, _, most = span.partition("-")
        own[currency] = Bounds(micros(least), micros(most))
        if not 0 < own[currency].least <= own[currency].most:
            raise ValueError(f"{one}: the least comes before the most")
    return own


def fits(amount: int, currency: str) -> bool:
    """Whether it has no more decimals than the currency."""
    step: int = 10 ** (6 - decimals_of(currency))
    return amount % step == 0
