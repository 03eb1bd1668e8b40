"""Numbers as whole numbers, in an order in which all that begin with one prefix stand together."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

DIGITS_MAX = 15
SPAN = 16 * 10**DIGITS_MAX
"""Every key of a number is below."""
HEAD = SPAN // 10**5
"""So many keys begin with the same five digits."""


def key_of(number: pl.Expr) -> pl.Expr:
    """Null for what `core/phone.is_usable` would not take."""
    digits = number.str.len_bytes().cast(pl.Int64) - 1
    value = number.str.slice(1).cast(pl.Int64, strict=False)
    shift = _by_length(digits)
    # As large as so many digits without a leading nought are: nothing among them can have been a sign or a space.
    shifted = value * shift
    usable = (
        number.str.starts_with("+")
        & digits.is_between(7, DIGITS_MAX)
        & (shifted >= 10 ** (DIGITS_MAX - 1))
        & (shifted < 10**DIGITS_MAX)
    )
    return pl.when(usable).then(shifted * 16 + digits)


def _by_length(digits: pl.Expr) -> pl.Expr:
    power = pl.lit(10, pl.Int64)
    return power.pow((DIGITS_MAX - digits).clip(0, DIGITS_MAX))


def bounds(prefixes: Iterable[str]) -> list[int]:
    """The keys at which another longest prefix may begin to count."""
    found: set[int] = set()
    for prefix in prefixes:
        size = 10 ** (DIGITS_MAX - len(prefix))
        begins = int(prefix or 0) * size
        # The length last: 44 does not begin with 440, though both fill up to the same digits.
        found |= {begins * 16 + len(prefix), (begins + size) * 16}
    return sorted(key for key in found if key < SPAN)


def shortest_at(key: int) -> str:
    """The shortest digits whose key is `key` or the first after it."""
    value, length = divmod(key, 16)
    digits = f"{value:0{DIGITS_MAX}d}"
    return digits[:length] if length else digits.rstrip("0")
