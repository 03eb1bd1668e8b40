"""`talktime try-call`: a single call through a door, and what it did to the books."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from talktime.cli.client import Client, path_of
from talktime.cli.options import BAD, USAGE, CannotDo, Data, Json, Url, console, content_of, say, say_json, settings_of
from talktime.cli.platforms import KEY, address_of, key_from
from talktime.cli.remote import Remote
from talktime.cli.trying.trial import Api, Door, Trial, Wanted, Watcher, tried
from talktime.core.call_types import CallType

CUT = 4
"""Exit code: granted, and cut before so many seconds."""
KEY_LIVES = timedelta(days=2)
"""Longer than the longest call that can be tried."""


class Through(StrEnum):
    API = "api"
    AGI = "agi"
    RADIUS = "radius"
    SIP = "sip"
    DIAMETER = "diameter"


PORTS = {Through.AGI: 4573, Through.RADIUS: 1812, Through.SIP: 5060}


def try_call(
    to: Annotated[str, typer.Option("--to", metavar="NUMBER", help="Who is called, such as +442079460123.")],
    user: Annotated[
        str | None, typer.Option(help="Who calls: id, sign-in name or number of a user.", show_default=False)
    ] = None,
    caller: Annotated[
        str | None, typer.Option("--from", metavar="NUMBER", help="The number that calls.", show_default=False)
    ] = None,
    call_type: Annotated[CallType, typer.Option(help="What kind of call it is.", metavar="TYPE")] = CallType.USER_OUT,
    seconds: Annotated[
        int, typer.Option(help="How long is talked; 0: the callee does not answer.", min=0, max=86_400)
    ] = 130,
    door: Annotated[Through, typer.Option(help="Through which door.")] = Through.API,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[:PORT]",
            help="Where the door is: talktime agi, FreeRADIUS or the SIP switch. Else 127.0.0.1 and the usual port.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="By SIP: the address to call from, by which the switch knows us."),
    ] = None,
    radius_secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What a gateway shares with FreeRADIUS.", show_default=False)
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Let the seconds really pass (by SIP they always do).")] = False,
    org: Annotated[
        str | None, typer.Option("--org", metavar="ORG", help="Whose call it is; else the only one there is.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="A server; else the one of the data folder.", show_default=False)
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"Its key; else {KEY} in the environment.", show_default=False)
    ] = None,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Make one call and show each step with its time, what was held, granted and charged, and the balance.

    It is a real call for the books: it is charged. Exit code 0: granted, talked to its end and charged (or, with
    --seconds 0, released). 1: refused. 2: called wrongly. 3: no decision, or something does not answer. 4: granted,
    and cut before its end because money or minutes did not reach further.
    """
    with _api(url, key_file, org, data, database) as (api, organization):
        wanted = Wanted(to, user, caller, call_type.value, seconds, organization)
        trial, watcher = Trial(door.value, wanted), Watcher(api, organization)
        if door is Through.SIP:
            from talktime.cli.trying.sip import called

            called(trial, *_place(door, at), source, api, watcher)
        else:
            tried(trial, _door(door, at, api, organization, radius_secret_file), watcher, wait)
    _tell(trial, as_json)
    raise typer.Exit(BAD if trial.decision != "granted" else CUT if trial.is_cut else 0)


@contextmanager
def _api(
    url: str | None, key_file: Path | None, org: str | None, data: Path | None, database: str | None
) -> Iterator[tuple[Api, str | None]]:
    """And whose call it is, where the key does not say it."""
    if url:
        yield Remote(address_of(url), key_from(key_file)), org
        return
    with Client(settings_of(data, database)) as client:
        organization = org or _only_one(client)
        with _key(client, organization) as key:
            yield Beside(client, key), organization


@dataclass(frozen=True)
class Beside:
    """The data folder, and a key for what only switches may ask."""

    client: Client
    key: str

    def send(
        self, method: str, path: str, body: Any = None, *, organization: str | None = None, query: Any = None
    ) -> Any:
        return self.client.send(method, path, body, organization=organization, query=query, key=self.key)


@contextmanager
def _key(client: Client, organization: str) -> Iterator[str]:
    """Gone afterwards, and of itself should nobody be able to take it away."""
    keys, until = path_of("/v1/operator/organizations", organization, "keys"), datetime.now(UTC) + KEY_LIVES
    made = client.send("POST", keys, {"scopes": ["calls", "funds"], "expires_at": until.isoformat()})
    try:
        yield made["key"]
    finally:
        client.send("DELETE", path_of(keys, made["id"]))


def _only_one(client: Client) -> str:
    found = client.send("GET", "/v1/operator/organizations", query={"limit": "2"})["data"]
    if len(found) != 1:
        raise CannotDo("say with --org whose call it is: there is not exactly one organization", USAGE)
    return str(found[0]["id"])


def _door(door: Through, at: str | None, api: Api, organization: str | None, secret_file: Path | None) -> Door:
    from talktime.cli.trying.doors import AgiDoor, ApiDoor, RadiusDoor

    match door:
        case Through.API:
            return ApiDoor(api, organization)
        case Through.AGI:
            return AgiDoor(*_place(door, at))
        case Through.RADIUS:
            if secret_file is None:
                raise CannotDo("--radius-secret-file is needed: what a gateway shares with FreeRADIUS", USAGE)
            return RadiusDoor(*_place(door, at), content_of(secret_file).decode().strip())
    raise CannotDo("a Diameter call is not made by this command: use a client of your Diameter core", USAGE)


def _place(door: Through, at: str | None) -> tuple[str, int]:
    host, _, port = (at or f"127.0.0.1:{PORTS[door]}").rpartition(":")
    if not host:
        host, port = port, str(PORTS[door])
    if not port.isdecimal() or not 0 < int(port) < 65536 or host.startswith("-"):
        raise CannotDo("--at is HOST or HOST:PORT", USAGE)
    return host, int(port)


def _tell(trial: Trial, as_json: bool) -> None:
    if as_json:
        say_json(_told(trial))
        return
    table = Table("step", "ms", "", box=None)
    for step in trial.steps:
        table.add_row(step.what, f"{step.milliseconds:.1f}", step.told)
    console().print(table)
    for sentence in _sentences(trial):
        say(sentence)


def _told(trial: Trial) -> dict[str, Any]:
    told = asdict(trial) | {"wanted": trial.wanted._asdict(), "cut": trial.is_cut}
    for step in told["steps"]:
        step["milliseconds"] = round(step["milliseconds"], 1)
    return told


def _sentences(trial: Trial) -> Iterator[str]:
    if trial.decision == "refused":
        heard = f" The caller hears {trial.code}." if trial.code else ""
        why = trial.detail or trial.reason or "the switch said no"
        yield f"Refused: {why.removesuffix('.')}.{heard}"
    else:
        held = f", held at first {trial.held}" if trial.held else ""
        yield f"Granted {trial.granted_seconds} s, talked {trial.talked_seconds} s{held}."
        yield (
            f"Charged {trial.charge} {trial.currency}; the call is {trial.state}."
            if trial.state
            else "Not in the books."
        )
    if trial.is_cut:
        yield f"It was cut before its {trial.wanted.seconds} seconds were over."
    if trial.balance_before is not None:
        yield f"Balance {trial.balance_before} before, {trial.balance_after} after."
    if trial.call_id:
        yield f"Its story: GET /v1/calls/{trial.call_id}"


def add_to(app: typer.Typer) -> None:
    app.command("try-call")(try_call)
