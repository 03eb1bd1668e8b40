"""`talktime members`: people who sign in."""

from __future__ import annotations

import typer

from talktime.cli.client import Client
from talktime.cli.options import Data, Json, Url, say, say_json, settings_of

members = typer.Typer(help="People who sign in.", no_args_is_help=True)


@members.command("set-up-link")
def set_up_link(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Print a link by which the first operator signs in: as `serve` prints it, for whoever has lost it.

    It works once, for a day, and takes the place of the earlier one. Works beside a running server, and without one.
    """
    with Client(settings_of(data, database)) as client:
        made = client.send("POST", "/v1/operator/set-up-link")
    if as_json:
        say_json(made)
    else:
        say(made["link"])


def add_to(app: typer.Typer) -> None:
    app.add_typer(members, name="members")
