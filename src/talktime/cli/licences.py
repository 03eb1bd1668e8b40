"""`talktime licences`: the operator's own licences, from a file and to one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from talktime.cli.client import Client
from talktime.cli.options import Data, Json, Url, content_of, say, say_json, settings_of
from talktime.core.licence_cells import COLUMNS
from talktime.core.sheets import written

licences = typer.Typer(help="The licences that there are.", no_args_is_help=True)

CATALOGUE = "/v1/operator/licence-catalogue"


@licences.command("import")
def import_licences(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A CSV file with the columns that `export` writes; code is required.")
    ],
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Take licences of your own from a file, instead of those before. With one wrong line nothing is changed.

    Works beside a running server, and without one.
    """
    content = content_of(file)
    with Client(settings_of(data, database)) as client:
        known = client.send("PUT", CATALOGUE, content, kind="text/csv")
    own = [one for one in known["data"] if one["source"] == "own"]
    if as_json:
        say_json(own)
        return
    say(f"{len(own):,} licences of your own, {len(known['data']):,} in all")


@licences.command("export")
def export_licences(
    everything: Annotated[bool, typer.Option("--all", help="Those that are shipped, too.")] = False,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Write licences of your own to standard output, as `import` reads them."""
    with Client(settings_of(data, database)) as client:
        known = client.send("GET", CATALOGUE)["data"]
    shown = [one for one in known if everything or one["source"] == "own"]
    if as_json:
        say_json(shown)
        return
    sys.stdout.write(written(COLUMNS, ([one[name] for name in COLUMNS] for one in shown)).decode())


def add_to(app: typer.Typer) -> None:
    app.add_typer(licences, name="licences")
