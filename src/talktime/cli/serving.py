"""`talktime serve` and `talktime worker`."""

from __future__ import annotations

from typing import Annotated

import typer

from talktime.cli.options import USAGE, CannotDo, Data, Json, Url, say, say_json, settings_of


def serve(
    data: Data = None,
    database: Url = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one. [default: 8080]")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; more than one needs PostgreSQL.")] = None,
    jobs: Annotated[
        bool | None, typer.Option("--jobs/--no-jobs", help="Also do due work, or leave it to `talktime worker`.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer switches and people until SIGTERM or Ctrl-C.

    Makes or migrates the database first. Prints one line, `ready http://host:port`, when requests are answered, and
    while nobody can sign in as an operator a second one with a link by which the first one does.
    """
    from talktime import server

    settings = settings_of(data, database, host=host, port=port, workers=workers, jobs=jobs)

    def announce(address: str, link: str | None) -> None:
        say(f'{{"ready": "{address}"}}' if as_json else f"ready {address}")
        if link:
            say(f'{{"set_up": "{link}"}}' if as_json else f"set up {link} (the first operator, within a day)")

    server.serve(settings, announce)


def worker(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Do due work only: holds and lots that end, sealing, the nightly verification. For servers with `--no-jobs`."""
    from talktime import server

    settings = settings_of(data, database)
    if settings.on_sqlite:
        raise CannotDo("a worker of its own needs PostgreSQL; on SQLite the server does its due work itself", USAGE)
    if as_json:
        say_json({"working": True})
    server.work(settings)


def add_to(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(worker)
