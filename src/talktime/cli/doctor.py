"""`talktime doctor`: is this machine fit, and what should be done if not."""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from talktime.cli.options import BAD, Data, Json, Url, console, say, say_json, settings_of
from talktime.cli.room import FREE_BYTES_MIN, GIB
from talktime.settings import Settings

if TYPE_CHECKING:
    from talktime.storage.diagnosis import Told

FILES_MIN = 4_096
MARKS = {True: "[green]good[/]", None: "[yellow]look[/]", False: "[red]bad[/]"}


def doctor(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Check the database, the disk, the clock and the limits of this machine, and say what to do.

    Exit code 1 when something is bad; what is only worth a look does not count.
    """
    found = list(_diagnoses(settings_of(data, database)))
    if as_json:
        say_json([{"what": one.what, "right": one.right, "detail": one.detail, "do": _advice(one)} for one in found])
    else:
        table = Table("", "what", "found", "what to do")
        for one in found:
            table.add_row(MARKS[one.right], one.what, one.detail, _advice(one))
        console().print(table)
        bad = sum(one.right is False for one in found)
        say(f"{bad} bad, {sum(one.right is None for one in found)} to look at, of {len(found)}")
    if any(one.right is False for one in found):
        raise typer.Exit(BAD)


def _advice(one: Told) -> str:
    return "" if one.right else one.do


def _diagnoses(settings: Settings) -> Iterator[Told]:
    yield from _of_the_database(settings)
    if settings.on_sqlite and settings.data.is_dir():
        yield from _of_the_folder(settings.data)
    yield from _of_the_machine(settings.data)


def _of_the_database(settings: Settings) -> Iterator[Told]:
    from talktime.actions.upkeep import reading
    from talktime.storage.diagnosis import Told, of_database
    from talktime.storage.errors import StoreError

    if settings.on_sqlite and not settings.sqlite_path.exists():
        yield Told(
            "database", None, f"there is none at {settings.sqlite_path}", "The first start of the server makes it."
        )
        return
    try:
        source = reading(settings.database, settings.sqlite_path)
        try:
            found = list(of_database(source))
        finally:
            source.close()
    except StoreError as error:
        yield Told("database", False, " ".join(str(error).split()), "Is it running, and is the address right?")
        return
    yield Told("database", True, "it can be reached")
    yield from found


def _of_the_folder(folder: Path) -> Iterator[Told]:
    from talktime.storage.diagnosis import Told, flush_time

    for path in [folder, *sorted(folder.iterdir())]:
        mode = path.stat().st_mode
        if mode & 0o077:
            wanted = "0700" if stat.S_ISDIR(mode) else "0600"
            yield Told("permissions", False, f"others can open {path}", f"chmod {wanted} {path}")
    if not os.access(folder, os.W_OK):
        yield Told("permissions", False, f"{folder} cannot be written", "Run it as the owner of the folder.")
        return
    yield flush_time(folder)


def _of_the_machine(folder: Path) -> Iterator[Told]:
    from talktime.storage.diagnosis import Told

    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / GIB:.1f} GiB free at {place}"
    yield Told("disk", free >= FREE_BYTES_MIN, detail, "Make room: a full disk stops every call but emergencies.")
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    do = f"Raise it (ulimit -n, LimitNOFILE=): each connection takes one. The most allowed is {most}."
    yield Told("open files", True if files >= FILES_MIN else None, f"limit {files}", do)
    zones = importlib.util.find_spec("tzdata") is not None or Path("/usr/share/zoneinfo").exists()
    yield Told("time zones", zones, "known" if zones else "missing", "Install the package tzdata.")


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)
