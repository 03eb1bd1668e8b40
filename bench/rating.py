"""How fast files are rated, beside reading them at all: `python -m bench.rating`. S9 and S10 of what is promised."""

from __future__ import annotations

import csv
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from bench import machine
from talktime.core.call_types import PRICED_BY, CallType
from talktime.core.money import micros
from talktime.core.phone import is_usable
from talktime.core.prices import PriceList, Row
from talktime.core.rates import billed_seconds, price
from talktime.core.time import instant
from talktime.rating.files import rate_file, rated_pieces
from talktime.rating.tariffs import Tariffs

PREFIXES = 10_000
BEGIN = datetime(2031, 3, 1, tzinfo=UTC)
IN_A_LOOP = 1_000_000
"""A part of the file is enough to say how fast a loop is."""
COLUMNS = ("call_id", "call_type", "to", "started_at", "duration_seconds")


def main(
    records: Annotated[int, typer.Option(min=1000)] = 5_000_000, rounds: Annotated[int, typer.Option(min=1)] = 3
) -> None:
    """Ratios of one run; the legs take turns."""
    console = Console(highlight=False)
    console.print(machine.facts())
    with tempfile.TemporaryDirectory(prefix="talktime-bench-") as folder:
        rows, source, part = price_list(), Path(folder, "calls.csv"), Path(folder, "part.csv")
        write_calls(source, rows, records)
        write_calls(part, rows, IN_A_LOOP)
        legs: dict[str, tuple[int, Callable[[], object]]] = {
            "scan": (records, lambda: scan(source)),
            "typed scan": (records, lambda: scan(source, dates=True)),
            "rated": (records, lambda: rated(source, rows)),
            "written": (records, lambda: rate_file(source, Path(folder, "out.csv"), Tariffs(rows, 4, "UTC"), {})),
            "part": (IN_A_LOOP, lambda: rated(part, rows)),
            "loop": (IN_A_LOOP, lambda: loop(part, rows)),
        }
        if rated(part, rows) != loop(part, rows):
            raise SystemExit("the loop and the columns do not agree")
        speeds = [{name: speed(number, run) for name, (number, run) in legs.items()} for _ in range(rounds)]
    show(console, speeds)


def speed(number: int, run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return number / (time.perf_counter() - began)


def scan(source: Path, *, dates: bool = False) -> object:
    """Every cell is found, as text or as a number, and nothing is done with it; with `dates` times are understood."""
    cells = pl.scan_csv(source, try_parse_dates=dates)
    return cells.select(pl.all().null_count()).collect(engine="streaming")


def rated(source: Path, rows: Sequence[Row]) -> int:
    """What all of it costs, in micros. Making the price list ready is part of it."""
    return sum(micros(f"{piece.charged}") for piece in rated_pieces(source, Tariffs(rows, 4, "UTC"), {}))


def loop(source: Path, rows: Sequence[Row]) -> int:
    """The same, call by call."""
    prices = PriceList(4, rows)
    with source.open(newline="") as file:
        lines = csv.reader(file)
        next(lines)
        priced = [of_call(prices, *line) for line in lines]
    return sum(charge for *_, charge in priced)


def of_call(
    prices: PriceList, call_id: str, call_type: str, to: str, started_at: str, duration: str
) -> tuple[str, str, str, int, int, int]:
    """What OUT says of a call."""
    seconds, at = int(duration), instant(datetime.fromisoformat(started_at))
    rate = prices.find(PRICED_BY[CallType(call_type)], to, at) if is_usable(to) else None
    if rate is None:
        return call_id, "", "", 0, 0, 0
    billed = billed_seconds(rate, seconds)
    return call_id, rate.destination, rate.prefix, billed, rate.connection_fee if billed else 0, price(rate, seconds)


def price_list() -> list[Row]:
    chance = random.Random(1)
    prefixes = {f"{country}{number}" for country in range(1, 1000) for number in ("", *range(10))} | {"0"}
    some = sorted(prefixes)[:PREFIXES]
    return [
        Row(one, f"destination {one}", chance.randrange(2_000_000), 0, 60, chance.choice((1, 6, 60))) for one in some
    ]


def write_calls(path: Path, rows: Sequence[Row], number: int) -> None:
    chance = random.Random(2)
    with path.open("w", newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        for place in range(number):
            prefix = chance.choice(rows).prefix
            digits = f"{prefix.lstrip('0') or 1}{chance.randrange(10**8, 10**9)}"
            at = BEGIN + timedelta(seconds=place * 31 * 86_400 // number)
            seconds = int(chance.expovariate(1 / 180))
            file.write(f"call-{place:08d},user_out,+{digits},{at:%Y-%m-%dT%H:%M:%SZ},{seconds}\n")


def show(console: Console, speeds: Sequence[dict[str, float]]) -> None:
    ratios = (
        ("S9", "rated / read by polars", "rated", "scan", 0.5),
        ("S9", "rated and written / read by polars", "written", "scan", 0.3),
        ("", "rated / read by polars with its times", "rated", "typed scan", None),
        ("", "rated and written / the same", "written", "typed scan", None),
        ("S10", "over whole columns / call by call in Python", "part", "loop", 5.0),
    )
    table = Table("", "what", "target", "median", "min-max", "")
    for name, says, one, other, least in ratios:
        found = [speed[one] / speed[other] for speed in speeds]
        middle, spread = statistics.median(found), f"{min(found):.2f}-{max(found):.2f}"
        verdict = "" if least is None else "reached" if middle >= least else "missed"
        table.add_row(name, says, "" if least is None else f"≥ {least:g}", f"{middle:.2f}", spread, verdict)
    console.print(table)
    for name in speeds[0]:
        console.print(f"{name}: {statistics.median(speed[name] for speed in speeds):,.0f} calls a second")


if __name__ == "__main__":
    typer.run(main)
