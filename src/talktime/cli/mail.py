"""`talktime mail` and `talktime deliveries`: does mail arrive, what did not, and once more."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from talktime.cli.client import Client, missing, path_of
from talktime.cli.options import BAD, USAGE, CannotDo, Data, Json, Url, console, say, say_json, settings_of
from talktime.core.languages import LANGUAGES

mail = typer.Typer(help="Mail to people.", no_args_is_help=True)
deliveries = typer.Typer(help="Mails and webhooks on their way.", no_args_is_help=True)
ALL = "/v1/operator/deliveries"


@mail.command("test")
def test_mail(
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Who gets it.")],
    language: Annotated[str, typer.Option("--language", help=f"One of {', '.join(LANGUAGES)}.")] = "en",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Send a test mail with the settings in effect, and say where it went. Not taken: the exit code is 1."""
    from talktime.actions.deliveries import send_test
    from talktime.app import open_post

    if language not in LANGUAGES:
        raise CannotDo(f"--language is one of {', '.join(LANGUAGES)}", USAGE)
    post = open_post(settings_of(data, None))
    letter_id = f"test_{secrets.token_hex(16)}"
    outcome = send_test(post, letter_id, to, language, time.time_ns() // 1000)
    taken, where = outcome.error is None, post.mailer.where(letter_id)
    if not taken:
        raise CannotDo(f"{where} did not take it: {outcome.error}", BAD)
    if as_json:
        say_json({"id": letter_id, "to": to, "where": where})
    else:
        say(f"{to}: taken by {where}")


@deliveries.command("list")
def list_deliveries(
    parked: Annotated[
        bool, typer.Option("--parked", help="Only those that are not tried again by themselves.")
    ] = False,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """List mails and webhooks that have not arrived, parked ones first, at most a thousand.

    Works beside a running server, and without one.
    """
    query = {"limit": "1000"} | ({"state": "parked"} if parked else {})
    with Client(settings_of(data, database)) as client:
        found = client.send("GET", ALL, query=query)["data"]
    if as_json:
        say_json(found)
        return
    table = Table(Column("Id", no_wrap=True), "Organization", "Event", "To", "State", "Tries", "Error", box=None)
    for one in found:
        words = (one["id"], one["organization"], one["event"], " ".join(one["recipients"]), one["state"])
        table.add_row(*words, str(one["tries"]), one["error"] or "")
    console().print(table if found else "Nothing is parked." if parked else "Everything has arrived.")


@deliveries.command("replay")
def replay(
    delivery: Annotated[str, typer.Argument(metavar="ID", help="Its id (del_...), as `list` shows it.")],
    org: Annotated[str | None, typer.Option("--org", metavar="ORG", help="Whose it is; else it is looked for.")] = None,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Send a mail or webhook once more, under the same id. Without --org it must be one that has not arrived.

    Works beside a running server, and without one: then it is sent when a server runs again.
    """
    with Client(settings_of(data, database)) as client:
        whose = org or _owner(client, delivery)
        with missing(f"{whose} has no delivery called {delivery}"):
            again = client.send("POST", path_of(ALL, whose, delivery, "replay"))
    if as_json:
        say_json(again)
    else:
        say(f"{again['id']} is sent once more")


def _owner(client: Client, delivery: str) -> str:
    query: dict[str, str] = {"limit": "1000"}
    while True:
        page: dict[str, Any] = client.send("GET", ALL, query=query)
        for one in page["data"]:
            if one["id"] == delivery:
                return str(one["organization"])
        if page["next"] is None:
            raise CannotDo(f"nothing called {delivery} is waiting or parked; say with --org whose it is")
        query["cursor"] = page["next"]


def add_to(app: typer.Typer) -> None:
    app.add_typer(mail, name="mail")
    app.add_typer(deliveries, name="deliveries")
