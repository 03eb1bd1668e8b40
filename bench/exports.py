"""How much memory an export takes, however many rows it has: `python -m bench.exports`. S13 of what is promised."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZipFile

import typer
from rich.console import Console
from rich.table import Table

from bench import machine
from talktime import settings
from talktime.actions import exports, organizations
from talktime.actions.audit import Actor
from talktime.actions.exports import Export
from talktime.app import App, open_app
from talktime.core.ids import uuid7
from talktime.core.limits import Limits
from talktime.core.time import DAY
from talktime.core.usage import Usage
from talktime.jobs.exports import make_exports
from talktime.settings import Settings
from talktime.storage import usage_store
from talktime.storage.database import Tx
from tests.http.shop import place
from tests.support.postgres import cluster_on_demand

MIB_MAX = 300
PORTION = 20_000
DAYS = 100
ORGANIZATION = {
    "name": "Bench",
    "country": "DE",
    "currency": "EUR",
    "time_zone": "UTC",
    "language": "en",
    "mode": "live",
    "billing_account": "prepaid",
    "policy": "DialoutCPCandPSTNInternational",
    "price_list": None,
}


@dataclass(frozen=True)
class Run:
    database: str
    format: str
    mib: int
    seconds: float
    bytes: int


def main(
    rows: Annotated[int, typer.Option(min=1)] = 1_000_000,
    database: Annotated[list[str] | None, typer.Option(help="sqlite, postgresql")] = None,
) -> None:
    """Peak memory of the process that makes the file; it does nothing else."""
    console = Console(highlight=False)
    console.print(machine.facts())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="talktime-bench-")))
        cluster = stack.enter_context(cluster_on_demand())
        runs: list[Run] = []
        for dialect in database or ["sqlite", "postgresql"]:
            where = stack.enter_context(place(dialect, folder, cluster))
            chosen = Settings(data=folder / "data", database=where if isinstance(where, str) else None)
            runs += [run(chosen, dialect, format, rows) for format in filled(chosen, rows)]
    show(console, runs, rows)


def filled(chosen: Settings, rows: int) -> Iterator[str]:
    """The formats, each asked for when the one before is made."""
    app = open_app(chosen)
    actor = Actor("bench", app.now())
    org = app.database.write((0, 1), organizations.create, ORGANIZATION, Limits(), actor)
    fill(app, org.org_id, actor.now, rows)
    for format in ("csv", "parquet"):
        asked = Export(actor.now - (DAYS + 1) * DAY, actor.now, format, False)
        app.database.write(org.org_id, exports.begin, org.org_id, app.new_id("exp"), asked, None, actor)
        yield format
    app.close()


def fill(app: App, org_id: int, now: int, rows: int) -> None:
    chance = random.Random(1)

    def add(tx: Tx, first: int) -> None:
        last = min(first + PORTION, rows)
        usage_store.add(
            tx, [usage(chance, org_id, now - DAYS * DAY * (rows - n) // rows, n) for n in range(first, last)]
        )

    for first in range(0, rows, PORTION):
        app.database.write(org_id, add, first)


def usage(chance: random.Random, org_id: int, at: int, number: int) -> Usage:
    seconds = int(chance.expovariate(1 / 180))
    minutes = -(-seconds // 60)
    to, destination = chance.choice((("+4420", "GB"), ("+4930", "DE"), ("+1202", "US")))
    who = (f"usr_{number % 5000:032x}", "DE", "+4930901820")
    called = (f"{to}{chance.randrange(10**6, 10**7)}", "Subscriber", "international", destination, "")
    cost = (0, 24_000 * minutes, 4, "EUR", "MCOPSTNPP", "credits", "")
    values: tuple[Any, ...] = (f"call-{number:09d}", 0, "user_out", *who, *called, at, seconds, minutes, *cost)
    return Usage(org_id, uuid7(at, number), *values)


def run(chosen: Settings, database: str, format: str, rows: int) -> Run:
    environment = os.environ | {"TALKTIME_DATA": str(chosen.data)}
    if chosen.database:
        environment["TALKTIME_DATABASE"] = chosen.database
    done = subprocess.run(
        [sys.executable, "-m", "bench.exports", "work"], env=environment, check=True, capture_output=True
    )
    mib, seconds = json.loads(done.stdout)
    [path] = chosen.export_folder.glob("*.zip")
    with ZipFile(path) as archive:
        told = json.loads(archive.read("parameters.json"))["rows"]["pstn"]
    if told != rows:
        raise SystemExit(f"{told} of {rows} rows are in the file")
    size = path.stat().st_size
    path.unlink()
    return Run(database, format, mib, seconds, size)


def work() -> None:
    """In a process of its own."""
    app = open_app(settings.load({}))
    began = time.perf_counter()
    if make_exports(app, lambda: False) != 1:
        raise SystemExit("nothing was made")
    seconds = time.perf_counter() - began
    app.close()
    print(json.dumps([peak_mib(), seconds]))


def peak_mib() -> int:
    """Not what the system tells of children, which begins with the memory of who started them."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) >> 10


def show(console: Console, runs: Sequence[Run], rows: int) -> None:
    table = Table("", "what", "target", "peak MiB", "", "rows/s", "file MiB")
    for one in runs:
        verdict = "reached" if one.mib <= MIB_MAX else "missed"
        says = f"export of {rows:,} rows as {one.format}, {one.database}"
        speed, size = f"{rows / one.seconds:,.0f}", f"{one.bytes / (1 << 20):.1f}"
        table.add_row("S13", says, f"≤ {MIB_MAX} MiB", str(one.mib), verdict, speed, size)
    console.print(table)


if __name__ == "__main__":
    if sys.argv[1:] == ["work"]:
        work()
    else:
        typer.run(main)
