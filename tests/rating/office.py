"""Price lists and calls by chance, and what core says of them one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

import polars as pl

from talktime.core.call_types import NOBODY_PAYS, PRICED_BY, CallType
from talktime.core.phone import is_usable
from talktime.core.prices import PriceKind, PriceList, Row, Window
from talktime.core.rates import FREE, billed_seconds, price
from talktime.core.time import instant
from talktime.rating.calls import Rated, rate
from talktime.rating.columns import columns_of
from talktime.rating.tariffs import Tariffs

FIRST, LAST = datetime(2031, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)
HEADER = ("call_id", "call_type", "to", "started_at", "duration_seconds")
DATES = [instant(datetime(2031, month, 15, 12, tzinfo=UTC)) for month in (3, 6, 9)]


class Call(NamedTuple):
    call_id: str
    call_type: str
    to: str
    started_at: str
    duration_seconds: int


class Price(NamedTuple):
    """What OUT says, in micros."""

    destination: str
    prefix: str
    billed_seconds: int
    connection_fee: int
    charge: int


def price_list(chance: Random, size: int, *, dated: bool = True, windows: bool = True) -> list[Row]:
    """Prefixes that begin with one another, of all kinds."""
    rows: dict[tuple[str, PriceKind, int], Row] = {}
    while len(rows) < size:
        prefix = "".join(chance.choices("1234567890", k=chance.choice((1, 2, 3, 3, 4, 5, 6, 7, 9, 15))))
        kind = chance.choice((PriceKind.OUTBOUND, PriceKind.OUTBOUND, PriceKind.CONFERENCE, PriceKind.TOLL_FREE))
        valid_from = chance.choice((0, 0, *DATES)) if dated else 0
        hours = tuple(_window(chance) for _ in range(chance.choice((0, 0, 1, 3)))) if windows else ()
        per_minute, fee = _amounts(chance)
        initial, step = chance.randint(1, 90), chance.randint(1, 90)
        rows[prefix, kind, valid_from] = Row(
            prefix, f"to {prefix}", per_minute, fee, initial, step, kind, valid_from, hours
        )
    return list(rows.values())


def _amounts(chance: Random) -> tuple[int, int]:
    return chance.choice((0, 1, chance.randrange(5_000_000))), chance.choice((0, 0, chance.randrange(500_000)))


def _window(chance: Random) -> Window:
    days = tuple(sorted(chance.sample(range(1, 8), chance.randint(1, 7))))
    return Window(days, chance.randrange(1440), chance.randrange(1441), *_amounts(chance))


def calls(chance: Random, rows: Sequence[Row], number: int) -> Iterator[Call]:
    types = list(CallType)
    for place in range(number):
        yield Call(f"call-{place}", chance.choice(types).value, _number(chance, rows), _time(chance), _seconds(chance))


def _number(chance: Random, rows: Sequence[Row]) -> str:
    begin = chance.choice(rows).prefix if chance.random() < 0.9 else ""
    digits = begin + "".join(chance.choices("0012345678", k=chance.randint(0, 12)))
    return f"+{digits[: chance.randint(6, 16)]}"


def _time(chance: Random) -> str:
    at = FIRST + timedelta(seconds=chance.randrange(int((LAST - FIRST).total_seconds())))
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(chance: Random) -> int:
    return chance.choice((0, chance.randrange(120), chance.randrange(120), chance.randrange(20_000)))


def slowly(rows: Sequence[Row], decimals: int, zone: str, some: Iterable[Call]) -> dict[str, Price | str]:
    """One by one, as core says; a word where there is no price."""
    prices = PriceList(decimals, rows)
    return {call.call_id: _slowly(prices, zone, call) for call in some}


def _slowly(prices: PriceList, zone: str, call: Call) -> Price | str:
    call_type, at = CallType(call.call_type), instant(datetime.fromisoformat(call.started_at))
    if not is_usable(call.to):
        return "invalid_number"
    kinds = PRICED_BY.get(call_type, ())
    rate = FREE if call_type in NOBODY_PAYS else prices.find(kinds, call.to, at, zone)
    if rate is None:
        return "no_rate"
    billed = billed_seconds(rate, call.duration_seconds)
    fee = rate.connection_fee if billed else 0
    return Price(rate.destination, rate.prefix, billed, fee, price(rate, call.duration_seconds))


def quickly(rows: Sequence[Row], decimals: int, zone: str, some: Iterable[Call]) -> dict[str, Price | str]:
    frame = pl.DataFrame(list(some), schema=HEADER, orient="row").with_columns(
        pl.col("duration_seconds").cast(pl.String)
    )
    tariffs = Tariffs(rows, decimals, zone)
    return told(frame, rate(frame, 2, columns_of(frame.schema, {}), tariffs))


def told(frame: pl.DataFrame, rated: Rated) -> dict[str, Price | str]:
    ids = frame["call_id"].to_list()
    found: dict[str, Price | str] = {ids[line - 2]: code for line, _, code, _ in rated.errors.iter_rows()}
    for call_id, *priced in rated.calls.select("call_id", *Price._fields).iter_rows():
        found[call_id] = _price(*priced)
    return found


def _price(destination: str | None, prefix: str | None, billed: int, fee: Decimal, charge: Decimal) -> Price:
    return Price(destination or "", prefix or "", billed, int(fee.scaleb(6)), int(charge.scaleb(6)))
