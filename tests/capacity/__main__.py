"""Is the simulation right? What `talktime capacity` simulates beside what it measures, on both databases.

python -m tests.capacity --seconds 60
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from talktime.capacity.curve import simulated
from talktime.capacity.found import Measured, Point
from talktime.cli.capacity import measured
from tests.http.shop import place
from tests.load.__main__ import DIALECTS
from tests.support.postgres import cluster_on_demand

P50_MOST, P99_MOST = 2.0, 3.0
"""How many times as long, or as short, what was measured may be."""
COMMANDS = 30_000


def beside(found: Measured) -> Iterator[tuple[Point, Point]]:
    """Each load as it was measured, and as it is simulated."""
    for point in found.points:
        answers = simulated(found, point.calls_per_second, COMMANDS)
        yield point, Point(point.calls_per_second, answers.p50, answers.p99)


def times(one: float, other: float) -> float:
    return max(one / other, other / one)


def wrong(found: Measured) -> list[str]:
    told = []
    for real, played in beside(found):
        if times(real.p50, played.p50) > P50_MOST or times(real.p99, played.p99) > P99_MOST:
            told.append(
                f"at {real.calls_per_second:.0f} calls a second: {shown(real)} measured, {shown(played)} simulated"
            )
    return told


def shown(point: Point) -> str:
    return f"p50 {point.p50 * 1e3:.1f}, p99 {point.p99 * 1e3:.1f} ms"


def line(found: Measured) -> str:
    both = (
        f"{real.calls_per_second:,.0f}: {shown(real)} (simulated {shown(played)})" for real, played in beside(found)
    )
    return f"at most {found.calls_per_second:,.0f} calls a second, others used {found.others:.0%}; at {'; '.join(both)}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.capacity", description="Simulated beside measured.")
    parser.add_argument("--seconds", type=float, default=60)
    seconds, told = parser.parse_args().seconds, []
    for dialect in DIALECTS:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            where = stack.enter_context(place(dialect, folder, stack.enter_context(cluster_on_demand())))
            found = measured(folder, where if isinstance(where, str) else None, seconds, lambda step: None)
        told += [f"{dialect} {one}" for one in wrong(found)]
        print(f"capacity: {dialect}: {line(found)}", flush=True)
    for one in told:
        print(f"capacity: WRONG: {one}", file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
