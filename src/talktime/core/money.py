"""Money is whole micros of a currency's major unit. Never a float."""

from __future__ import annotations

import re
from functools import lru_cache

MICROS_PER_UNIT = 1_000_000
AMOUNT_MAX = 10**15 * MICROS_PER_UNIT // 1000
"""A thousand milliards: more than anyone has, and sums of it still fit a column. Twelve digits end just below."""

_DECIMAL = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,6}))?", re.ASCII)

# ISO 4217 where it is not two.
_DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def micros(text: str) -> int:
    """The amount that a decimal string says, exactly; ValueError for anything that is no such string."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ValueError("an amount is a decimal string with at most 12 digits and 6 decimals")
    sign, units, rest = found.groups()
    amount = int(units) * MICROS_PER_UNIT + int((rest or "").ljust(6, "0"))
    return -amount if sign else amount


@lru_cache(maxsize=4096)
def decimal(amount: int) -> str:
    """The shortest decimal string of an amount."""
    units, rest = divmod(abs(amount), MICROS_PER_UNIT)
    text = f"{units}.{rest:06d}".rstrip("0") if rest else str(units)
    return f"-{text}" if amount < 0 else text


def fixed(amount: int, decimals: int) -> str:
    """With so many decimals at least: none that counts is ever left out."""
    units, _, rest = decimal(amount).partition(".")
    rest = rest.ljust(decimals, "0")
    return f"{units}.{rest}" if rest else units


def round_half_up(numerator: int, denominator: int) -> int:
    """The one rounding of the product: to the nearest whole, a half upwards."""
    return (2 * numerator + denominator) // (2 * denominator)


def decimals_of(currency: str) -> int:
    return _DECIMALS.get(currency, 2)


def is_currency(code: str) -> bool:
    return re.fullmatch(r"[A-Z]{3}", code) is not None
