"""`talktime agi`: the door for Asterisk."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from talktime.cli.options import USAGE, CannotDo, Json, content_of, say, say_json
from talktime.cli.platforms import Address, KeyFile, address_of, key_from
from talktime.integrations.asterisk.manager import Account, ManagerFailed

SECRET = "TALKTIME_AMI_SECRET"
AMI_PORT = 5038


def agi(
    url: Address,
    key_file: KeyFile = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 4573,
    switch: Annotated[str, typer.Option(help="What the platform calls this Asterisk.")] = "asterisk",
    organization: Annotated[
        str | None,
        typer.Option(
            "--org",
            metavar="ORG",
            help="Whose calls these are; needed with an operator's key, unless the dialplan says it.",
        ),
    ] = None,
    ami: Annotated[
        str | None,
        typer.Option(metavar="HOST[:PORT]", help="Asterisk's manager interface: calls are then extended and hung up."),
    ] = None,
    ami_user: Annotated[str, typer.Option(help="The account in manager.conf.")] = "talktime",
    ami_secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Its secret; without it the environment's {SECRET}.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer Asterisk's FastAGI questions about prepaid calls until SIGTERM or Ctrl-C.

    `agi://host/authorize` before Dial, `agi://host/answered` when the callee answers, `agi://host/ended` in a hangup
    handler. Prints one line, `ready agi://host:port`. Whoever reaches the port can make calls: keep it to Asterisk.
    Without --ami a call is granted once and ends with its first grant.
    """
    # Here, and not above: the other commands need not wait for what this one needs.
    from talktime.integrations.asterisk.running import answering
    from talktime.observability import set_up_logging

    set_up_logging("warning")
    stop = Event()
    account = _account(ami, ami_user, ami_secret_file)
    try:
        with answering(address_of(url), key_from(key_file), host, port, switch, organization, account) as address:
            for one in (signal.SIGINT, signal.SIGTERM):
                signal.signal(one, lambda number, frame: stop.set())
            if as_json:
                say_json({"ready": address, "extends": account is not None})
            else:
                say(f"ready {address}")
            stop.wait()
    except OSError as error:
        raise CannotDo(f"{host}:{port} cannot be listened on: {error.strerror}") from error
    except ManagerFailed as error:
        raise CannotDo(str(error)) from error


def _account(ami: str | None, user: str, secret_file: Path | None) -> Account | None:
    if ami is None:
        return None
    host, _, port = ami.rpartition(":") if ":" in ami else (ami, "", str(AMI_PORT))
    secret = content_of(secret_file).decode().strip() if secret_file else os.environ.get(SECRET, "")
    if not secret:
        raise CannotDo(f"the manager's secret is needed: --ami-secret-file FILE, or {SECRET} in the environment", USAGE)
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise CannotDo("--ami is HOST or HOST:PORT", USAGE)
    return Account(host, int(port), user, secret)


def add_to(app: typer.Typer) -> None:
    app.command()(agi)
