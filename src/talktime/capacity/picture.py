"""The answer-time curve as a picture: SVG of our own, without script or font, light or dark as its reader has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import count
from math import log10

from talktime.capacity.found import Point

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 110, 64, 60
STEPS_MAX = 8
COLOURS = {"p50": "#2563a8", "p99": "#b4490f"}
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #333; }
.title { font-size: 16px; font-weight: 600; }
.quiet { fill: #666; font-size: 12px; }
.grid { stroke: #ddd; }
.axis { stroke: #888; }
.ground { fill: #fff; }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd; } .quiet { fill: #aaa; } .grid { stroke: #333; } .axis { stroke: #777; } .ground { fill: #16181c; }
}
"""
Place = Callable[[float], float]


def drawn(curve: Sequence[Point], measured: Sequence[Point], title: str, note: str) -> str:
    """Lines are simulated, rings are measured. Times stand in a logarithmic scale."""
    rates = [one.calls_per_second for one in [*curve, *measured]]
    times = [milliseconds for one in [*curve, *measured] for milliseconds in (one.p50 * 1e3, one.p99 * 1e3)]
    x, ticks = _across(max(rates))
    y, marks = _up(min(times), max(times))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
        _text(LEFT, 26, title, "title"),
        _text(LEFT, 46, note, "quiet"),
        *_frame(x, ticks, y, marks),
        *_lines(curve, x, y),
        *_rings(measured, x, y),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _across(most: float) -> tuple[Place, list[float]]:
    step = next(step for step in _nice() if step * STEPS_MAX >= most)
    ticks = [step * place for place in range(STEPS_MAX + 1) if step * (place - 1) < most]
    span = WIDTH - LEFT - RIGHT
    return lambda rate: LEFT + span * rate / ticks[-1], ticks


def _nice() -> Iterator[float]:
    return (factor * 10.0**power for power in count(-1) for factor in (1, 2, 5))


def _up(least: float, most: float) -> tuple[Place, list[float]]:
    """From the last of 1, 2, 5, 10, ... milliseconds below all to the first above them."""
    steps = [factor * 10.0**power for power in range(-2, 6) for factor in (1, 2, 5)]
    low = max(step for step in steps if step <= max(least, steps[0]))
    high = min(step for step in steps if step >= min(most, steps[-1]) and step > low)
    span = HEIGHT - TOP - BOTTOM

    def place(value: float) -> float:
        part = (log10(min(max(value, low), high)) - log10(low)) / (log10(high) - log10(low))
        return HEIGHT - BOTTOM - span * part

    return place, [step for step in steps if low <= step <= high]


def _frame(x: Place, ticks: Sequence[float], y: Place, marks: Sequence[float]) -> Iterator[str]:
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    for mark in marks:
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
        yield _text(LEFT - 8, y(mark) + 4, f"{mark:g} ms", "quiet", "end")
    for tick in ticks:
        yield _text(x(tick), floor + 18, f"{tick:,g}" if tick < 1e6 else f"{tick:,.0f}", "quiet", "middle")
    yield f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{floor}" y2="{floor}"/>'
    yield _text((LEFT + right) / 2, HEIGHT - 16, "calls that begin in a second", "", "middle")


def _lines(curve: Sequence[Point], x: Place, y: Place) -> Iterator[str]:
    for name, values in _both(curve).items():
        places = [(x(rate), y(seconds * 1e3)) for rate, seconds in values]
        points = " ".join(f"{across:.1f},{up:.1f}" for across, up in places)
        yield f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="2.5"/>'
        if places:
            yield _text(places[-1][0] + 8, places[-1][1] + 4, name, "", "start", COLOURS[name])


def _rings(measured: Sequence[Point], x: Place, y: Place) -> Iterator[str]:
    for name, values in _both(measured).items():
        for rate, seconds in values:
            where = f'cx="{x(rate):.1f}" cy="{y(seconds * 1e3):.1f}"'
            yield f'<circle {where} r="5" class="ground" stroke="{COLOURS[name]}" stroke-width="2.5"/>'


def _both(points: Sequence[Point]) -> dict[str, list[tuple[float, float]]]:
    return {
        "p50": [(one.calls_per_second, one.p50) for one in points],
        "p99": [(one.calls_per_second, one.p99) for one in points],
    }


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start", colour: str = "") -> str:
    # By style and not by attribute: the sheet above would win over that.
    style = f' style="fill:{colour};font-weight:600"' if colour else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}"{style}>{escape(text)}</text>'
