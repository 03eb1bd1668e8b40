"""What a file of calls that are to be booked says, column by column, and what is wrong with its lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from talktime.core.call_types import CallType
from talktime.rating.calls import PROBLEMS as OF_RATING
from talktime.rating.calls import Problem, instants_of, told
from talktime.rating.columns import CannotRate, Columns, columns_of, instant_in, seconds_of, text_in
from talktime.rating.numbers import key_of

USER, FROM, CONFERENCE, ORGANIZATION = "user", "from", "conference_id", "organization"
OPTIONAL = (USER, FROM, CONFERENCE, ORGANIZATION)
ADDED = (
    *("outcome", "reason", "payer", "pool_minutes", "destination", "prefix"),
    *("billed_seconds", "connection_fee", "charge", "shortfall"),
)
WORD_MAX, NOTE_MAX, DIGITS_MAX = 128, 256, 128

_CALL_ID, _CALL_TYPE, _AT, _WHOLE, _BELOW, _ABOVE, _, _ = OF_RATING
PROBLEMS = (
    _CALL_ID,
    Problem("call_id", "invalid_value", "has another character than the visible ones of ASCII, or more than 128"),
    _CALL_TYPE,
    _AT,
    _WHOLE,
    _BELOW,
    _ABOVE,
    Problem("to", "invalid_number", "is no number like +442079460117"),
    Problem(USER, "invalid_value", f"is longer than {WORD_MAX} characters"),
    Problem(FROM, "invalid_value", f"is longer than {WORD_MAX} characters"),
    Problem(CONFERENCE, "invalid_value", f"is longer than {NOTE_MAX} characters"),
)


class PostColumns(NamedTuple):
    rated: Columns
    others: Mapping[str, str]
    """Ours and theirs, of those that there are."""

    @property
    def names(self) -> dict[str, str]:
        """From the field of a problem to what the file calls it."""
        one = self.rated
        ours = {"call_id": one.call_id, "call_type": one.call_type, "started_at": one.started_at}
        return {**ours, "duration": one.duration, "to": one.to, **self.others}


def post_columns(schema: Mapping[str, pl.DataType], names: Mapping[str, str]) -> PostColumns:
    rated = columns_of(schema, {ours: theirs for ours, theirs in names.items() if ours not in OPTIONAL}, ADDED)
    others = {ours: names.get(ours, ours) for ours in OPTIONAL}
    for ours, theirs in others.items():
        if theirs not in schema and (ours == USER or ours in names):
            raise CannotRate(f"the column {theirs!r} is missing; --column OURS=THEIRS says how it is called")
    found = {ours: theirs for ours, theirs in others.items() if theirs in schema}
    for theirs in found.values():
        if schema[theirs] != pl.String and not isinstance(schema[theirs], pl.Categorical | pl.Enum):
            raise CannotRate(f"the column {theirs!r} holds {schema[theirs]} and not text")
    return PostColumns(rated, found)


class Read(NamedTuple):
    calls: pl.DataFrame
    """line, call_id, call_type, to, number, at, seconds, user, from, conference_id, organization."""
    errors: pl.DataFrame


def read(frame: pl.DataFrame, line: int, columns: PostColumns) -> Read:
    """`line`: that of the first call."""
    one = columns.rated
    found = frame.lazy().select(_columns(frame, columns)).collect(engine="in-memory")
    at = instants_of(frame[one.started_at], found["at"])
    seconds = seconds_of(found["duration"], one.in_ms)
    lines = pl.int_range(line, line + frame.height, dtype=pl.Int64, eager=True)
    found = found.with_columns(at.alias("at"), seconds.alias("seconds"), lines.alias("line"))
    problems = found.select(_problem(one.duration_max)).to_series()
    errors = told(frame, line, problems, PROBLEMS, columns.names, one.in_ms)
    return Read(found.filter(problems.is_null()).drop("duration"), errors)


def _columns(frame: pl.DataFrame, columns: PostColumns) -> list[pl.Expr]:
    one = columns.rated
    return [
        text_in(one.call_id).alias("call_id"),
        text_in(one.call_type).alias("call_type"),
        text_in(one.to).alias("to"),
        key_of(text_in(one.to)).alias("number"),
        instant_in(one.started_at, frame.schema[one.started_at]).alias("at"),
        text_in(one.duration).cast(pl.Int64, strict=False).alias("duration"),
        *(_other(columns, ours) for ours in OPTIONAL),
    ]


def _other(columns: PostColumns, ours: str) -> pl.Expr:
    """An empty cell says nothing."""
    if ours not in columns.others:
        return pl.lit(None, pl.String).alias(ours)
    text = text_in(columns.others[ours])
    return pl.when(text != "").then(text).alias(ours)


def _problem(duration_max: int) -> pl.Expr:
    """The place of the first problem; null for none. No text of ours has a nought byte: databases take none."""
    types = [call_type.value for call_type in CallType]
    duration, call_id = pl.col("duration"), pl.col("call_id")
    conditions = (
        call_id.is_null() | (call_id == ""),
        ~call_id.str.contains("^[!-~]{1,128}$") | call_id.str.contains("\n", literal=True),
        ~pl.col("call_type").is_in(types).fill_null(False),
        pl.col("at").is_null(),
        duration.is_null(),
        duration < 0,
        duration > duration_max,
        pl.col("to").is_null() | (pl.col("to") == "") | _is_no_text("to", DIGITS_MAX),
        _is_no_text(USER, WORD_MAX),
        _is_no_text(FROM, WORD_MAX),
        _is_no_text(CONFERENCE, NOTE_MAX),
    )
    places = [pl.when(condition).then(pl.lit(place, pl.UInt8)) for place, condition in enumerate(conditions)]
    return pl.coalesce(places).alias("problem")


def _is_no_text(name: str, longest: int) -> pl.Expr:
    return (pl.col(name).str.len_chars() > longest) | pl.col(name).str.contains("\0", literal=True)
