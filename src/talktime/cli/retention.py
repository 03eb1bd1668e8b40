"""`talktime retention`: what is older than it is to be kept."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from talktime.cli.options import CannotDo, Data, Json, Url, console, say, say_json, settings_of
from talktime.core.retention import Kept
from talktime.core.time import moment
from talktime.settings import Settings

if TYPE_CHECKING:
    from talktime.actions.retention import Preview


def retention(
    preview: Annotated[bool, typer.Option("--preview/--now", help="Only say what would go, or let it go now.")] = True,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Say how much of each kind is older than it is to be kept (TALKTIME_KEEP_DAYS), and from when it is.

    The worker lets it go once a day. With --now it goes at once: on PostgreSQL beside running servers, on the embedded
    database while no server runs. Sums, the ledger, receipts and reports of old months stay as they are.
    """
    settings = settings_of(data, database)
    if preview:
        _show(settings, _previewed(settings), as_json)
        return
    with ExitStack() as until_the_end:
        done = _forgotten(settings, until_the_end)
        if as_json:
            say_json({"forgotten": done})
        else:
            say(", ".join(f"{rows:,} of {kind}" for kind, rows in done.items()) + ": gone")


def _previewed(settings: Settings) -> list[Preview]:
    from talktime.actions.retention import preview
    from talktime.actions.upkeep import reading
    from talktime.clock import SteadyClock

    source = reading(settings.database, settings.sqlite_path)
    try:
        return preview(source, settings.kept, SteadyClock()())
    finally:
        source.close()


def _forgotten(settings: Settings, until_the_end: ExitStack) -> dict[str, int]:
    from talktime.actions.retention import NotEverywhere, forget, forget_letters
    from talktime.app import open_app
    from talktime.storage.folder import claimed

    if settings.on_sqlite:
        until_the_end.enter_context(claimed(settings.data))
    app = open_app(settings)
    until_the_end.callback(app.close)
    until_the_end.callback(app.database.compact)
    letters = forget_letters(settings.outbox, settings.kept, app.now())
    try:
        done = forget(app.database, settings.kept, app.now(), settings.outbox)
    except NotEverywhere as error:
        raise CannotDo(f"{error.message}; everything else is gone") from error
    return {**{kind.value: rows for kind, rows in done.items()}, "letters": letters}


def _show(settings: Settings, found: list[Preview], as_json: bool) -> None:
    if as_json:
        say_json({"kept_for_ever": _for_ever(settings), "goes": [_told(one) for one in found]})
        return
    table = Table("kind", "days", "goes what is of before", "rows", "oldest")
    for one in found:
        told = _told(one)
        table.add_row(*(str(told[name] if told[name] is not None else "") for name in told))
    console().print(table)
    say(f"kept for ever: {', '.join(_for_ever(settings)) or 'nothing of it'}")


def _for_ever(settings: Settings) -> list[str]:
    return [kind.value for kind in Kept if kind not in settings.kept]


def _told(one: Preview) -> dict[str, Any]:
    oldest = one.counted.oldest_at
    return {
        "kind": one.kind.value,
        "days": one.days,
        "before": moment(one.before).isoformat(timespec="seconds"),
        "rows": one.counted.rows,
        "oldest": None if oldest is None else moment(oldest).isoformat(timespec="seconds"),
    }


def add_to(app: typer.Typer) -> None:
    app.command()(retention)
