"""`talktime people`: what is known of one person, handed over or forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from talktime.cli.options import (
    BAD,
    CannotDo,
    Data,
    Json,
    Url,
    console,
    organization_in,
    progress_bar,
    say,
    say_json,
    settings_of,
)
from talktime.settings import Settings

if TYPE_CHECKING:
    from talktime.actions.erasure import Erased
    from talktime.actions.persons import Known, Tell
    from talktime.storage.database import Database

people = typer.Typer(help="What is known of one person: hand it over, or forget it.", no_args_is_help=True)

Word = Annotated[
    str, typer.Argument(metavar="PERSON", help="An e-mail address, a sign-in name, or an id: usr_... or mem_...")
]
Org = Annotated[
    str, typer.Option("--organization", metavar="ORG", help="Whose person: org_..., or 'operator' for the operator's.")
]


@people.command()
def export(
    person: Word,
    organization: Org,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="A zip file to make.")],
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Write all that is known of a person into a file: who it is, calls, notices, mails, sessions, the audit log.

    Works beside a running server. Rows may name others as well: look them through before you hand the file over.
    """
    from talktime.actions import person_file
    from talktime.clock import SteadyClock

    settings, org_id = settings_of(data, database), organization_in(organization)
    if to.exists():
        raise CannotDo(f"{to} is there already")
    with ExitStack() as until_the_end:
        source = _reading(settings, until_the_end)
        known = _found(source, org_id, person)
        with progress_bar(hidden=as_json) as bar:
            task = bar.add_task("rows", total=None)
            try:
                written = person_file.write(
                    source, org_id, known, to, SteadyClock()(), lambda rows: bar.advance(task, rows)
                )
            except OSError as error:
                raise CannotDo(f"{to} cannot be written: {error.strerror}") from error
    if as_json:
        say_json({"file": str(to), "ids": known.ids, "rows": dict(written)})
    else:
        say(f"{to}: {sum(written.values()):,} rows about {_names(known)}")


@people.command()
def erase(
    person: Word,
    organization: Org,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this it is only said what would be done.")] = False,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Forget a person: names, numbers and addresses are replaced wherever they stand; sums and the ledger stay.

    The person is removed first: nobody calls or signs in as them any more. It cannot be undone. On PostgreSQL it works
    beside running servers; on the embedded database no server may be running, since its file is written anew. Exit
    code 1: a call of theirs is still in progress, so run it again when it has ended.
    """
    settings, org_id = settings_of(data, database), organization_in(organization)
    with ExitStack() as until_the_end:
        if not yes:
            source = _reading(settings, until_the_end)
            _preview(source, org_id, _found(source, org_id, person), as_json)
            return
        known, done = _erased(settings, org_id, person, as_json, until_the_end)
        _say(known, done, as_json)
    if done.in_progress:
        raise typer.Exit(BAD)


def _say(known: Known, done: Erased, as_json: bool) -> None:
    if as_json:
        told = {"ids": known.ids, "rows": dict(done.rows), "files": done.files, "calls_in_progress": done.in_progress}
        say_json(told)
    else:
        _show(done.rows, "changed or deleted")
        say(_ended(known, done))


def _ended(known: Known, done: Erased) -> str:
    if done.in_progress:
        return f"{done.in_progress} calls of theirs are in progress: run it again when they have ended."
    return f"{', '.join(known.ids)}: forgotten. Backups made until now still know them, until you throw those away."


def _erased(
    settings: Settings, org_id: int, person: str, hidden: bool, until_the_end: ExitStack
) -> tuple[Known, Erased]:
    from talktime.actions.audit import Actor
    from talktime.actions.erasure import erase
    from talktime.actions.files_about import Files
    from talktime.app import open_app
    from talktime.storage.folder import claimed

    if settings.on_sqlite:
        until_the_end.enter_context(claimed(settings.data))
    app = open_app(settings)
    until_the_end.callback(app.close)
    # Also where nobody is found: an interruption may have left what was forgotten in the file.
    until_the_end.callback(app.database.compact)
    known = _found(app.database, org_id, person)
    actor, files = Actor("command_line", app.now()), Files(settings.outbox, settings.export_folder)
    with progress_bar(hidden=hidden) as bar, _told():
        tell = partial(bar.advance, bar.add_task("rows", total=None))
        return known, erase(app.database, org_id, known, actor, files, tell)


@contextmanager
def _told() -> Iterator[None]:
    from talktime.actions.persons import CannotErase

    try:
        yield
    except CannotErase as error:
        raise CannotDo(str(error)) from error


def _reading(settings: Settings, until_the_end: ExitStack) -> Database:
    from talktime.actions.upkeep import reading

    source = reading(settings.database, settings.sqlite_path)
    until_the_end.callback(source.close)
    return source


def _found(source: Database, org_id: int, person: str) -> Known:
    from talktime.actions import persons
    from talktime.actions.errors import NotFound

    try:
        return source.read(org_id, persons.find, org_id, person)
    except NotFound as error:
        raise CannotDo(
            f"this organization knows nobody called {person}: give an address, a sign-in name or an id"
        ) from error


def _preview(source: Database, org_id: int, known: Known, as_json: bool) -> None:
    from talktime.actions import persons

    with progress_bar(hidden=as_json) as bar:
        tell = partial(bar.advance, bar.add_task("rows", total=None))
        found = persons.mentions(source, org_id, known.person, tell)
        rows = Counter(one.place.table.name for one in found if one.changes)
        prevented_by = _prevented_by(source, org_id, known, tell)
    if as_json:
        told = {"ids": known.ids, "called": sorted(known.words), "rows": dict(rows)}
        say_json(told | {"prevented_by": prevented_by})
        return
    _show(rows, "would be changed or deleted")
    say(f"This is {_names(known)}. Nothing was changed: {_what_next(prevented_by)}")


def _prevented_by(source: Database, org_id: int, known: Known, tell: Tell) -> str | None:
    from talktime.actions.erasure import check
    from talktime.actions.persons import CannotErase

    try:
        check(source, org_id, known, tell)
    except CannotErase as error:
        return str(error)
    return None


def _what_next(prevented_by: str | None) -> str:
    if prevented_by:
        return f"and it could not be done now: {prevented_by}."
    return "with --yes it is done, and cannot be undone."


def _show(rows: Counter[str], what: str) -> None:
    table = Table("table", f"rows that {what}" if what.startswith("would") else f"rows {what}")
    for name, count in sorted(rows.items()):
        table.add_row(name, f"{count:,}")
    console().print(table)


def _names(known: Known) -> str:
    return f"{', '.join(known.ids)} ({', '.join(sorted(known.words))})"


def add_to(app: typer.Typer) -> None:
    app.add_typer(people, name="people")
