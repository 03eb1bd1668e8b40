"""`talktime health`: does the server of this machine answer? For whoever watches it and has no curl."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from typing import Annotated

import typer

from talktime.cli.options import BAD, Json, say, say_json, settings_of
from talktime.settings import Settings

SECONDS_MAX = 5.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Who listens at all addresses is asked at this machine's own."""


def health(
    port: Annotated[int | None, typer.Option(help="The port. [default: 8080]", min=1, max=65535)] = None,
    ready: Annotated[bool, typer.Option("--ready", help="Also whether its database takes writes.")] = False,
    as_json: Json = False,
) -> None:
    """Ask the server on this machine whether it answers, at the address that is set for it.

    Exit code 1 when it does not. Without --ready a server whose database is down is well: starting it again would not
    help.
    """
    settings = settings_of(None, None, port=port)
    answer = _asked(settings, "/readyz" if ready else "/healthz")
    if as_json:
        say_json({"healthy": answer in ("alive", "ready"), "answer": answer})
    else:
        say(answer)
    if answer not in ("alive", "ready"):
        raise typer.Exit(BAD)


def _asked(settings: Settings, path: str) -> str:
    host = EVERYWHERE.get(settings.host, settings.host)
    connection = HTTPConnection(host, settings.port, timeout=SECONDS_MAX)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        told = answer.read().decode(errors="replace").strip()
        return told if answer.status == 200 else f"{path} answered {answer.status}"
    except (OSError, HTTPException) as error:
        return f"nobody answers at {host} port {settings.port}: {error}"
    finally:
        connection.close()


def add_to(app: typer.Typer) -> None:
    app.command()(health)
