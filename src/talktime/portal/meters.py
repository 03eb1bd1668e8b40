"""Bars that lie: pools and limits, rankings, the balance line, and who paid for which part of a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from talktime.portal.plots import WIDTH, Box, part_of


@dataclass(frozen=True, slots=True)
class Meter:
    """A bar with words around it. `part` says what of it is meant, `note` what follows."""

    name: str
    figures: str
    share: float
    kind: str = ""
    part: str = ""
    note: str = ""


def meter(name: str, used: int, size: int, figures: str, part: str = "", note: str = "") -> Meter:
    """A pool of minutes, or a limit: how much of it is used."""
    share = part_of(used, size, 100) if size > 0 else 100.0
    kind = "meter-full" if used >= size else "meter-high" if 5 * used >= 4 * size else ""
    return Meter(name, figures, share, kind, part, note)


def ranking(rows: Sequence[tuple[str, int, str]]) -> tuple[Meter, ...]:
    """Name, value and the value in words: each beside the greatest."""
    most = max((value for _, value, _ in rows), default=0)
    return tuple(Meter(name, figures, part_of(value, most, 100)) for name, value, figures in rows)


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """The mark of the page: what is available, held and pending, and where a recharge begins."""

    available: float
    held: float
    pending: float
    mark: float | None
    low: bool


def balance_line(available: int, held: int, pending: int = 0, trigger: int | None = None) -> BalanceLine:
    """Below the trigger there is room for a quarter above it, so that its mark never stands at the end."""
    least = 0 if trigger is None else trigger + trigger // 4
    whole = max(max(available, 0) + held + pending, least)
    return BalanceLine(
        available=part_of(available, whole, WIDTH),
        held=part_of(held, whole, WIDTH),
        pending=part_of(pending, whole, WIDTH),
        mark=None if trigger is None else part_of(trigger, whole, WIDTH),
        low=trigger is not None and available + held < trigger,
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a call in its order. Kinds: pool, paid, back."""

    kind: str
    seconds: int
    legend: str


@dataclass(frozen=True, slots=True)
class CallSpan:
    boxes: tuple[Box, ...]
    stretches: tuple[Stretch, ...]


def call_span(stretches: Sequence[Stretch]) -> CallSpan:
    """Who paid for which part of a call, up to the end of what was granted."""
    ends = list(accumulate(stretch.seconds for stretch in stretches))
    edges = [part_of(end, ends[-1], WIDTH) for end in (0, *ends)]
    boxes = [
        Box(stretch.kind, begin, 0, round(end - begin, 2), 1)
        for stretch, begin, end in zip(stretches, edges, edges[1:], strict=False)
    ]
    return CallSpan(tuple(boxes), tuple(stretches))
