"""`talktime keys`: made, listed, revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from talktime.cli.client import Client, path_of
from talktime.cli.options import USAGE, CannotDo, Data, Json, Url, console, say, say_json, settings_of

keys = typer.Typer(help="Keys of the API: make, list and revoke them.", no_args_is_help=True)

Operator = Annotated[bool, typer.Option("--operator", help="The operator's own.")]
Organization = Annotated[
    str | None, typer.Option("--org", metavar="ID", help="Of this organization (org_…).", show_default=False)
]


@keys.command()
def create(
    operator: Operator = False,
    org: Organization = None,
    scope: Annotated[str | None, typer.Option(metavar="A,B", help="What it may do: calls,funds,…")] = None,
    expires_in: Annotated[int | None, typer.Option(metavar="DAYS", min=1, help="It ends by itself.")] = None,
    address: Annotated[list[str] | None, typer.Option(metavar="NET", help="Only from there; may be repeated.")] = None,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Make a key. It is the last line that is printed, and is never shown again.

    Makes the database when it is missing; works beside a running server.
    """
    form: dict[str, Any] = {}
    if expires_in:
        form["expires_at"] = (datetime.now(UTC) + timedelta(days=expires_in)).isoformat()
    if address:
        form["addresses"] = address
    path = _path(operator, org)
    if org:
        if not scope:
            raise CannotDo("--org needs --scope, for example --scope calls,funds", USAGE)
        form["scopes"] = [one.strip() for one in scope.split(",")]
    with Client(settings_of(data, database)) as client:
        made = client.send("POST", path, form)
    if as_json:
        say_json(made)
    else:
        say(made["key"])


@keys.command("list")
def list_keys(
    operator: Operator = False, org: Organization = None, data: Data = None, database: Url = None, as_json: Json = False
) -> None:
    """List keys, with what they may do and until when. The keys themselves are not kept."""
    with Client(settings_of(data, database)) as client:
        found = client.send("GET", _path(operator, org), query={"limit": "1000"})["data"]
    if as_json:
        say_json(found)
        return
    table = Table("id", "scopes", "addresses", "created", "expires", "revoked")
    for one in found:
        words = (" ".join(one.get("scopes", ())), " ".join(one.get("addresses", ())))
        instants = (one.get(name) or "" for name in ("created_at", "expires_at", "revoked_at"))
        table.add_row(one["id"], *words, *instants)
    console().print(table)


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY_ID", help="Its id (key_…), not the key.")],
    operator: Operator = False,
    org: Organization = None,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Revoke a key. It is refused from the next request on."""
    with Client(settings_of(data, database)) as client:
        client.send("DELETE", path_of(_path(operator, org), key))
    if as_json:
        say_json({"revoked": key})
    else:
        say(f"{key} is revoked")


def _path(operator: bool, org: str | None) -> str:
    if operator == bool(org):
        raise CannotDo("either --operator or --org ID", USAGE)
    return f"/v1/operator/organizations/{org}/keys" if org else "/v1/operator/keys"


def add_to(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys")
