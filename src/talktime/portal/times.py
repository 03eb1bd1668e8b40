"""Charts of the hours: what changes from moment to moment, and when in the week much happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from talktime.portal.plots import COLUMN, HEIGHT, WIDTH, Axis, Label, Ticks, axis

LEVELS = 5


@dataclass(frozen=True, slots=True)
class Moment:
    """From `at` on the value holds, until the next one."""

    at: datetime
    value: int
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class StepChart:
    moments: tuple[Moment, ...]
    axis: Axis
    ticks: tuple[str, ...]
    edge: str
    labels: tuple[Label, ...]

    @property
    def area(self) -> str:
        return f"{self.edge}V{HEIGHT}H0Z"

    @property
    def highest(self) -> Moment:
        return max(self.moments, key=lambda moment: moment.value)


def step_chart(
    moments: Sequence[Moment], begin: datetime, end: datetime, labels: Sequence[str], tick: Ticks, *, finest: int = 1
) -> StepChart:
    """What changes from moment to moment, as the number of calls in progress; in the order of time."""
    if not moments:
        raise ValueError("a chart has at least one moment")
    scale = axis(max(moment.value for moment in moments), finest)
    steps = "".join(f"H{_x(moment.at, begin, end):g}V{scale.y(moment.value):g}" for moment in moments)
    below = tuple(Label(text, far=place % 2 == 1) for place, text in enumerate(labels))
    return StepChart(tuple(moments), scale, tuple(map(tick, scale.ticks)), f"M0 {HEIGHT}{steps}H{WIDTH}", below)


def _x(at: datetime, begin: datetime, end: datetime) -> float:
    return round(WIDTH * min(max((at - begin) / (end - begin), 0), 1), 2)


@dataclass(frozen=True, slots=True)
class Cell:
    level: int
    x: int
    y: int
    text: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    days: tuple[str, ...]
    hours: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def width(self) -> int:
        return COLUMN * len(self.hours)

    @property
    def height(self) -> int:
        return COLUMN * len(self.days)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every quarter of the day, and where it begins again."""
        quarter = len(self.hours) // 4
        return (*self.hours[::quarter], self.hours[0])


def heat_map(counts: Sequence[Sequence[int]], days: Sequence[str], hours: Sequence[str], figure: Ticks) -> HeatMap:
    """`counts` has a row for each day, with a value for each hour."""
    most = max(max(row) for row in counts)
    rows = [
        tuple(Cell(level(value, most), COLUMN * x, COLUMN * y, figure(value)) for x, value in enumerate(row))
        for y, row in enumerate(counts)
    ]
    return HeatMap(tuple(days), tuple(hours), tuple(rows))


def level(value: int, most: int) -> int:
    """Nothing is 0; the least that there is already 1."""
    return -(-LEVELS * value // most) if most > 0 else 0
