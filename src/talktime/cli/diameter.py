"""`talktime diameter`: the door for Diameter credit control."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from talktime.cli.options import USAGE, CannotDo, Json, content_of, say, say_json
from talktime.cli.platforms import Address, KeyFile, address_of, key_from
from talktime.core.call_types import CallType

PORT = 3868


def diameter(
    url: Address,
    origin_host: Annotated[str, typer.Option(metavar="NAME", help="Who we are, as in ocs.example.net.")],
    origin_realm: Annotated[str, typer.Option(metavar="NAME", help="The realm that is served, as in example.net.")],
    key_file: KeyFile = None,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where peers connect; port 0 takes a free one.")
    ] = f"127.0.0.1:{PORT}",
    peer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=NETWORK]", help="Who may connect, and from where; may be repeated."),
    ] = None,
    relay: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=NETWORK]", help="The same for an agent, which hands on what others ask."),
    ] = None,
    organizations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Whose calls these are, for an operator's key.", show_default=False),
    ] = None,
    call_type: Annotated[CallType, typer.Option(help="The type of calls that callers' sides ask for.")] = (
        CallType.USER_OUT
    ),
    watchdog: Annotated[int, typer.Option(metavar="SECONDS", help="A peer silent for so long is asked.", min=1)] = 30,
    switch: Annotated[str, typer.Option(metavar="NAME", help="What the platform calls this door.")] = "diameter",
    as_json: Json = False,
) -> None:
    """Answer Diameter credit control (RFC 8506, 3GPP Ro) for voice calls until SIGTERM or Ctrl-C.

    Prints one line, `ready aaa://host:port`. Without --peer and --relay only programs of this machine may connect.
    FILE has lines such as `host scscf.example.net org_1`: host, realm or context, its name, the organization, and
    perhaps a type of call; it needs an operator's key. An organization's own key needs no file.
    """
    # Here, and not above: the other commands need not wait for what this one needs.
    from talktime.integrations.diameter.clients import CannotUse
    from talktime.integrations.diameter.running import Options, answer
    from talktime.observability import set_up_logging

    set_up_logging("warning")
    host, port = _bound(listen)
    lines = content_of(organizations).decode(errors="replace").splitlines() if organizations else None
    options = Options(origin_host, origin_realm, peer or (), relay or (), lines, call_type, watchdog, switch)

    def announce(host: str, port: int) -> None:
        address = f"aaa://{f'[{host}]' if ':' in host else host}:{port}"
        if as_json:
            say_json({"ready": address})
        else:
            say(f"ready {address}")

    try:
        answer(address_of(url), key_from(key_file), host, port, options, announce)
    except CannotUse as error:
        raise CannotDo(str(error), USAGE) from error
    except OSError as error:
        raise CannotDo(f"{listen} cannot be listened on: {error.strerror}") from error


def _bound(said: str) -> tuple[str, int]:
    host, _, port = said.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise CannotDo("--listen is HOST:PORT", USAGE)
    return host.strip("[]"), int(port)


def add_to(app: typer.Typer) -> None:
    app.command()(diameter)
