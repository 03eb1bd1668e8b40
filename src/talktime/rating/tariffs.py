"""A price list made ready for whole columns: core is asked once wherever its answer may change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain

import polars as pl
from msgspec.structs import replace

from talktime.core.call_types import NOBODY_PAYS, PRICED_BY, CallType
from talktime.core.money import decimal
from talktime.core.prices import PriceKind, PriceList, Row, Window
from talktime.core.rates import FREE, Rate
from talktime.core.time import MINUTE, instant
from talktime.rating.hours import DAY_MINUTES, MONDAY, WEEK_MINUTES, minute_of_week
from talktime.rating.numbers import HEAD, SPAN, bounds, shortest_at
from talktime.rating.steps import Headed, Steps

NOTHING, FREE_OF_CHARGE, FIRST_ROW = 0, 1, 2
"""Places in the table: no rate, the rate of calls that nobody pays, and then the rows in their order."""
FREE_AXIS = 0
EARLIEST = instant(datetime.min.replace(tzinfo=UTC))
Kinds = tuple[PriceKind, ...]


class Tariffs:
    """All that a call may cost by a price list, and which of it a call costs."""

    def __init__(self, rows: Sequence[Row], charge_decimals: int, zone: str) -> None:
        self.charge_decimals = charge_decimals
        self.axes = _axes({row.kind for row in rows})
        self._zone = zone
        numbers = _Numbers(rows, charge_decimals)
        self._epochs, by_number, self._by_time = numbers.steps(self.axes)
        end = SPAN * (1 + max(axis for axis, _ in self.axes.values()))
        # Usable numbers have at least 7 digits, which the end of their keys says.
        self._by_number = Headed(by_number, HEAD, end, (7, HEAD - 1))
        rates = [FREE, FREE, *(replace(row, windows=()).rate(charge_decimals, 0, zone) for row in rows)]
        week = list(_over_the_week(rows, rates))
        self._by_hour = Steps(week) if len(rates) > FIRST_ROW + len(rows) else None
        self.table = _table(rates)

    def find(self, axes: pl.Series, numbers: pl.Series, at: pl.Series) -> pl.Series:
        """For each call the place of its rate in the table."""
        places = self._by_number.at(axes * SPAN + numbers)
        if self._by_time:
            places = self._by_time.at(places + self._epochs.at(at))
        if self._by_hour:
            places = self._by_hour.at(places * WEEK_MINUTES + minute_of_week(at, self._zone))
        return places


def _axes(known: set[PriceKind]) -> dict[CallType, tuple[int, Kinds]]:
    """Types of calls that are priced by the same kinds share an axis of numbers: all its kinds are one look-up."""
    axes: dict[CallType, tuple[int, Kinds]] = {}
    numbers: dict[Kinds, int] = {}
    for call_type in CallType:
        kinds = tuple(kind for kind in PRICED_BY.get(call_type, ()) if kind in known)
        axis = FREE_AXIS if call_type in NOBODY_PAYS else numbers.setdefault(kinds, len(numbers) + 1)
        axes[call_type] = (axis, kinds)
    return axes


class _Numbers:
    """Where along the numbers, and along time, which row begins to count."""

    def __init__(self, rows: Sequence[Row], charge_decimals: int) -> None:
        self._rows = rows
        # Whatever is found tells its place by its destination.
        named = [replace(row, destination=str(place)) for place, row in enumerate(rows, FIRST_ROW)]
        self._prices = PriceList(charge_decimals, named)
        self._dated: dict[str, set[int]] = {}
        for row in rows:
            if row.valid_from or row.windows:
                self._dated.setdefault(row.prefix, {EARLIEST, 0}).add(row.valid_from)
        self._instants = sorted({EARLIEST}.union(*self._dated.values()))
        self._lengths = sorted({len(prefix) for prefix in self._dated})

    def steps(self, axes: dict[CallType, tuple[int, Kinds]]) -> tuple[Steps, Steps, Steps | None]:
        """By instant an epoch; by number a place, or where rows are dated, what with the epoch leads to a place."""
        epoch_of = {at: epoch for epoch, at in enumerate(self._instants)}
        points = [(FREE_AXIS * SPAN, [(EARLIEST, FREE_OF_CHARGE)])]
        points += chain.from_iterable(self._points(*axis) for axis in sorted(set(axes.values())) if axis[0])
        epochs = Steps((at, epoch) for at, epoch in epoch_of.items())
        if not self._dated:
            return epochs, Steps((key, places[0][1]) for key, places in points), None
        by_number = Steps((key, rank * len(epoch_of)) for rank, (key, _) in enumerate(points))
        dated = ((rank, at, place) for rank, (_, places) in enumerate(points) for at, place in places)
        return epochs, by_number, Steps((rank * len(epoch_of) + epoch_of[at], place) for rank, at, place in dated)

    def _points(self, axis: int, kinds: Kinds) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """From which number on, and there from which instant on, which place counts."""
        yield axis * SPAN, [(EARLIEST, NOTHING)]
        for key in bounds({row.prefix for row in self._rows if row.kind in kinds}):
            digits = shortest_at(key)
            yield axis * SPAN + key, [(at, self._place(kinds, digits, at)) for at in self._changes(digits)]

    def _changes(self, digits: str) -> list[int]:
        return sorted({EARLIEST}.union(*(self._dated.get(digits[:length], ()) for length in self._lengths)))

    def _place(self, kinds: Kinds, digits: str, at: int) -> int:
        rate = self._prices.find(kinds, f"+{digits}", at)
        return int(rate.destination) if rate else NOTHING


def _over_the_week(rows: Sequence[Row], rates: list[Rate]) -> Iterator[tuple[int, int]]:
    """For each place and minute of the week the place that counts then. The prices of windows are added to `rates`."""
    yield from ((place * WEEK_MINUTES, place) for place in (NOTHING, FREE_OF_CHARGE))
    for place, row in enumerate(rows, FIRST_ROW):
        first = len(rates)
        rates += (
            replace(rates[place], per_minute=window.per_minute, connection_fee=window.connection_fee)
            for window in row.windows
        )
        for minute, window in _week(_hours(row.windows)):
            yield place * WEEK_MINUTES + minute, place if window is None else first + window


def _hours(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Without their prices: so most rows have the same ones."""
    return tuple(replace(window, per_minute=number, connection_fee=0) for number, window in enumerate(windows))


@lru_cache(maxsize=10_000)
def _week(hours: tuple[Window, ...]) -> list[tuple[int, int | None]]:
    """From which minute of the week on which of them is in force."""
    sample = Row("", "", len(hours), windows=hours)
    of_day = {0, *(minute for window in hours for minute in (window.begins, window.ends) if minute < DAY_MINUTES)}
    minutes = [day * DAY_MINUTES + minute for day in range(7) for minute in sorted(of_day)]
    found = [(minute, sample.rate(0, MONDAY + minute * MINUTE, "UTC").per_minute) for minute in minutes]
    return [(minute, None if number == len(hours) else number) for minute, number in found]


def _table(rates: Sequence[Rate]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "destination": pl.Series([rate.destination or None for rate in rates], dtype=pl.String),
            "prefix": pl.Series([rate.prefix or None for rate in rates], dtype=pl.String),
            "fee": pl.Series([Decimal(decimal(rate.connection_fee)) for rate in rates], dtype=pl.Decimal(38, 6)),
            "fee_micros": pl.Series([rate.connection_fee for rate in rates], dtype=pl.Int64),
            "per_minute": pl.Series([rate.per_minute for rate in rates], dtype=pl.Int64),
            "initial": pl.Series([rate.initial_seconds for rate in rates], dtype=pl.Int64),
            "step": pl.Series([rate.step_seconds for rate in rates], dtype=pl.Int64),
        }
    )
