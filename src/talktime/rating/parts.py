"""What is written of a portion: a usage row for each who paid a part of a call, as `core/reporting.py` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from talktime.core.call_types import CallType
from talktime.core.calls import Asked, Call, Refusal
from talktime.core.ids import uuid7s
from talktime.core.posting import refused_call
from talktime.core.reach import MINUTE_SECONDS
from talktime.core.time import SECOND
from talktime.core.usage import FREECALL, Payer, Usage
from talktime.rating.price_book import PriceBook
from talktime.rating.settling import is_booked

CREDITS, NONE, POSTPAID, POOL = (one.value for one in (Payer.CREDITS, Payer.NONE, Payer.POSTPAID, Payer.POOL))
Frame = pl.DataFrame
FREE_TEXTS = ("call_id", "caller", "number", "conference_id")
"""What comes from the file may have a sign that means something to a database."""


def usage_of(calls: pl.DataFrame, org_id: int, currency: str, key: str) -> pl.DataFrame:
    """In the order of the fields of Usage. `key`: of the entry that moves the money."""
    # Lazy, because only so is nothing copied that is not asked for.
    granted = calls.lazy().filter(pl.col("reason").is_null())
    pooled = granted.filter(pl.col("minutes") > 0).select(*OF_BOTH, *_of_the_pool())
    rest = granted.filter(_is_a_part()).select(*OF_BOTH, *_of_the_rest())
    parts = pl.concat([pooled, rest], how="vertical_relaxed").sort("at", "part").collect(engine="in-memory")
    ids = uuid7s(parts["at"].to_list(), f"usage:{org_id}:{key}")
    paid = (pl.col("part_payer") == CREDITS) & (pl.col("part_charge") > 0)
    return parts.select(
        pl.lit(org_id, pl.Int64).alias("org_id"),
        pl.Series("usage_id", ids, dtype=pl.String),
        "call_id",
        "part",
        "call_type",
        "user_id",
        pl.col("location").alias("user_location"),
        _caller(),
        pl.col("to").alias("number"),
        "number_type",
        "context",
        pl.col("place_called").alias("destination"),
        pl.col("conference_id").fill_null(""),
        (pl.col("at") + pl.col("after") * SECOND).alias("started_at"),
        pl.col("part_seconds").alias("seconds"),
        (-(-pl.col("part_billed") // MINUTE_SECONDS)).alias("minutes"),
        pl.col("part_fee").alias("connection_fee"),
        pl.col("part_charge").alias("charge"),
        pl.col("decimals").cast(pl.Int64).alias("charge_decimals"),
        pl.lit(currency).alias("currency"),
        pl.col("part_capability").alias("capability"),
        pl.col("part_payer").alias("payer"),
        pl.when(paid).then(pl.lit(key)).otherwise(pl.lit("")).alias("entry_key"),
    )


OF_BOTH = (
    *("at", "call_id", "call_type", "user_id", "location", "from", "own_caller", "own_number", "to", "number_type"),
    *("context", "place_called", "conference_id", "decimals"),
)
OWN = (
    *("usage_id", "call_id", "user_id", "caller", "number", "conference_id"),
    *("started_at", "seconds", "minutes", "charge"),
)
ALIKE = tuple(name for name in Usage.__struct_fields__ if name not in ("org_id", *OWN))
"""Few are different in these."""


def _caller() -> pl.Expr:
    """As the file says, or the user's own number."""
    own = pl.when("own_caller").then("own_number")
    return pl.coalesce(pl.col("from"), own, pl.lit("")).alias("caller")


def _of_the_pool() -> list[pl.Expr]:
    billed = pl.col("minutes") * MINUTE_SECONDS
    nothing = pl.lit(0, pl.Int64)
    return [
        nothing.alias("part"),
        nothing.alias("after"),
        pl.min_horizontal("seconds", billed).alias("part_seconds"),
        billed.alias("part_billed"),
        nothing.alias("part_fee"),
        nothing.alias("part_charge"),
        pl.lit(POOL).alias("part_payer"),
        pl.col("capability").alias("part_capability"),
    ]


def _is_a_part() -> pl.Expr:
    """What is booked whole to shortfall is none."""
    costs_nothing = pl.col("payer").is_not_null() & (
        (pl.col("payer") == NONE) | (pl.col("cost") == 0) | (pl.col("charge") > 0)
    )
    return (pl.col("rest") > 0) & (pl.col("given_away") | costs_nothing).fill_null(False)


def _of_the_rest() -> list[pl.Expr]:
    given, free = pl.col("given_away"), pl.col("payer") == NONE
    unpaid = given | free
    return [
        (pl.col("minutes") > 0).cast(pl.Int64).alias("part"),
        pl.min_horizontal("seconds", pl.col("minutes") * MINUTE_SECONDS).alias("after"),
        pl.col("rest").alias("part_seconds"),
        pl.when(unpaid).then("rest").otherwise("billed_seconds").alias("part_billed"),
        pl.when(unpaid).then(0).otherwise("fee_micros").alias("part_fee"),
        pl.when(unpaid).then(0).otherwise("charge").alias("part_charge"),
        pl.when(given).then(pl.lit(NONE)).otherwise("payer").alias("part_payer"),
        pl.when(given).then(pl.lit(FREECALL)).otherwise("paid_as").alias("part_capability"),
    ]


def refused(calls: pl.DataFrame, org_id: int, book: PriceBook) -> list[Call]:
    """They leave no usage row: that they are booked must be known all the same. Of an unanswered call nothing is."""
    found = calls.filter(pl.col("reason").is_not_null() & is_booked() & (pl.col("seconds") > 0))
    return [_refused(row, org_id, book) for row in found.iter_rows(named=True)]


def _refused(row: dict[str, Any], org_id: int, book: PriceBook) -> Call:
    asked = Asked(
        CallType(row["call_type"]),
        row["to"],
        row["user"],
        row["from"],
        row["conference_id"],
        started_at=row["at"],
        duration_seconds=row["seconds"],
    )
    rate = book.rate(row["place"])
    return refused_call(org_id, row["call_id"], asked, Refusal(row["reason"]), rate, row["shortfall"])


def joined(frames: Sequence[Frame]) -> Frame:
    """What a frame does not say is null."""
    return pl.concat([one for one in frames if one.height] or frames[:1], how="diagonal")


class UsageRows:
    """As both databases take them."""

    def __init__(self, usage: pl.DataFrame) -> None:
        self._usage = usage

    def __len__(self) -> int:
        return self._usage.height

    def rows(self) -> list[tuple[Any, ...]]:
        return self._usage.rows()

    def arrays(self) -> dict[str, str]:
        """Each column as PostgreSQL writes an array: one of its own for each row, and those of its kind, by number."""
        alike = self._usage.select(ALIKE).unique(maintain_order=True).with_row_index("kind")
        numbers = self._usage.select(ALIKE).join(alike, on=ALIKE, how="left", maintain_order="left")["kind"]
        own = self._usage.select(OWN).with_columns(numbers.cast(pl.Int64))
        arrays = [frame.select(_array(*one) for one in frame.schema.items()) for frame in (own, alike.drop("kind"))]
        return arrays[0].row(0, named=True) | arrays[1].row(0, named=True)


def _array(name: str, kind: pl.DataType) -> pl.Expr:
    cell = pl.col(name).cast(pl.String)
    if kind == pl.String:
        if name in FREE_TEXTS:
            cell = cell.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
        cell = (pl.lit('"') + cell + pl.lit('"')).fill_null("NULL")
    return (pl.lit("{") + cell.str.join(",") + pl.lit("}")).alias(name)
