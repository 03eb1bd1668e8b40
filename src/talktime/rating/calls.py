"""A piece of a file of calls: each is rated, or it is said what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import NamedTuple

import polars as pl

from talktime.rating.charges import billed_seconds, charge
from talktime.rating.columns import ADDED, SECONDS_MAX, Columns, seconds_of, slowly
from talktime.rating.tariffs import NOTHING, Tariffs

SHOWN_MAX = 40
"""So much of a wrong value is told."""


class Problem(NamedTuple):
    field: str
    code: str
    detail: str


PROBLEMS = (
    Problem("call_id", "missing_field", "is missing"),
    Problem("call_type", "invalid_value", "is no type of call"),
    Problem("started_at", "invalid_value", "is no time with an offset, like 2030-01-31T00:00:00Z"),
    Problem("duration", "invalid_value", "is no whole number"),
    Problem("duration", "out_of_range", "is below zero"),
    Problem("duration", "out_of_range", f"is above {SECONDS_MAX} seconds"),
    Problem("to", "invalid_number", "is no number like +442079460117"),
    Problem("to", "no_rate", "has no price at that time"),
)

NO_ERRORS = pl.DataFrame(schema={"line": pl.Int64, "field": pl.String, "code": pl.String, "detail": pl.String})


class Rated(NamedTuple):
    calls: pl.DataFrame
    errors: pl.DataFrame
    read: int
    charged: Decimal


def rate(frame: pl.DataFrame, line: int, columns: Columns, tariffs: Tariffs) -> Rated:
    """`line`: that of the first call."""
    # Lazy, because only so is what several expressions share computed once.
    read = frame.lazy().select(columns.read(frame.schema, tariffs)).collect(engine="in-memory")
    at = instants_of(frame[columns.started_at], read["at"])
    seconds = seconds_of(read["duration"], columns.in_ms)
    places = tariffs.find(read["axis"].fill_null(0), read["number"].fill_null(0), at.fill_null(0))
    read = read.with_columns(at.alias("at"), seconds.alias("seconds"), places.alias("place"))
    problems = read.select(_problem(frame[columns.call_id], columns.duration_max)).to_series()
    wrong = problems.is_not_null()
    errors = told(frame, line, problems, PROBLEMS, _names(columns), columns.in_ms)
    if wrong.any():
        frame, read, places = frame.filter(~wrong), read.filter(~wrong), places.filter(~wrong)
    calls = _priced(frame, read["seconds"], places, tariffs)
    return Rated(calls, errors, len(problems), Decimal(calls["charge"].sum()))


def instants_of(text: pl.Series, at: pl.Series) -> pl.Series:
    """`at`: those of the usual form; the others are read from their text."""
    unread = at.is_null() & text.is_not_null()
    if text.dtype != pl.String or not unread.any():
        return at
    return at.scatter(unread.arg_true(), slowly(text.filter(unread)))


def _problem(call_ids: pl.Series, duration_max: int) -> pl.Expr:
    """The place of the first problem; null for none."""
    call_id = pl.lit(call_ids).cast(pl.String)
    conditions = (
        call_id.is_null() | (call_id == ""),
        pl.col("axis").is_null(),
        pl.col("at").is_null(),
        pl.col("duration").is_null(),
        pl.col("duration") < 0,
        pl.col("duration") > duration_max,
        pl.col("number").is_null(),
        pl.col("place") == NOTHING,
    )
    places = [pl.when(condition).then(pl.lit(place, pl.UInt8)) for place, condition in enumerate(conditions)]
    return pl.coalesce(places).alias("problem")


def told(
    frame: pl.DataFrame,
    line: int,
    problems: pl.Series,
    table: Sequence[Problem],
    names: Mapping[str, str],
    in_ms: bool,
) -> pl.DataFrame:
    """A line for each call with a problem, which is a place in the table. `names`: which column has which field."""
    wrong = problems.is_not_null()
    if not wrong.any():
        return NO_ERRORS
    lines = wrong.arg_true().cast(pl.Int64) + line
    known = pl.DataFrame(table, schema=["field", "code", "detail"], orient="row")
    found = known.select(pl.all().gather(problems.drop_nulls()))
    found = found.with_columns(_value(frame.filter(wrong), names, found["field"]))
    empty = pl.col("value") == ""
    # Named as in the contract, and not as the file calls it.
    ours = "duration_ms" if in_ms else "duration_seconds"
    return found.select(
        pl.lit(lines).alias("line"),
        pl.col("field").replace("duration", ours),
        pl.when(empty).then(pl.lit("missing_field")).otherwise(pl.col("code")).alias("code"),
        pl.when(empty)
        .then(pl.lit("is missing"))
        .otherwise(pl.format("'{}' {}", pl.col("value").str.slice(0, SHOWN_MAX), pl.col("detail")))
        .alias("detail"),
    )


def _names(columns: Columns) -> dict[str, str]:
    return {name: getattr(columns, name) for name in columns._fields if name != "in_ms"}


def _value(frame: pl.DataFrame, names: Mapping[str, str], fields: pl.Series) -> pl.Expr:
    """What the file says in the field that is wrong."""

    def unless(otherwise: pl.Expr, name: str) -> pl.Expr:
        cell = pl.lit(frame[names[name]].cast(pl.String))
        return pl.when(pl.lit(fields) == name).then(cell).otherwise(otherwise)

    return reduce(unless, names, pl.lit("")).fill_null("").alias("value")


def _priced(frame: pl.DataFrame, seconds: pl.Series, places: pl.Series, tariffs: Tariffs) -> pl.DataFrame:
    found = tariffs.table.select(pl.all().gather(places)).with_columns(seconds.alias("seconds"))
    found = found.with_columns(billed_seconds())
    unanswered = pl.col("billed_seconds") == 0
    nothing = pl.lit(Decimal(0), pl.Decimal(38, 6))
    fee = pl.when(unanswered).then(nothing).otherwise(pl.col("fee")).alias("connection_fee")
    found = found.with_columns(fee, charge(found, tariffs.charge_decimals))
    return frame.hstack(found.select(ADDED))
