"""Q4, the long run: `python -m tests.simulation --operations 1000000 --crashes 10000`."""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation.bugs import BUGS
from tests.simulation.mirror import Wrong
from tests.simulation.runs import SEEDS_MAX, caught_at, simulate
from tests.simulation.world import Figures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Q4: the engine, simulated.")
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--crashes", type=int, default=10_000)
    parser.add_argument(
        "--seed", type=int, default=0, help="the first world; with --operations 1 --crashes 0 the only one"
    )
    parser.add_argument("--processes", type=int, help="worlds at a time; as many as there are processors")
    parser.add_argument("--no-self-check", action="store_true", help="do not put bugs in to see them caught")
    options = parser.parse_args()
    begun = time.monotonic()
    try:
        figures = run(options.operations, options.crashes, options.seed, options.processes)
    except Wrong as wrong:
        print(wrong, file=sys.stderr)
        return 1
    line = told(figures, time.monotonic() - begun)
    missed: list[str] = []
    if not options.no_self_check:
        caught = {bug: caught_at(bug) for bug in BUGS}
        missed = [bug for bug, found in caught.items() if found is None]
        latest = max(seed for seed, _ in filter(None, caught.values()))
        line += f"; self-check: {len(BUGS) - len(missed)} of {len(BUGS)} planted bugs caught by world {latest}"
    print(line)
    for bug in missed:
        print(f"not caught in {SEEDS_MAX} worlds: {bug}", file=sys.stderr)
    return 1 if missed else 0


def run(operations: int, crashes: int, seed: int, processes: int | None) -> Figures:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        shown = progress.add_task("operations", total=operations)
        failing = progress.add_task("crashes", total=crashes)

        def tell(figures: Figures) -> None:
            progress.update(shown, completed=min(figures.operations, operations))
            progress.update(failing, completed=min(figures.crashes, crashes))

        return simulate(operations, crashes, seed, processes, tell)


def told(figures: Figures, seconds: float) -> str:
    return (
        f"simulation: {figures.worlds:,} worlds, {figures.operations:,} operations in {figures.commits:,} commits, "
        f"{figures.crashes:,} crashes, {figures.conflicts:,} conflicts, 0 wrong; "
        f"{seconds:,.0f} s; trace {figures.trace}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
