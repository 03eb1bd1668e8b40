"""`talktime users`: people from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from talktime.cli.client import Client
from talktime.cli.options import Data, Json, Url, content_of, say, say_json, settings_of

users = typer.Typer(help="Users of an organization.", no_args_is_help=True)


@users.command("import")
def import_users(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A CSV file; name, sign_in_name and usage_location are required columns."),
    ],
    org: Annotated[str, typer.Option("--org", metavar="ID", help="Whose users: org_...")],
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Make and change the users of a file. With one wrong line nothing is done, and each wrong line is named.

    Works beside a running server, and without one.
    """
    content = content_of(file)
    with Client(settings_of(data, database)) as client:
        done = client.send("POST", "/v1/users/import", content, organization=org, kind="text/csv")
    if as_json:
        say_json(done)
        return
    say(f"{done['created']:,} made, {done['changed']:,} changed, {done['unchanged']:,} as they were")


def add_to(app: typer.Typer) -> None:
    app.add_typer(users, name="users")
