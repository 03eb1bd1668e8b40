"""Bars side by side, a day each: values in, positions out. Texts come ready-formatted.

`templates/macros/charts.html` puts shapes and texts in their places; `static/charts.js` adds figures under the pointer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from talktime.core.money import round_half_up
from talktime.portal.plots import COLUMN, LABELS_MAX, Axis, Box, Label, Ticks, axis, labels

BAR = 7
FINE_FROM = 60
SERIES_MAX = 4


@dataclass(frozen=True, slots=True)
class Series:
    """What bars are made of. `legend` may say more than the heading of the column."""

    name: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day, or whatever is beside others. `cells` is its row of the table, `text` alone if there are none."""

    label: str
    values: tuple[int, ...]
    text: str
    cells: tuple[str, ...] = ()
    unfinished: bool = False

    @property
    def total(self) -> int:
        return sum(max(value, 0) for value in self.values)

    @property
    def row(self) -> tuple[str, ...]:
        return self.cells or (self.text,)


@dataclass(frozen=True, slots=True)
class BarChart:
    bars: tuple[Bar, ...]
    series: tuple[Series, ...]
    columns: tuple[str, ...]
    axis: Axis
    ticks: tuple[str, ...]
    stacks: tuple[tuple[Box, ...], ...]
    means: tuple[int | None, ...]
    mean_line: str
    labels: tuple[Label, ...]

    @property
    def width(self) -> int:
        return COLUMN * len(self.bars)

    @property
    def highest(self) -> Bar | None:
        """None if there is nothing in any."""
        best = max(self.bars, key=lambda bar: bar.total)
        return best if best.total > 0 else None

    @property
    def each_labelled(self) -> bool:
        return len(self.bars) <= LABELS_MAX

    @property
    def fine(self) -> bool:
        """So many bars that lines between the parts would cover them."""
        return len(self.bars) >= FINE_FROM


def bar_chart(
    bars: Sequence[Bar],
    series: Sequence[Series],
    tick: Ticks,
    *,
    average: Sequence[int | None] = (),
    columns: Sequence[str] = (),
    finest: int = 1,
) -> BarChart:
    """Bars side by side, stacked by series. `finest` is the least that a step of the axis may be."""
    if not bars or len(series) > SERIES_MAX or any(len(bar.values) != len(series) for bar in bars):
        raise ValueError("a chart has bars, and each of them a value of every series")
    scale = axis(max(*(bar.total for bar in bars), *(value or 0 for value in average), 0), finest)
    return BarChart(
        bars=tuple(bars),
        series=tuple(series),
        columns=tuple(columns) or tuple(one.name for one in series),
        axis=scale,
        ticks=tuple(map(tick, scale.ticks)),
        stacks=tuple(stack(bar, place, scale) for place, bar in enumerate(bars)),
        means=tuple(average) or (None,) * len(bars),
        mean_line=mean_line(average, scale),
        labels=labels([bar.label for bar in bars]),
    )


def running_average(bars: Sequence[Bar], days: int = 7) -> tuple[int | None, ...]:
    """Of so many days up to each. The first ones have none, nor has a day that is not over."""
    totals = [bar.total for bar in bars]
    return tuple(
        None if place < days or bar.unfinished else round_half_up(sum(totals[place - days : place]), days)
        for place, bar in enumerate(bars, start=1)
    )


def stack(bar: Bar, place: int, scale: Axis) -> tuple[Box, ...]:
    tops = accumulate(max(value, 0) for value in bar.values)
    rest = " rest" if bar.unfinished else ""
    return tuple(
        Box(f"b{number}{rest}", COLUMN * place + (COLUMN - BAR) / 2, scale.y(top), BAR, scale.height(value))
        for number, (value, top) in enumerate(zip(bar.values, tops, strict=True), start=1)
        if value > 0
    )


def mean_line(average: Sequence[int | None], scale: Axis) -> str:
    middle = COLUMN // 2
    points = [(COLUMN * place + middle, scale.y(value)) for place, value in enumerate(average) if value is not None]
    return " ".join(f"{x},{y:g}" for x, y in points)
