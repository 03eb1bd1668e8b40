"""`talktime providers`, `reconcile` and `inbox`: who takes the money, and where his story is another than ours."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Column, Table

from talktime.cli.client import Client, missing, path_of
from talktime.cli.options import BAD, Data, Json, Url, console, say, say_json, settings_of

ITEMS = "/v1/operator/reconciliation"
LETTERS = "/v1/operator/inbox"
providers = typer.Typer(help="Who takes the money.", no_args_is_help=True)
reconcile = typer.Typer(help="Our books beside those of the payment providers.", no_args_is_help=True)
inbox = typer.Typer(help="Messages of payment providers that could not be worked off.", no_args_is_help=True)
Org = Annotated[str, typer.Argument(metavar="ORG", help="Its organization, or 'none', as `list` shows it.")]
Payment = Annotated[str, typer.Argument(metavar="PAYMENT", help="The payment, as `list` shows it.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Its id, as `list` shows it.")]


@providers.command("test")
def test_providers(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Ask each payment provider whether it knows us. Exit code 1 when one is not reached."""
    told = _asked("GET", "/v1/operator/providers", data, database)["data"]
    if as_json:
        say_json(told)
    else:
        for one in told:
            say(f"{one['name']}: {'' if one['reached'] else 'NOT REACHED: '}{one['told']}")
    if not all(one["reached"] for one in told):
        raise typer.Exit(BAD)


@reconcile.command("run")
def run(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Ask every provider what it has taken, book what is missing, and list what differs. Runs each night by itself.

    Exit code 1 when something differs: `talktime reconcile list` says what.
    """
    done = _asked("POST", ITEMS, data, database)
    if as_json:
        say_json(done)
    else:
        say(f"{done['looked_at']:,} payments looked at, {done['settled']:,} booked now, {done['differences']:,} differ")
    if done["differences"]:
        raise typer.Exit(BAD)


@reconcile.command("list")
def list_items(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """List differences that somebody has to look at, newest first, at most a thousand."""
    items = _asked("GET", f"{ITEMS}?limit=1000", data, database)["data"]
    if as_json:
        say_json(items)
        return
    table = Table(Column("Id", no_wrap=True), "Organization", "At", "Reason", "Payment", box=None)
    for item in items:
        table.add_row(item["id"], item["organization"] or "none", item["at"], item["reason"], item["top_up"] or "")
    console().print(table if items else "Nothing differs.")


@reconcile.command("close")
def close(
    org: Org,
    item: Id,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Say that somebody has looked at a difference: it is listed no more. Nothing is booked by it."""
    closed = _done(ITEMS, org, item, "close", data, database)
    if as_json:
        say_json(closed)
    else:
        say(f"closed: {closed['reason']}")


@reconcile.command("reject")
def reject(payment: Payment, data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """End a payment that nobody could decide for three days, as `list` shows it, or an invoice that will not be paid.

    The provider, if he answers, is told first, and takes nothing any more; what he has taken after all is credited.
    """
    with missing(f"there is no payment {payment}"):
        ended = _asked("POST", path_of("/v1/operator/payments", payment, "reject"), data, database)
    if as_json:
        say_json(ended)
    else:
        say(f"{payment} has {ended['status']}")


@inbox.command("list")
def list_letters(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """List messages that were parked, and why, at most a thousand."""
    letters = _asked("GET", f"{LETTERS}?limit=1000", data, database)["data"]
    if as_json:
        say_json(letters)
        return
    table = Table(Column("Id", no_wrap=True), "Organization", "Received", "Error", box=None)
    for one in letters:
        table.add_row(one["id"], one["organization"] or "none", one["received_at"], one["error"] or "")
    console().print(table if letters else "Nothing is parked.")


@inbox.command("replay")
def replay(
    org: Org,
    event: Id,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Work a parked message off once more; what it has done already it does not do again.

    Works beside a running server, and without one: then it is worked off when a server runs again.
    """
    letter = _done(LETTERS, org, event, "replay", data, database)
    if as_json:
        say_json(letter)
    else:
        say(f"{letter['id']} is {letter['state']}")


def _asked(method: str, path: str, data: Any, database: Any) -> Any:
    with Client(settings_of(data, database)) as client:
        return client.send(method, path)


def _done(where: str, org: str, name: str, verb: str, data: Any, database: Any) -> Any:
    with missing(f"{org} has nothing called {name}; `list` shows organizations and ids"):
        return _asked("POST", path_of(where, org, name, verb), data, database)


def add_to(app: typer.Typer) -> None:
    app.add_typer(providers, name="providers")
    app.add_typer(reconcile, name="reconcile")
    app.add_typer(inbox, name="inbox")
