"""What was found, for people and for scripts."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import machine
from bench.criteria import Criterion
from bench.legs import Outcome

Rounds = Mapping[str, Sequence[Mapping[str, Outcome]]]
"""By database, the outcomes of each round by leg."""
REACHED, MISSED, VOID = "reached", "missed", "void"


def values(criterion: Criterion, rounds: Rounds) -> list[float]:
    found = [criterion.value(outcomes) for outcomes in rounds[criterion.database]]
    return [value for value in found if value is not None]


def verdict(criterion: Criterion, found: Sequence[float]) -> str:
    if not found:
        return VOID
    return REACHED if criterion.is_reached(statistics.median(found)) else MISSED


def voids(rounds: Rounds) -> list[str]:
    return [
        f"{database}, {leg}, round {number}: {outcome.void}"
        for database, mine in rounds.items()
        for number, outcomes in enumerate(mine, 1)
        for leg, outcome in outcomes.items()
        if outcome.void
    ]


def told(outcome: Outcome) -> str:
    """One leg, as soon as it is over."""
    if outcome.void:
        return f"void: {outcome.void}"
    return f"{_short(outcome.figure)} {outcome.unit}, others {outcome.others:.0f} %"


def show(console: Console, criteria: Iterable[Criterion], rounds: Rounds) -> None:
    console.print(_promised(criteria, rounds))
    console.print(_measured(rounds))
    for line in voids(rounds):
        console.print(f"void: {line}")


def _promised(criteria: Iterable[Criterion], rounds: Rounds) -> Table:
    table = Table("", "what", "database", "target", title="What is promised")
    for heading in ("median", "min-max", ""):
        table.add_column(heading, justify="right")
    for one in criteria:
        found = values(one, rounds)
        table.add_row(one.name, one.says, one.database, one.target, *_middle(found), verdict(one, found))
    return table


def _measured(rounds: Rounds) -> Table:
    table = Table("database", "leg", title="What was measured: medians (min-max)")
    for heading in ("figure", "", "unit", "CPU us", "database us", "p50 ms", "p99 ms", "flush ms", "others %"):
        table.add_column(heading, justify="right")
    for database, mine in rounds.items():
        for leg in mine[0]:
            table.add_row(database, leg, *_row([outcomes[leg] for outcomes in mine]))
    return table


def _row(outcomes: Sequence[Outcome]) -> list[str]:
    good = [one for one in outcomes if not one.void]
    columns: tuple[Callable[[Outcome], float | None], ...] = (
        lambda one: one.server_us,
        lambda one: one.database_us,
        lambda one: one.p50_ms,
        lambda one: one.p99_ms,
    )
    rest = [_median([value for one in good if (value := column(one)) is not None]) for column in columns]
    around = [_median([one.flush_ms for one in outcomes]), _median([one.others for one in outcomes])]
    return [*_middle([one.figure for one in good]), outcomes[0].unit, *rest, *around]


def _middle(found: Sequence[float]) -> tuple[str, str]:
    if not found:
        return VOID, ""
    return _short(statistics.median(found)), f"{_short(min(found))}-{_short(max(found))}"


def _median(found: Sequence[float]) -> str:
    return _short(statistics.median(found)) if found else ""


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def write(path: Path, criteria: Iterable[Criterion], rounds: Rounds) -> None:
    promised = [
        {
            "name": one.name,
            "says": one.says,
            "database": one.database,
            "target": one.target,
            "values": values(one, rounds),
            "verdict": verdict(one, values(one, rounds)),
        }
        for one in criteria
    ]
    told: dict[str, Any] = {
        "machine": machine.facts(),
        "criteria": promised,
        "rounds": {
            database: [{leg: asdict(outcome) for leg, outcome in outcomes.items()} for outcomes in mine]
            for database, mine in rounds.items()
        },
    }
    path.write_text(json.dumps(told, indent=1) + "\n")
