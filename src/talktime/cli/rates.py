"""`talktime rates`: price lists from files, what a call costs, and what is different in another list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from talktime.cli import rate_tables
from talktime.cli.client import Client, Refused, path_of
from talktime.cli.options import BAD, USAGE, CannotDo, Data, Json, Url, content_of, say, say_json, settings_of
from talktime.core.call_types import CallType

rates = typer.Typer(help="Price lists.", no_args_is_help=True)

LISTS = "/v1/operator/price-lists"


@rates.command("import")
def import_rates(
    currency: Annotated[str, typer.Option(help="Three letters, such as USD.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A CSV file; prefix and per_minute are required columns.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the list is called.", show_default=False)] = None,
    made_up: Annotated[
        bool, typer.Option("--illustrative", help="Made-up prices for every country (USD) instead of a file.")
    ] = False,
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

    With --illustrative it is made of prices that were made up for every country, to begin with and to try.
    Works beside a running server, and without one.
    """
    from talktime.actions import illustrative

    if made_up == (file is not None):
        raise CannotDo("say either a FILE or --illustrative", USAGE)
    if file is not None and name is None:
        raise CannotDo("say with --name what the list is called", USAGE)
    content = content_of(file) if file else b""
    about = {"name": name or illustrative.NAME, "currency": currency}
    with Client(settings_of(data, database)) as client:
        if file:
            made = _of_file(client, content, about | {"charge_decimals": str(decimals)}, publish, default)
        else:
            form = about | {"publish": publish, "default": default}
            made = client.send("POST", f"{LISTS}/illustrative", form)
    _tell_list(made, as_json)


def _of_file(client: Client, content: bytes, query: dict[str, str], publish: bool, default: bool) -> Any:
    if default:
        query["default"] = "true"
    made = client.send("POST", LISTS, content, query=query, kind="text/csv")
    return client.send("POST", f"{LISTS}/{made['id']}/publish", {}) if publish else made


def _tell_list(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(made)
        return
    version = made["versions"][-1]
    say(f"{made['id']}: {made['name']}, {version['rows']:,} rows in {made['currency']}, {version['state']}")


@rates.command("lookup")
def look_up(
    org: Annotated[str, typer.Option("--org", metavar="ORG", help="The organization that would pay.")],
    to: Annotated[str, typer.Option("--to", metavar="NUMBER", help="The number called, such as +442079460117.")],
    call_type: Annotated[CallType, typer.Option("--call-type", help="What kind of call.")] = CallType.USER_OUT,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Say what a call would cost now, with worked examples. Without a rate the exit code is 1.

    On inbound calls the number is ours. Works beside a running server, and without one.
    """
    query = {"call_type": call_type.value, "to": to}
    with Client(settings_of(data, database)) as client:
        try:
            told = client.send("GET", "/v1/rates/lookup", organization=org, query=query)
        except Refused as refused:
            if refused.problem.get("code") == "no_rate":
                raise CannotDo(refused.problem["detail"], BAD) from refused
            raise
    if as_json:
        say_json(told)
    else:
        rate_tables.tell_rate(to, told)


@rates.command("compare")
def compare(
    price_list: Annotated[str, typer.Argument(metavar="LIST", help="The id of a price list.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The id of the list that it is compared with.")],
    rows: Annotated[int, typer.Option(min=0, help="How many of the changed rows are shown; all are in --json.")] = 40,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Say what is different in the other list: the largest changes first, and what comes and goes.

    Each list as it is in force, or else its draft. Works beside a running server, and without one.
    """
    with Client(settings_of(data, database)) as client:
        told = client.send("GET", path_of(LISTS, price_list, "compare"), query={"with": other})
    if as_json:
        say_json(told)
    else:
        rate_tables.tell_difference(told, rows)


def add_to(app: typer.Typer) -> None:
    app.add_typer(rates, name="rates")
