"""Which columns a file has, under which names, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import polars as pl

from talktime.core.rates import TOLERANCE_MS
from talktime.core.time import instant
from talktime.rating.numbers import key_of
from talktime.rating.tariffs import Tariffs

REQUIRED = ("call_id", "call_type", "to", "started_at")
DURATIONS = ("duration_seconds", "duration_ms")
ADDED = ("destination", "prefix", "billed_seconds", "connection_fee", "charge")
SECONDS_MAX = 1_000_000_000

_USUAL = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]Z$"
_TIME = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_FIRST, _LAST = (instant(end.replace(tzinfo=UTC)) for end in (datetime.min, datetime.max))
_YEAR_1 = -62_135_596_800_000_000


class CannotRate(Exception):
    """A sentence for the person who asked: nothing was written."""


class Columns(NamedTuple):
    """How a file calls what we need."""

    call_id: str
    call_type: str
    to: str
    started_at: str
    duration: str
    in_ms: bool

    @property
    def duration_max(self) -> int:
        return SECONDS_MAX * (1000 if self.in_ms else 1)

    def read(self, schema: Mapping[str, pl.DataType], tariffs: Tariffs) -> list[pl.Expr]:
        """What a call is priced by; null where the file does not say it."""
        axes = {call_type.value: axis for call_type, (axis, _) in tariffs.axes.items()}
        return [
            text_in(self.call_type).replace_strict(axes, default=None, return_dtype=pl.Int64).alias("axis"),
            key_of(text_in(self.to)).alias("number"),
            instant_in(self.started_at, schema[self.started_at]).alias("at"),
            text_in(self.duration).cast(pl.Int64, strict=False).alias("duration"),
        ]


def columns_of(schema: Mapping[str, pl.DataType], names: Mapping[str, str], added: Sequence[str] = ADDED) -> Columns:
    """`names`: from ours to those of the file, where they differ. `added`: what comes to them."""
    if unknown := sorted(set(names) - {*REQUIRED, *DURATIONS}):
        raise CannotRate(f"no column of ours is called {unknown[0]!r}; there are {', '.join((*REQUIRED, *DURATIONS))}")
    if taken := [name for name in added if name in schema]:
        raise CannotRate(f"the column {taken[0]!r} is there already")
    theirs = {name: names.get(name, name) for name in (*REQUIRED, *DURATIONS)}
    if missing := [theirs[name] for name in REQUIRED if theirs[name] not in schema]:
        raise CannotRate(f"the column {missing[0]!r} is missing; --column OURS=THEIRS says how it is called")
    durations = [name for name in DURATIONS if theirs[name] in schema]
    if len(durations) != 1:
        raise CannotRate("there must be a column duration_seconds or duration_ms, and not both")
    call_id, call_type, to, started_at = (theirs[name] for name in REQUIRED)
    columns = Columns(call_id, call_type, to, started_at, theirs[durations[0]], durations[0] == "duration_ms")
    _check_types(schema, columns)
    return columns


def _check_types(schema: Mapping[str, pl.DataType], columns: Columns) -> None:
    """Of a Parquet file; all of CSV is text."""
    for name in (columns.call_type, columns.to):
        if schema[name] != pl.String and not isinstance(schema[name], pl.Categorical | pl.Enum):
            raise CannotRate(f"the column {name!r} holds {schema[name]} and not text")
    if schema[columns.duration] != pl.String and not schema[columns.duration].is_integer():
        raise CannotRate(f"the column {columns.duration!r} holds {schema[columns.duration]} and not whole numbers")
    started = schema[columns.started_at]
    if started != pl.String and not (isinstance(started, pl.Datetime) and started.time_zone):
        raise CannotRate(f"the column {columns.started_at!r} holds {started} and not times with an offset")


def text_in(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String)


def seconds_of(durations: pl.Series, in_ms: bool) -> pl.Series:
    return ((durations - TOLERANCE_MS).clip(0) + 999) // 1000 if in_ms else durations


def instant_in(name: str, kind: pl.DataType) -> pl.Expr:
    if kind != pl.String:
        return pl.col(name).cast(pl.Datetime("us", "UTC")).to_physical().clip(_FIRST, _LAST)
    text = pl.col(name)
    at = text.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", strict=False, cache=False).to_physical()
    return pl.when(text.str.contains(_USUAL) & (at >= _YEAR_1)).then(at.clip(_FIRST, _LAST))


def slowly(times: pl.Series) -> pl.Series:
    """Times with fractions or offsets, or none at all."""
    wellformed = times.str.contains(_TIME)
    # One way of writing for all: T, and an offset in digits.
    text = times.str.to_uppercase().str.replace(" ", "T", literal=True).str.replace("Z", "+00:00", literal=True)
    at = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", strict=False).to_physical()
    known = pl.DataFrame({"at": at, "good": wellformed}).select(
        pl.when(pl.col("good") & (pl.col("at") >= _YEAR_1)).then(pl.col("at").clip(_FIRST, _LAST))
    )
    return known.to_series()
