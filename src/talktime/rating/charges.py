"""What calls cost: the arithmetic of `core/rates` over whole columns."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from talktime.core.money import AMOUNT_MAX, MICROS_PER_UNIT

FITS = 2**61
"""Sums below may be doubled and still be an Int64."""


def billed_seconds() -> pl.Expr:
    """An increment that has begun counts; an unanswered call has none."""
    seconds, initial, step = pl.col("seconds"), pl.col("initial"), pl.col("step")
    steps = ((seconds - initial).clip(0) + step - 1) // step
    return pl.when(seconds > 0).then(initial + steps * step).otherwise(0).alias("billed_seconds")


def charge(calls: pl.DataFrame, charge_decimals: int) -> pl.Expr:
    """Fee and minutes as an exact product, then the one rounding: half up, to the decimals of the list."""
    kind = pl.Int64() if _largest(calls) < FITS else pl.Int128()
    billed = pl.col("billed_seconds").cast(kind)
    unit = MICROS_PER_UNIT // 10**charge_decimals
    sixtieths = 60 * pl.col("fee_micros").cast(kind) + pl.col("per_minute").cast(kind) * billed
    units = (2 * sixtieths + 60 * unit) // (120 * unit)
    answered = pl.when(billed > 0).then(units).otherwise(pl.lit(0, kind))
    return _decimal(answered, charge_decimals).alias("charge")


def cost(calls: pl.DataFrame) -> pl.Expr:
    """The same in micros, each to the decimals of its own list; null where it is more than can be booked (D-23)."""
    kind = pl.Int64() if _largest(calls) < FITS else pl.Int128()
    billed, fee, per_minute = (pl.col(name).cast(kind) for name in ("billed_seconds", "fee_micros", "per_minute"))
    units = {decimals: MICROS_PER_UNIT // 10**decimals for decimals in range(7)}
    unit = pl.col("decimals").replace_strict(units, return_dtype=pl.Int64).cast(kind)
    micros = (2 * (60 * fee + per_minute * billed) + 60 * unit) // (120 * unit) * unit
    answered = pl.when(billed > 0).then(micros).otherwise(pl.lit(0, kind))
    return pl.when(answered <= AMOUNT_MAX).then(answered).cast(pl.Int64).alias("cost")


def _largest(calls: pl.DataFrame) -> int:
    """At least as much as any of the exact products."""
    fee, per_minute, billed = calls.select(pl.col("fee_micros", "per_minute", "billed_seconds").max()).row(0)
    return 60 * (fee or 0) + (per_minute or 0) * (billed or 0) + 60 * MICROS_PER_UNIT


def _decimal(units: pl.Expr, decimals: int) -> pl.Expr:
    """Whole units of so many decimals, as decimals."""
    return units.cast(pl.Decimal(38, 0)) * pl.lit(Decimal(1).scaleb(-decimals), pl.Decimal(38, decimals))
