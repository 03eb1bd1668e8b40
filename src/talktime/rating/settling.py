"""Who pays the calls of a portion, one after the other in the order of their starts: minutes first, then money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

import polars as pl

from talktime.core.calls import Refusal
from talktime.core.checks import covers
from talktime.core.pool_book import PoolBook
from talktime.core.rates import FREE
from talktime.core.reach import MINUTE_SECONDS
from talktime.core.usage import Payer
from talktime.rating.charges import billed_seconds, cost
from talktime.rating.price_book import PriceBook
from talktime.rating.tariffs import NOTHING

PoolMonth = tuple[str, str]
Pools = Mapping[PoolMonth, PoolBook]
NOT_BOOKED = (Refusal.INVALID_NUMBER.value, Refusal.NO_RATE.value)
"""What costs nothing because nobody knows what it costs is an error of the file or of the price list."""


class Settled(NamedTuple):
    calls: pl.DataFrame
    """With who paid what."""
    charged: int
    shortfall: int


def pool_months(calls: pl.DataFrame) -> list[PoolMonth]:
    """Which pools might pay."""
    return calls.filter(_asks_a_pool()).select("pool", "month").unique().sort(pl.all()).rows()


def settle(calls: pl.DataFrame, book: PriceBook, pools: Pools, available: int) -> Settled:
    """`calls` as the office has decided them, sorted by their starts."""
    calls = _with_minutes(calls, pools)
    calls = _with_costs(calls, book)
    calls = _with_money(calls, book, available)
    calls = calls.with_columns(_payer(), _reason()).with_columns(_charge(), _shortfall(), _given_away())
    booked = calls.filter(is_booked())
    return Settled(calls, sum(booked["taken"].to_list()), sum(booked["shortfall"].to_list()))


def is_booked() -> pl.Expr:
    return ~pl.col("reason").is_in(NOT_BOOKED).fill_null(False)


# ---------------------------------------------------------------- minutes


def _asks_a_pool() -> pl.Expr:
    return pl.col("pool").is_not_null() & pl.col("refusal").is_null()


def _with_minutes(calls: pl.DataFrame, pools: Pools) -> pl.DataFrame:
    calls = calls.with_columns((-(-pl.col("seconds") // MINUTE_SECONDS)).alias("needed"))
    calls = calls.with_row_index("row").join(
        _plenty(calls, pools), on=["pool", "month"], how="left", maintain_order="left"
    )
    plenty = _asks_a_pool() & pl.col("plenty").fill_null(False)
    calls = calls.with_columns(pl.when(plenty).then("needed").otherwise(0).alias("minutes"), plenty.alias("in_pool"))
    scarce = calls.filter(_asks_a_pool() & ~pl.col("plenty").fill_null(False))
    if scarce.height:
        used = _used(scarce, pools)
        minutes = calls["minutes"].scatter(scarce["row"], [minutes or 0 for minutes in used])
        in_pool = calls["in_pool"].scatter(scarce["row"], [minutes is not None for minutes in used])
        calls = calls.with_columns(minutes, in_pool)
    return calls.drop("row", "plenty")


def _plenty(calls: pl.DataFrame, pools: Pools) -> pl.DataFrame:
    """Which pools have more than all calls together need. These minutes are used at once."""
    first, second = (pl.col("needed").filter(of).sum() for of in (~pl.col("second"), pl.col("second")))
    sums = calls.filter(_asks_a_pool()).group_by("pool", "month").agg(first.alias("first"), second.alias("second"))
    found = [(pool, month, _use(pools[pool, month], *minutes)) for pool, month, *minutes in sums.rows()]
    schema = {"pool": pl.String, "month": pl.String, "plenty": pl.Boolean}
    return pl.DataFrame(found, schema=schema, orient="row")


def _use(book: PoolBook, first: int, second: int) -> bool:
    """Not the last minute: with it another kind might end as well."""
    if (first and first >= book.left(False)) or (second and second >= book.left(True)):
        return False
    book.use(False, 0, first)
    book.use(True, 0, second)
    return True


def _used(calls: pl.DataFrame, pools: Pools) -> list[int | None]:
    """Minutes of each call; None: there were none left when it began."""
    used: list[int | None] = []
    for pool, month, second, needed in calls.select("pool", "month", "second", "needed").iter_rows():
        book = pools[pool, month]
        used.append(book.use(second, 0, needed) if book.left(second) else None)
    return used


# ---------------------------------------------------------------- money


def _with_costs(calls: pl.DataFrame, book: PriceBook) -> pl.DataFrame:
    rest = (pl.col("seconds") - MINUTE_SECONDS * pl.col("minutes")).clip(0).alias("rest")
    rates = book.table.select(pl.all().gather(calls["place"])).drop("fee")
    calls = calls.hstack(rates).with_columns(rest)
    billed = calls.select(pl.col("rest").alias("seconds"), "initial", "step").select(billed_seconds())
    calls = calls.hstack(billed)
    return calls.with_columns(cost(calls))


def _asks_for_money() -> pl.Expr:
    """Something of it is to be paid from credits, if they cover it."""
    asks = (pl.col("covered_payer") == Payer.CREDITS.value) & (pl.col("place") != NOTHING) & pl.col("refusal").is_null()
    return (asks & (~pl.col("in_pool") | (pl.col("rest") > 0))).fill_null(False)


def _with_money(calls: pl.DataFrame, book: PriceBook, available: int) -> pl.DataFrame:
    calls = calls.with_columns(_asks_for_money().alias("asks"))
    costs = calls.filter("asks")["cost"].to_list()
    if None not in costs and sum(costs) < available:
        taken = pl.when("asks").then("cost").otherwise(0)
        return calls.with_columns(taken.alias("taken"), pl.col("asks").alias("covered"))
    found = _taken(calls.filter("asks").select("place", "cost").iter_rows(), book, available)
    rows, size = calls["asks"].arg_true(), calls.height
    amounts = pl.zeros(size, dtype=pl.Int64, eager=True).scatter(rows, [amount or 0 for amount in found])
    covered = pl.repeat(False, size, dtype=pl.Boolean, eager=True).scatter(rows, [one is not None for one in found])
    return calls.with_columns(amounts.alias("taken"), covered.alias("covered"))


def _taken(calls: Iterable[tuple[int, int | None]], book: PriceBook, available: int) -> list[int | None]:
    """From what is available, call by call; None: it does not cover the beginning of one."""
    found: list[int | None] = []
    rate_at = cache(book.rate)
    for place, price in calls:
        if not covers(available, rate_at(place) or FREE):
            found.append(None)
            continue
        amount = min(price or 0, available)
        available -= amount
        found.append(amount)
    return found


def _payer() -> pl.Expr:
    """Of what no pool pays; null: nobody does."""
    return (
        pl.when(pl.col("refusal").is_not_null())
        .then(pl.lit(None, pl.String))
        .when(pl.col("in_pool") & (pl.col("rest") == 0))
        .then(pl.lit(Payer.NONE.value))
        .when("asks")
        .then(pl.when("covered").then("covered_payer").otherwise("uncovered_payer"))
        .when(pl.col("place") == NOTHING)
        .then("unpriced_payer")
        .otherwise("covered_payer")
        .alias("payer")
    )


def _reason() -> pl.Expr:
    """Why it would have been refused; null: it would not."""
    return (
        pl.when(pl.col("refusal").is_not_null())
        .then("refusal")
        .when("in_pool")
        .then(pl.lit(None, pl.String))
        .when("asks")
        .then(pl.when(~pl.col("covered")).then("uncovered_refusal"))
        .when(pl.col("place") == NOTHING)
        .then("unpriced_refusal")
        .otherwise("covered_refusal")
        .alias("reason")
    )


def _charge() -> pl.Expr:
    later = pl.col("payer") == Payer.POSTPAID.value
    return pl.when(later).then(pl.col("cost").fill_null(0)).otherwise("taken").alias("charge")


def _shortfall() -> pl.Expr:
    """What of the price nobody paid."""
    nobody = pl.col("reason").is_not_null() | pl.col("payer").is_null()
    short = pl.col("cost").fill_null(0) - pl.col("taken")
    pays = nobody | (pl.col("payer") == Payer.CREDITS.value)
    return pl.when(pays).then(short).otherwise(0).alias("shortfall")


def _given_away() -> pl.Expr:
    """It cannot be priced (D-23)."""
    return (pl.col("reason").is_null() & pl.col("cost").is_null() & (pl.col("rest") > 0)).alias("given_away")
