"""`talktime capacity`: what this machine can do, and what so many calls need."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from talktime.cli.client import Client
from talktime.cli.options import USAGE, CannotDo, Json, console, progress_bar, say, say_json
from talktime.settings import Settings

if TYPE_CHECKING:
    from talktime.capacity.found import Measured, Point
    from talktime.capacity.needs import Need
    from talktime.capacity.queueing import Service

OTHERS_MAX = 0.1
"""Which part of the machine others may use before the figures say little."""
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def capacity(
    calls_per_second: Annotated[
        int, typer.Option("--calls-per-second", metavar="N", help="How many calls begin.", min=1, max=100_000)
    ] = 100,
    call_seconds: Annotated[int, typer.Option(metavar="N", help="How long a call lasts.", min=1, max=86_400)] = 180,
    seconds: Annotated[float, typer.Option(help="How long is measured.", min=1, max=3_600)] = 60,
    folder: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Where the scratch folder is made: on the disk that the data shall be on.", exists=True
        ),
    ] = Path(),
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="An empty PostgreSQL database to measure with; it is used up. Else an embedded one.",
            show_default=False,
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE.svg", help="Also draw the answer-time curve.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure this machine, and say what so many calls a second need, with the arithmetic.

    The engine and a real server work on a scratch database, never on that of the installation, with every commit on the
    disk. What is needed follows line by line; where it goes beyond what was measured, it says so. A simulation with the
    measured times shows how long answers take at every load.
    """
    from talktime.capacity.curve import curve
    from talktime.capacity.needs import needs

    if database and not database.startswith(("postgresql://", "postgres://")):
        raise CannotDo("--database is an address like postgresql://user@host/name", USAGE)
    if picture and not picture.parent.is_dir():
        raise CannotDo(f"{picture} cannot be written: there is no folder {picture.parent}")
    with progress_bar(hidden=as_json) as bar:
        found = measured(folder, database, seconds, _told_by(bar))
        task = bar.add_task("the answer-time curve", total=None)
        points = curve(found, lambda: bar.advance(task))
    wanted = needs(found, calls_per_second, call_seconds)
    if as_json:
        say_json(_told(found, wanted, points))
    else:
        _tell(found, wanted, points, f"{calls_per_second:,} calls a second of {call_seconds:,} s")
    # Last, so that what was measured is told whatever becomes of the file.
    if picture:
        _draw(picture, found, points)


def _told_by(bar: Any) -> Callable[[str], None]:
    from talktime.capacity.measuring import STEPS

    task = bar.add_task("organizations", total=STEPS)

    def watch(step: str) -> None:
        bar.update(task, description=step)
        bar.advance(task)

    return watch


def measured(folder: Path, database: str | None, seconds: float, watch: Callable[[str], None]) -> Measured:
    from talktime.capacity import machine, measuring
    from talktime.capacity.batches import CannotMeasure
    from talktime.capacity.scratch import CannotServe, NotEmpty, refuse_used
    from talktime.capacity.world import open_world, organizations_in

    with tempfile.TemporaryDirectory(prefix="talktime-capacity-", dir=folder.resolve()) as made:
        # Not as the environment and the settings file have it: they may tell of the installation's own database.
        scratch = Settings(data=Path(made) / "data", database=database)
        try:
            if database:
                refuse_used(database)
            with Client(scratch) as client:
                world = open_world(client.send, organizations_in(seconds))
                app = client.app
                inside = measuring.Inside(app.engine, app.database, app.store, app.now)
                before = measuring.before(inside, world, seconds, watch)
            under = measuring.under_load(scratch.data, database, world, before, seconds, watch)
            watch("what it took")
            with Client(scratch) as client:
                flush = machine.flush_seconds(scratch.data)
                return measuring.measured(before, under, client.app.database, flush, seconds)
        except (CannotMeasure, CannotServe, NotEmpty) as error:
            raise CannotDo(str(error)) from error


def _draw(picture: Path, found: Measured, points: Sequence[Point]) -> None:
    from talktime.capacity.picture import drawn

    title = f"How long a switch waits for its answer: one server process, {DATABASES[found.database]}"
    note = f"{found.machine}; {found.date}. Lines are simulated, rings are measured; others used {found.others:.0%}."
    try:
        picture.write_text(drawn(points, found.points, title, note))
    except OSError as error:
        raise CannotDo(f"{picture} cannot be written: {error.strerror}") from error


def _told(found: Measured, wanted: Sequence[Need], points: Sequence[Point]) -> dict[str, Any]:
    return {
        "measured": asdict(found) | {"service": _service(found.service), "loaded": _service(found.loaded)},
        "needs": [need._asdict() for need in wanted],
        "simulated": [asdict(one) for one in points],
    }


def _service(service: Service) -> dict[str, Any]:
    """Without the waits one by one."""
    waits = {one.size: {"p50": one.at(0.5), "p99": one.at(0.99)} for one in service.waits}
    return {"door": service.door, "batch": service.batch, "command": service.command, "waits": waits}


def _tell(found: Measured, wanted: Sequence[Need], points: Sequence[Point], asked: str) -> None:
    out = console()
    out.print(_facts(found))
    table = Table("calls a second", "simulated p50, ms", "p99, ms", title="How long answers of one process take")
    for one in points:
        table.add_row(f"{one.calls_per_second:,.0f}", f"{one.p50 * 1e3:.1f}", f"{one.p99 * 1e3:.1f}")
    out.print(table)
    table = Table("what", "so much", "", "because", "it is", title=f"What {asked} need")
    for need in wanted:
        table.add_row(need.what, amount(need.value), need.unit, need.arithmetic, need.basis.value)
    out.print(table)
    if found.others > OTHERS_MAX:
        say(f"others used {found.others:.0%} of the machine: measure again when it is quiet.")
    say("extrapolated: more than this machine could do was reckoned from what it did, in proportion.")
    say("assumed: it rests on a rule or a trial that docs/scaling.md names, and was not measured here.")


def _facts(found: Measured) -> Table:
    database = "in the server" if found.database_cpu is None else f"{found.database_cpu * 1e6:,.0f} us"
    talk = "in the server"
    if found.asked_bytes is not None and found.told_bytes is not None:
        talk = f"{found.asked_bytes:,.0f} bytes asked, {found.told_bytes:,.0f} answered"
    service = found.service
    facts = {
        "machine": f"{found.machine}; others used {found.others:.0%} of it",
        "database": DATABASES[found.database],
        "the disk of --folder keeps a page in": f"{found.flush * 1e3:.2f} ms",
        "calls a second, at most": f"{found.calls_per_second:,.0f}, {found.commands_a_batch:.1f} commands in a batch",
        "CPU of the server for a call": f"{found.server_cpu * 1e6:,.0f} us",
        "CPU of the database for a call": database,
        "a request at the door computes": f"{service.door * 1e6:,.0f} us",
        "a batch computes": f"{service.batch * 1e6:,.0f} us, and {service.command * 1e6:,.0f} us for each command",
        "a call on the disk": f"{found.stored_bytes:,.0f} bytes"
        + ("" if found.logged_bytes is None else f", {found.logged_bytes:,.0f} in the log"),
        "a call on the wire": f"{found.sent_bytes:,.0f} bytes asked, {found.received_bytes:,.0f} answered",
        "a call between server and database": talk,
        "a call in progress": f"{found.open_bytes:,.0f} bytes",
    }
    for one in found.points:
        told = f"p50 {one.p50 * 1e3:.1f} ms, p99 {one.p99 * 1e3:.1f} ms"
        facts[f"authorize at {one.calls_per_second:,.0f} calls a second"] = told
    table = Table("measured", "", title=f"What this machine did in {found.seconds:.0f} s", show_header=False)
    for what, value in facts.items():
        table.add_row(what, value)
    return table


def amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def add_to(app: typer.Typer) -> None:
    app.command()(capacity)
