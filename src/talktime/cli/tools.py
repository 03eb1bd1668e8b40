"""`talktime settings`, `version` and `bench`."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from talktime.cli.options import CannotDo, Data, Json, Url, console, say, say_json, settings_of
from talktime.settings import shown


def settings(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Show the settings in effect, without secrets.

    Flags win over TALKTIME_* in the environment, which wins over the file talktime.toml (or TALKTIME_SETTINGS).
    """
    effective = shown(settings_of(data, database))
    if as_json:
        say_json(effective)
        return
    table = Table("setting", "value", "environment")
    for name, value in effective.items():
        table.add_row(name, "" if value is None else str(value), f"TALKTIME_{name.upper()}")
    console().print(table)


def version(as_json: Json = False) -> None:
    """Show the versions of Talktime and of what it stands on."""
    from talktime.storage.diagnosis import sqlite_version

    versions = {
        "talktime": version_of("talktime"),
        "python": platform.python_version(),
        "sqlite": sqlite_version(),
        **{name: version_of(name) for name in ("psycopg", "sqlalchemy", "uvicorn")},
    }
    if as_json:
        say_json(versions)
    else:
        say(f"talktime {versions.pop('talktime')}")
        say(", ".join(f"{name} {number}" for name, number in versions.items()))


def _told_version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_told_version, is_eager=True, help="Like `talktime version`.")
]


def whole(version: Version = False) -> None:
    """What can be asked without a command."""


def bench(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[OPTIONS]...", help="Handed on.")] = None,
    as_json: Json = False,
) -> None:
    """Measure how fast it is here, beside what the database can do at best. Needs a checkout of the source."""
    checkout = Path(__file__).resolve().parents[3]
    if not (checkout / "bench" / "__main__.py").exists():
        raise CannotDo("the benchmark is not installed with the program: run `make bench` in a checkout of the source")
    handed_on = [*(arguments or ()), *(["--json"] if as_json else [])]
    raise typer.Exit(subprocess.call([sys.executable, "-m", "bench", *handed_on], cwd=checkout))


def add_to(app: typer.Typer) -> None:
    app.callback(help=app.info.help)(whole)
    app.command()(settings)
    app.command()(version)
    app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(bench)
