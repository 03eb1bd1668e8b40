"""`talktime radius`: FreeRADIUS as the door for gateways that speak RADIUS."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any

import typer

from talktime.cli.client import Client
from talktime.cli.options import USAGE, CannotDo, Data, Json, Url, content_of, say, say_json, settings_of
from talktime.core.call_types import CallType
from talktime.core.ids import org_number
from talktime.integrations.radius.folder import HARMLESS, NAME, SECRET, Filling, Gateway, filled, write

radius = typer.Typer(help="RADIUS: FreeRADIUS as the door for gateways.", no_args_is_help=True)

ADDRESS = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]+(?:/[A-Za-z0-9._/-]*)?")
KEY = re.compile(r"tt_[A-Za-z0-9_-]{1,200}")
DIGITS = re.compile(r"[0-9]{2,6}")
PROGRAMS = ("freeradius", "radiusd")
EMERGENCY = ["112", "911"]

To = Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder that is written.")]
Gateways = Annotated[
    list[str],
    typer.Option(
        "--gateway",
        metavar="NAME=ADDRESS[/MASK]",
        help="Who may ask; may be repeated. Each gets a secret of its own.",
    ),
]
Address = Annotated[str, typer.Option("--url", metavar="URL", help="Where Talktime answers, seen from FreeRADIUS.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="A key with the scope calls, or an operator's. Without it one is made for --organization.",
        show_default=False,
    ),
]
Organization = Annotated[
    str, typer.Option("--organization", metavar="ID", help="Whose calls these are (org_…).", show_default=False)
]
Kind = Annotated[CallType, typer.Option("--call-type", metavar="TYPE", help="What the calls are, such as ucap_out.")]
User = Annotated[
    str, typer.Option("--user", metavar="NAME", help="Who is responsible for all of them.", show_default="User-Name")
]
Listen = Annotated[str, typer.Option("--listen", metavar="ADDRESS", help="Where FreeRADIUS listens.")]
AuthPort = Annotated[int, typer.Option("--auth-port", min=1, max=65535, help="For Access-Requests.")]
AcctPort = Annotated[int, typer.Option("--acct-port", min=1, max=65535, help="For Accounting-Requests.")]
Emergency = Annotated[
    list[str],
    typer.Option("--emergency", metavar="DIGITS", help="Goes through while Talktime is down; may be repeated."),
]
Plain = Annotated[
    bool, typer.Option("--plain-digits", help="The gateways send full international numbers without a + or 00.")
]
Force = Annotated[bool, typer.Option("--force", help="Write over what is there. Gateways get new secrets.")]


@radius.command()
def init(
    to: To,
    gateway: Gateways,
    url: Address = "http://127.0.0.1:8080",
    key_file: KeyFile = None,
    organization: Organization = "",
    call_type: Kind = CallType.USER_OUT,
    user: User = "",
    listen: Listen = "127.0.0.1",
    auth_port: AuthPort = 1812,
    acct_port: AcctPort = 1813,
    emergency: Emergency = EMERGENCY,
    plain_digits: Plain = False,
    force: Force = False,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Write a whole folder for FreeRADIUS, filled in, and look whether FreeRADIUS can read it."""
    gateways = [_gateway(one) for one in gateway]
    _fitting("--url", ADDRESS, url)
    _fitting("--user", HARMLESS, user)
    _checked(organization, listen, emergency)
    if (to / "radiusd.conf").exists() and not force:
        raise CannotDo(f"{to} has a configuration already; --force writes over it", USAGE)
    key = _key_in(key_file) if key_file else _key_made(organization, settings_of(data, database))
    numbers = (listen, auth_port, acct_port, organization, call_type.value, user, emergency, plain_digits)
    _write(filled(Filling(url, key, gateways, *numbers)), to)
    _say(to, gateways, _looked_at(to), as_json)


def _gateway(text: str) -> Gateway:
    name, _, address = text.partition("=")
    _fitting("--gateway", NAME, name)
    try:
        network = str(ip_network(address, strict=False))
    except ValueError as error:
        raise CannotDo(f"--gateway: '{address}' is no address or network, as in gw1=192.0.2.10", USAGE) from error
    # No sign in it that a command would take for an option of its own, as a dash would be at its beginning.
    return Gateway(name, network, secrets.token_hex(24))


def _fitting(option: str, pattern: re.Pattern[str], value: str) -> None:
    if pattern.fullmatch(value) is None:
        raise CannotDo(f"{option}: '{value}' cannot be written into the configuration", USAGE)


def _checked(organization: str, listen: str, emergency: list[str]) -> None:
    if organization and org_number(organization) is None:
        raise CannotDo(f"--organization: '{organization}' is no id of an organization (org_…)", USAGE)
    for one in emergency:
        _fitting("--emergency", DIGITS, one)
    try:
        ip_address(listen)
    except ValueError as error:
        raise CannotDo(f"--listen: '{listen}' is no address", USAGE) from error


def _key_in(file: Path) -> str:
    key = content_of(file).decode(errors="replace").strip()
    if KEY.fullmatch(key) is None:
        raise CannotDo(f"{file} holds no key: it is one line that begins with tt_", USAGE)
    return key


def _key_made(organization: str, settings: Any) -> str:
    if not organization:
        raise CannotDo("say whose calls these are with --organization, or give a key with --key-file", USAGE)
    with Client(settings) as client:
        made = client.send("POST", f"/v1/operator/organizations/{organization}/keys", {"scopes": ["calls"]})
    return str(made["key"])


def _write(texts: Any, to: Path) -> None:
    try:
        write(texts, to)
    except OSError as error:
        raise CannotDo(f"{to} cannot be written: {error.strerror}") from error


def _looked_at(to: Path) -> str | None:
    """What FreeRADIUS says against it: nothing is good. None: it is not here."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        return None
    command = [program, "-C", "-l", "stdout", "-d", str(to)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or "it does not say why"


def _say(to: Path, gateways: list[Gateway], wrong: str | None, as_json: bool) -> None:
    if as_json:
        told = {gateway.name: {"address": gateway.address, "secret": gateway.secret} for gateway in gateways}
        say_json({"folder": str(to), "gateways": told, "checked": None if wrong is None else not wrong})
    else:
        _say_to_people(to, gateways, wrong)
    if wrong:
        raise CannotDo(f"FreeRADIUS cannot read it:\n{wrong}")


def _say_to_people(to: Path, gateways: list[Gateway], wrong: str | None) -> None:
    say(f"written: {to} ({', '.join(sorted(SECRET))} readable by their owner alone)")
    if not wrong:
        say("FreeRADIUS is not here, so nobody has looked at it" if wrong is None else "FreeRADIUS can read it")
    for gateway in gateways:
        say(f"gateway {gateway.name} ({gateway.address}): its secret is in clients.conf")
    say(f"start it:  freeradius -f -l stdout -d {to}")


def add_to(app: typer.Typer) -> None:
    app.add_typer(radius, name="radius")
