"""Q1, the long run: `python -m tests.crash --rounds 500 --database sqlite`."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.crash.clients import HarnessError
from tests.crash.rounds import BROKEN, DIALECTS, Figures, caught_after, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description="Q1: servers and databases are killed.")
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--database", choices=DIALECTS, default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-self-check", action="store_true", help="do not put bugs in to see them caught")
    options = parser.parse_args()
    figures = with_progress(options.database, options.rounds, options.seed)
    line = f"crashes on {options.database}: {figures}"
    if not options.no_self_check:
        line += f"; self-check: {self_check(options.database, options.seed)}"
    print(line)
    for finding in figures.findings:
        print(f"{finding.wrong}: {finding.words}", file=sys.stderr)
    return 1 if figures.findings else 0


def with_progress(dialect: str, rounds: int, seed: int) -> Figures:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("rounds", total=rounds)
        return run(dialect, rounds, seed, lambda figures: progress.update(task, completed=figures.rounds))


def self_check(dialect: str, seed: int) -> str:
    mine = [broken for broken in BROKEN if broken.dialect == dialect]
    after = [caught_after(broken, seed) for broken in mine]
    return f"{len(mine)} of {len(mine)} bugs caught within {max(after)} rounds"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HarnessError as error:
        sys.exit(str(error))
