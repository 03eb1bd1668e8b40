"""Prices as people read them in a terminal."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from talktime.cli.options import console, say

TOTALS = ("dearer", "cheaper", "otherwise", "unchanged", "added", "removed")
NAMES_MAX = 20


def tell_rate(to: str, told: dict[str, Any]) -> None:
    rate, currency = told["rate"], told["currency"]
    say(f"{to}: {rate['destination'] or 'no name'} (prefix {rate['prefix']})")
    say(f"  {rate['per_minute']} {currency} a minute, {_fee(rate)}, {_steps(rate)}")
    zone = "Zone A" if told["zone_a"] else "not Zone A"
    say(f"  {told['country'] or 'no country'}, {zone}, number: {told['number_kind'].replace('_', ' ')}")
    table = Table("minutes", currency)
    for column in table.columns:
        column.justify = "right"
    for example in told["examples"]:
        table.add_row(str(example["minutes"]), example["charge"])
    console().print(table)


def _fee(rate: dict[str, Any]) -> str:
    return "no connection fee" if rate["connection_fee"] == "0" else f"connection fee {rate['connection_fee']}"


def _steps(rate: dict[str, Any]) -> str:
    return f"first {rate['initial_seconds']} s, then by {rate['step_seconds']} s"


def tell_difference(told: dict[str, Any], rows: int) -> None:
    if shown := told["changed"][:rows]:
        console().print(_changes(shown))
    if (rest := len(told["changed"]) - len(shown)) > 0:
        say(f"changed rows that are not shown: {rest:,}")
    summary = told["summary"]
    say("rows: " + ", ".join(f"{summary[name]:,} {name}" for name in TOTALS))
    for name, words in (("destinations_added", "only in the other list"), ("destinations_removed", "no longer there")):
        if summary[name]:
            say(f"{words}: {_some(summary[name])}")


def _changes(changed: list[dict[str, Any]]) -> Table:
    table = Table("prefix", "destination", "kind", "old", "new", "%", "also")
    for name in (3, 4, 5):
        table.columns[name].justify = "right"
    for row in changed:
        also = ", ".join(field for field in row["fields"] if field != "per_minute")
        percent = row["change_percent"]
        cells = (row["prefix"], row["destination"], row["kind"], row["old"]["per_minute"], row["per_minute"])
        table.add_row(*map(escape, cells), "new" if percent is None else _signed(percent), also)
    return table


def _signed(percent: str) -> str:
    return percent if percent.startswith("-") or percent == "0" else f"+{percent}"


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_MAX
    return ", ".join(names[:NAMES_MAX]) + (f" and {more:,} more" if more > 0 else "")
