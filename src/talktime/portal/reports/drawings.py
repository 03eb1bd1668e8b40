"""The charts of usage: days stacked by payer or kind of call, destinations, and the hours of the week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import time
from typing import NamedTuple

from babel.dates import format_time, get_day_names

from talktime.core.call_types import MEETINGS
from talktime.core.money import MICROS_PER_UNIT
from talktime.core.months import local_day
from talktime.portal import shown
from talktime.portal.calls.words import payer_name
from talktime.portal.charts import Bar, BarChart, Series, bar_chart
from talktime.portal.meters import Meter, ranking
from talktime.portal.reports.groups import Line
from talktime.portal.reports.ranges import Range
from talktime.portal.times import HeatMap, heat_map
from talktime.portal.visit import Visit
from talktime.reports.usage_table import Cell

CENT = 10_000
PAYERS = ("credits", "pool", "postpaid", "none")
TOP = 6


class Stack(NamedTuple):
    """What bars are made of."""

    names: Mapping[str, str]
    part: Callable[[Cell], str]
    value: Callable[[Cell], int]
    figure: Callable[[int], str]
    tick: Callable[[int], str]
    finest: int = 1


def minutes_chart(visit: Visit, days: Range, cells: Sequence[Cell]) -> BarChart:
    def figure(value: int) -> str:
        return shown.number(value, visit.language)

    names = {payer: payer_name(visit, payer) for payer in PAYERS}
    stack = Stack(names, lambda cell: cell.payer, lambda cell: cell.minutes, figure, figure)
    return _chart(visit, days, cells, stack)


def cost_chart(visit: Visit, days: Range, cells: Sequence[Cell]) -> BarChart:
    def figure(value: int) -> str:
        return shown.money(value, visit.currency, visit.language)

    def tick(value: int) -> str:
        return shown.number(f"{value / MICROS_PER_UNIT:g}", visit.language)

    return _chart(visit, days, cells, Stack(_kinds(visit), _kind_of, lambda cell: cell.charge, figure, tick, CENT))


def _kinds(visit: Visit) -> dict[str, str]:
    _ = visit.say
    return {
        "calls": _("Calls of users"),
        "meetings": _("Meetings"),
        "toll-free": _("Toll-free numbers"),
        "attendants": _("Attendants and queues"),
    }


def _kind_of(cell: Cell) -> str:
    if cell.toll_free:
        return "toll-free"
    if cell.call_type in MEETINGS:
        return "meetings"
    return "attendants" if cell.call_type.startswith("ucap") else "calls"


def _chart(visit: Visit, days: Range, cells: Sequence[Cell], stack: Stack) -> BarChart:
    """What there is nothing of needs no colour."""
    counted, sums = _counted(days, cells, stack)
    there = [part for part in stack.names if sums[part]] or list(stack.names)[:1]
    series = [Series(stack.names[part], f"{stack.names[part]} {stack.figure(sums[part])}") for part in there]
    today, bars = local_day(visit.today, visit.zone), []
    for day in days.every_day:
        values = tuple(counted[str(day), part] for part in there)
        told = (*map(stack.figure, values), stack.figure(sum(values)))
        bars.append(Bar(shown.short_day(day, visit.zone, visit.language), values, told[-1], told, day == today))
    columns = [*(one.name for one in series), visit.say("Total")]
    return bar_chart(bars, series, stack.tick, columns=columns, finest=stack.finest)


def _counted(days: Range, cells: Sequence[Cell], stack: Stack) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    by_day: Counter[tuple[str, str]] = Counter()
    sums: Counter[str] = Counter()
    for cell in cells:
        part, value = stack.part(cell), stack.value(cell)
        by_day[str(local_day(cell.at, days.zone)), part] += value
        sums[part] += value
    return by_day, sums


def top_destinations(visit: Visit, lines: Sequence[Line]) -> tuple[Meter, ...]:
    rows = [(one.label, one.sum.charge, shown.money(one.sum.charge, visit.currency, visit.language)) for one in lines]
    return ranking([row for row in rows[:TOP] if row[1] > 0])


def hours_map(visit: Visit, days: Range, cells: Sequence[Cell]) -> HeatMap:
    """Calls begun, by the organization's clock."""
    counts = [[0] * 24 for _ in range(7)]
    for cell in cells:
        there = shown.at(cell.at, days.zone)
        counts[there.weekday()][there.hour] += cell.calls
    names = get_day_names("abbreviated", "stand-alone", locale=visit.language)
    hours = [format_time(time(hour), "short", locale=visit.language) for hour in range(24)]
    return heat_map(counts, [names[day] for day in range(7)], hours, lambda value: shown.number(value, visit.language))
