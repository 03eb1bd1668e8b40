"""What is told of a portion that was booked, call by call."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import polars as pl

from talktime.core.usage import Payer
from talktime.rating.calls import NO_ERRORS, SHOWN_MAX
from talktime.rating.settling import is_booked

A_MICRO = Decimal("0.000001")
BOOKED, KNOWN, UNANSWERED = "booked", "known", "unanswered"
DETAILS = {
    "invalid_number": "is no number like +442079460117",
    "no_rate": "has no price at that time",
    "call_id_conflict": "is there already, with another number or duration",
    "not_found": "is no organization",
}


class Posted(NamedTuple):
    outcomes: pl.DataFrame
    """By line."""
    errors: pl.DataFrame


def outcomes_of(settled: pl.DataFrame) -> pl.DataFrame:
    unanswered = pl.col("seconds") == 0
    by_pool = (pl.col("minutes") > 0) & (pl.col("payer").is_null() | (pl.col("payer") == Payer.NONE.value))
    costs = pl.col("payer").is_in([Payer.CREDITS.value, Payer.POSTPAID.value]) | pl.col("payer").is_null()
    return settled.filter(is_booked()).select(
        "line",
        pl.when(unanswered).then(pl.lit(UNANSWERED)).otherwise(pl.lit(BOOKED)).alias("outcome"),
        "reason",
        pl.when(by_pool).then(pl.lit(Payer.POOL.value)).otherwise("payer").alias("payer"),
        pl.col("minutes").alias("pool_minutes"),
        "destination",
        "prefix",
        pl.when(pl.col("rest") > 0).then("billed_seconds").otherwise(0).alias("billed_seconds"),
        _amount(pl.when(costs & (pl.col("rest") > 0)).then("fee_micros").otherwise(0)).alias("connection_fee"),
        _amount(pl.col("charge")).alias("charge"),
        _amount(pl.col("shortfall")).alias("shortfall"),
    )


def known_before(calls: pl.DataFrame) -> pl.DataFrame:
    return calls.select("line", pl.lit(KNOWN).alias("outcome"))


def not_booked(settled: pl.DataFrame) -> pl.DataFrame:
    wrong = settled.filter(~is_booked())
    return _errors(wrong.select("line", field=pl.lit("to"), code="reason", value="to"))


def conflicting(calls: pl.DataFrame) -> pl.DataFrame:
    code = pl.lit("call_id_conflict")
    return _errors(calls.select("line", field=pl.lit("call_id"), code=code, value="call_id"))


def of_no_organization(calls: pl.DataFrame) -> Posted:
    code, field = pl.lit("not_found"), pl.lit("organization")
    errors = _errors(calls.select("line", field=field, code=code, value=pl.col("organization").fill_null("")))
    return Posted(known_before(calls.clear()), errors)


def _errors(found: pl.DataFrame) -> pl.DataFrame:
    detail = pl.col("code").replace_strict(DETAILS, return_dtype=pl.String)
    shown = pl.format("'{}' {}", pl.col("value").str.slice(0, SHOWN_MAX), detail)
    return found.select("line", "field", "code", shown.alias("detail")) if found.height else NO_ERRORS


def _amount(micros: pl.Expr) -> pl.Expr:
    return micros.cast(pl.Decimal(38, 0)) * pl.lit(A_MICRO, pl.Decimal(38, 6))
