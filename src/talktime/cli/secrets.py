"""`talktime secrets`: the key that encrypts stored secrets is replaced."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from talktime.cli.options import BAD, USAGE, CannotDo, Data, Json, Url, progress_bar, say, say_json, settings_of
from talktime.settings import Settings

if TYPE_CHECKING:
    from talktime.actions.rotation import Rotated

secrets = typer.Typer(help="The key that encrypts stored secrets: replace it.", no_args_is_help=True)
HOW = """nobody writes with a new key yet. Replace it in three steps:
  1. TALKTIME_SECRET_KEY=OLD,NEW,OLD for all servers and workers, and start them again (talktime secrets new-key)
  2. TALKTIME_SECRET_KEY=NEW,OLD for all of them, and start them again
  3. talktime secrets rotate, with the same TALKTIME_SECRET_KEY"""


@secrets.command("new-key")
def make_key(as_json: Json = False) -> None:
    """Print a new key; nothing is changed."""
    from talktime.storage.vault import new_key

    if as_json:
        say_json({"key": new_key()})
    else:
        say(new_key())


@secrets.command()
def rotate(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Encrypt every stored secret with the newest key.

    On PostgreSQL it works beside running servers: all of them had TALKTIME_SECRET_KEY=OLD,NEW,OLD first, and have
    NEW,OLD now. On the embedded database no server may be running; without that setting the new key is made by this.
    Exit code 1: some secrets can be read with none of the keys.
    """
    from talktime.app import open_app

    settings = settings_of(data, database)
    if not settings.secret_key and not settings.on_sqlite:
        raise CannotDo(HOW, USAGE)
    with ExitStack() as until_the_end:
        _prepare(settings, until_the_end)
        app = open_app(settings)
        until_the_end.callback(app.close)
        if not app.vault.is_being_replaced:
            raise CannotDo(HOW, USAGE)
        told = _rotated(app, hidden=as_json)
    _say(told, as_json)
    if told.unreadable:
        raise typer.Exit(BAD)


def _prepare(settings: Settings, until_the_end: ExitStack) -> None:
    from talktime.storage.folder import claimed
    from talktime.storage.vault import add_key

    if settings.on_sqlite:
        until_the_end.enter_context(claimed(settings.data))
        if not settings.secret_key:
            add_key(settings.data)


def _rotated(app: object, *, hidden: bool) -> Rotated:
    from talktime.actions.rotation import rotate as seal_anew
    from talktime.app import App

    assert isinstance(app, App)
    with progress_bar(hidden=hidden) as bar:
        task = bar.add_task("secrets", total=None)
        return seal_anew(app.database, app.vault, lambda done: bar.advance(task, done))


def _say(told: Rotated, as_json: bool) -> None:
    if as_json:
        say_json(asdict(told))
        return
    say(f"{told.anew} secrets are encrypted anew, {told.already} were already.")
    if told.unreadable:
        say(f"{told.unreadable} can be read with none of these keys: set them anew, or give the key they need.")
    say(
        "The old key is needed for backups made until now, for links in letters that were sent, and for recovery codes."
    )


def add_to(app: typer.Typer) -> None:
    app.add_typer(secrets, name="secrets")
