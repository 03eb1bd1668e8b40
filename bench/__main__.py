"""How fast Talktime is, beside what the databases can do at best: `make bench`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import criteria, machine, report
from bench.legs import Outcome, Plan
from bench.legs import run as run_leg
from bench.places import Place, Sqlite, postgres

DATABASES = ("postgresql", "sqlite")
WIDTH_LEAST = 150
"""Of the tables, also where nobody said how wide they may be."""


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each leg runs; they take turns.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, help="How long a leg runs, after a second of warming up.")] = 4,
    only: Annotated[str, typer.Option(help="Such as S1,S3. [default: all]", show_default=False)] = "",
    database: Annotated[str, typer.Option(help="sqlite or postgresql. [default: both]", show_default=False)] = "",
    big: Annotated[bool, typer.Option(help="Also with 10,000,000 old calls; takes an hour.")] = False,
    json: Annotated[
        Path | None, typer.Option(help="Everything that was found, in this file.", show_default=False)
    ] = None,
) -> None:
    """How fast Talktime is, beside what the databases can do at best, in one run."""
    names = {name.strip() for name in only.split(",") if name.strip()}
    wanted = criteria.chosen(names, {database} if database else set(DATABASES), big)
    if not wanted:
        sys.exit(f"There is nothing to measure for --only '{only}' --database '{database}'.")
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH_LEAST)
    console.print(machine.facts())
    found = run(wanted, rounds, Plan(seconds))
    report.show(console, wanted, found)
    if json:
        report.write(json, wanted, found)
    sys.exit(1 if report.voids(found) else 0)


def run(wanted: Sequence[criteria.Criterion], rounds: int, plan: Plan) -> dict[str, list[dict[str, Outcome]]]:
    databases = [name for name in DATABASES if any(one.database == name for one in wanted)]
    legs = {name: criteria.legs_of(wanted, name) for name in databases}
    found: dict[str, list[dict[str, Outcome]]] = {name: [] for name in databases}
    with ExitStack() as until_the_end:
        places = [until_the_end.enter_context(_place(name)) for name in databases]
        progress = until_the_end.enter_context(_progress())
        task = progress.add_task("", total=rounds * sum(map(len, legs.values())))
        for number in range(1, rounds + 1):
            for place in places:
                outcomes: dict[str, Outcome] = {}
                found[place.name].append(outcomes)
                for name in legs[place.name]:
                    progress.update(task, description=f"round {number}, {place.name}: {name}")
                    outcome = outcomes[name] = run_leg(name, place, plan, outcomes)
                    progress.console.print(f"round {number}, {place.name}, {name}: {report.told(outcome)}")
                    progress.advance(task)
    return found


@contextmanager
def _place(name: str) -> Iterator[Place]:
    if name == "postgresql":
        with postgres() as place:
            yield place
    else:
        with tempfile.TemporaryDirectory(prefix="talktime-bench-") as folder:
            yield Sqlite(Path(folder))


def _progress() -> Progress:
    shown = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=shown, disable=not shown.is_terminal)


if __name__ == "__main__":
    typer.run(main)
