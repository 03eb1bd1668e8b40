"""Q7, the long run: `python -m tests.gateway --scenarios 20000`."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager, ExitStack

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from talktime.settings import Settings
from tests.gateway.bugs import BUGS
from tests.gateway.runs import SCENARIOS_MAX, Figures, caught_after, on_postgres, on_sqlite, quiet, run
from tests.support.postgres import new_cluster

DIALECTS = ("sqlite", "postgresql")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.gateway", description="Q7: what gateways do wrong, in every flow, with crashes."
    )
    parser.add_argument("--scenarios", type=int, default=20_000)
    parser.add_argument("--database", choices=DIALECTS, default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-self-check", action="store_true", help="do not put bugs in to see them caught")
    options = parser.parse_args()
    with quiet():
        figures = with_progress(options.database, options.scenarios, options.seed)
        missed = [] if options.no_self_check else [bug for bug in BUGS if caught_after(bug) is None]
    line = f"gateway faults on {options.database}: {figures}"
    if not options.no_self_check:
        line += f"; self-check: {len(BUGS) - len(missed)} of {len(BUGS)} planted bugs caught"
    print(line)
    for words in figures.findings + [f"not caught in {SCENARIOS_MAX} scenarios: {bug}" for bug in missed]:
        print(words, file=sys.stderr)
    return 1 if figures.findings or missed else 0


def with_progress(dialect: str, scenarios: int, seed: int) -> Figures:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as ending, Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("scenarios", total=scenarios)
        cluster = ending.enter_context(new_cluster(fsync=False)) if dialect == "postgresql" else None

        def opens() -> AbstractContextManager[Settings]:
            return on_postgres(cluster) if cluster else on_sqlite()

        return run(scenarios, seed, opens, lambda figures: progress.update(task, completed=figures.scenarios))


if __name__ == "__main__":
    sys.exit(main())
