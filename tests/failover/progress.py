"""How far the rounds are, for whoever looks on."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.failover.rounds import Figures

Tell = Callable[[Figures], None]


def with_progress(rounds: int, play: Callable[[Tell], Figures]) -> Figures:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("rounds", total=rounds)
        return play(lambda figures: progress.update(task, completed=figures.rounds))
