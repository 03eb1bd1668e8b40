"""`talktime rates`: price lists from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from talktime.cli.client import Client
from talktime.cli.options import Data, Json, Url, content_of, say, say_json, settings_of

rates = typer.Typer(help="Price lists.", no_args_is_help=True)

LISTS = "/v1/operator/price-lists"


@rates.command("import")
def import_rates(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A CSV file; prefix and per_minute are required columns.")
    ],
    name: Annotated[str, typer.Option(help="What the list is called.")],
    currency: Annotated[str, typer.Option(help="Three letters, such as USD.")],
    decimals: Annotated[int, typer.Option(min=0, max=6, help="To how many decimals a charge is rounded.")] = 4,
    publish: Annotated[bool, typer.Option("--publish", help="Put it in force at once.")] = False,
    default: Annotated[
        bool, typer.Option("--default", help="For all organizations of this currency without a list of their own.")
    ] = False,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Make a price list from a file. With one wrong line nothing is made, and each wrong line is named.

    Works beside a running server, and without one.
    """
    content = content_of(file)
    query = {"name": name, "currency": currency, "charge_decimals": str(decimals)}
    if default:
        query["default"] = "true"
    with Client(settings_of(data, database)) as client:
        made = client.send("POST", LISTS, content, query=query, kind="text/csv")
        if publish:
            made = client.send("POST", f"{LISTS}/{made['id']}/publish", {})
    if as_json:
        say_json(made)
        return
    version = made["versions"][-1]
    say(f"{made['id']}: {made['name']}, {version['rows']:,} rows in {made['currency']}, {version['state']}")


def add_to(app: typer.Typer) -> None:
    app.add_typer(rates, name="rates")
