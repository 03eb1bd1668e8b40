"""All versions of a price list over whole columns: a call is priced by the one that was in force when it began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from talktime.core.call_types import CallType
from talktime.core.prices import Row
from talktime.core.rates import FREE, Rate
from talktime.rating.steps import Steps
from talktime.rating.tariffs import EARLIEST, FREE_AXIS, NOTHING, Tariffs


class Version(NamedTuple):
    published_at: int
    rows: Sequence[Row]
    charge_decimals: int


class PriceBook:
    """`table`: every rate there is; a call has its place in it, or NOTHING."""

    def __init__(self, versions: Sequence[Version], zone: str) -> None:
        """In the order in which they were made."""
        versions = sorted(versions, key=lambda version: version.published_at)
        self._tariffs = [Tariffs(one.rows, one.charge_decimals, zone) for one in versions]
        self._since = Steps(((one.published_at, place) for place, one in enumerate(versions)), before=-1)
        tables = [one.table.with_columns(pl.lit(one.charge_decimals).alias("decimals")) for one in self._tariffs]
        self._begins = [sum(table.height for table in tables[:place]) + 1 for place in range(len(tables))]
        self.table = pl.concat([_nothing(), *tables])

    def find(self, call_types: pl.Series, numbers: pl.Series, at: pl.Series) -> pl.Series:
        """`call_types`: by whose kinds of prices; `numbers`: null where there is nothing to look for."""
        places = pl.Series([NOTHING], dtype=pl.Int64).new_from_index(0, len(at))
        version = self._since.at(at)
        for number in version.unique().to_list():
            if number >= 0:
                here = ((version == number) & numbers.is_not_null()).arg_true()
                found = self._of_version(number, call_types.gather(here), numbers.gather(here), at.gather(here))
                places = places.scatter(here, found)
        return places

    def _of_version(self, number: int, call_types: pl.Series, numbers: pl.Series, at: pl.Series) -> pl.Series:
        tariffs = self._tariffs[number]
        axes = {call_type.value: axis for call_type, (axis, _) in tariffs.axes.items()}
        named = call_types.replace_strict(axes, default=FREE_AXIS, return_dtype=pl.Int64)
        found = pl.DataFrame({"place": tariffs.find(named, numbers, at), "axis": named})
        priced = (pl.col("place") != NOTHING) & (pl.col("axis") != FREE_AXIS)
        return found.select(pl.when(priced).then(pl.col("place") + self._begins[number]).otherwise(NOTHING)).to_series()

    def rate(self, place: int) -> Rate | None:
        if place == NOTHING:
            return None
        row = self.table.row(place, named=True)
        about = (row["per_minute"], row["fee_micros"], row["initial"], row["step"], row["decimals"])
        return Rate(row["prefix"] or "", row["destination"] or "", *about)


def _nothing() -> pl.DataFrame:
    """What is no price counts seconds and costs nothing."""
    table = Tariffs((), FREE.charge_decimals, "UTC").table[:1]
    return table.with_columns(pl.lit(FREE.charge_decimals).alias("decimals"))


TOLL_FREE_TYPE = CallType.UCAP_IN.value
"""Whose prices are those of our toll-free numbers."""
SINCE_EVER = EARLIEST
