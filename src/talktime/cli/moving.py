"""`talktime org`: one organization moves to another installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from talktime.cli.checks import report_json, show_report
from talktime.cli.client import Client, missing, path_of
from talktime.cli.options import BAD, USAGE, CannotDo, Data, Json, Url, progress_bar, say, say_json, settings_of
from talktime.core.ids import org_name, org_number
from talktime.settings import Settings

if TYPE_CHECKING:
    from talktime.actions.arriving import Arrived
    from talktime.app import App
    from talktime.storage.move_file import Manifest

ORGANIZATIONS = "/v1/operator/organizations"
org = typer.Typer(help="One organization: move it to another installation.", no_args_is_help=True)


@org.command("export")
def export_org(
    organization: Annotated[str, typer.Argument(metavar="ORG", help="Which one: org_...")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The file to write.")],
    close: Annotated[bool, typer.Option("--close", help="Close it, if it is open: its calls are hung up.")] = False,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Write all that is kept of a closed organization into a file, also beside a running server.

    With --close it is closed before: from then on its calls are refused, those in progress are hung up; `talktime org
    open` is the way back. While calls, payments or messages are still under way nothing is written: exit code 3, call
    it again. The same rows make the same file, so that a second export shows whether anything has come since. Its
    secrets stay encrypted.
    """
    settings, org_id = settings_of(data, database), _number(organization)
    with Client(settings) as client, _said_plainly(to):
        manifest = _exported(client, settings, org_id, to, close, hidden=as_json)
    if as_json:
        say_json({"file": str(to), **_told(manifest)})
    else:
        say(f"{organization} is closed and in {to}: {manifest.rows:,} rows, digest {manifest.digest}")


def _number(organization: str) -> int:
    number = org_number(organization)
    if number is None:
        raise CannotDo(f"{organization} is no name of an organization", USAGE)
    return number


def _exported(client: Client, settings: Settings, org_id: int, to: Path, close: bool, *, hidden: bool) -> Manifest:
    from talktime.actions import moving
    from talktime.actions.upkeep import reading
    from talktime.app import open_vault

    where = path_of(ORGANIZATIONS, org_name(org_id))
    if _state(client, where) == "open" and not close:
        raise CannotDo(f"{org_name(org_id)} is open: --close closes it, its calls are hung up")
    vault, source = open_vault(settings), reading(settings.database, settings.sqlite_path)
    with closing(source), progress_bar(hidden=hidden) as bar:
        moving.make_sure(source, vault, org_id, to)
        client.send("DELETE", where)
        task = bar.add_task("tables", total=None)
        return moving.export(
            source, vault, org_id, to, lambda done, total: bar.update(task, completed=done, total=total)
        )


def _state(client: Client, where: str) -> str:
    with missing(f"there is no organization {where.rpartition('/')[2]}"):
        state: str = client.send("GET", where)["state"]
    return state


@contextmanager
def _said_plainly(file: Path) -> Iterator[None]:
    from talktime.actions.moving import CannotMove
    from talktime.storage.vault import VaultError

    try:
        yield
    except (CannotMove, VaultError) as error:
        raise CannotDo(str(error)) from error
    except OSError as error:
        raise CannotDo(f"{file} cannot be written: {error.strerror}") from error


@org.command("import")
def import_org(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `talktime org export` has made.")],
    stays_closed: Annotated[
        bool, typer.Option("--closed", help="Do not open it yet: the same command without this opens it.")
    ] = False,
    starts_again: Annotated[
        bool, typer.Option("--start-again", help="Take away what another file has brought, and begin with this one.")
    ] = False,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Bring an organization from a file, verify it, and open it. Its ids, keys and books are those it had.

    The file is checked before anything is written. Whoever is interrupted calls it again with the same file; with
    --start-again what only the other file has is lost, and what was opened here stays. Refused when the organization is
    here already. Beside running servers on PostgreSQL; on the embedded database no server may
    be running. Exit code 1: what came does not verify, and stays closed.
    """
    settings = settings_of(data, database)
    arrived = _brought(settings, file, hidden=as_json, stays_closed=stays_closed, starts_again=starts_again)
    _say(arrived, as_json)
    if not arrived.report.clean:
        raise typer.Exit(BAD)


def _brought(settings: Settings, file: Path, *, hidden: bool, **wanted: bool) -> Arrived:
    from talktime.actions.arriving import Arrival
    from talktime.actions.audit import Actor
    from talktime.actions.moving import CannotMove
    from talktime.storage.move_file import BadFile

    with _app(settings) as app, progress_bar(hidden=hidden) as bar:
        task = bar.add_task("rows", total=None)
        try:
            arrival = Arrival(app.database, app.vault, file, Actor("operator", app.now()))
            return arrival.bring(lambda done, total: bar.update(task, completed=done, total=total), **wanted)
        except (CannotMove, BadFile) as error:
            raise CannotDo(str(error)) from error


@contextmanager
def _app(settings: Settings) -> Iterator[App]:
    from talktime.app import open_app
    from talktime.storage.folder import claimed

    with claimed(settings.data) if settings.on_sqlite else nullcontext(), closing(open_app(settings)) as app:
        yield app


@org.command("open")
def open_org(
    organization: Annotated[str, typer.Argument(metavar="ORG", help="Which one: org_...")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this it is only said what it may do.")] = False,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Open an organization again that was closed here: the way back from an export that came to nothing.

    Never one that lives elsewhere: what is there could not be known here, and its money would be spent twice. Beside
    running servers on PostgreSQL; on the embedded database no server may be running.
    """
    from talktime.actions.arriving import open_again
    from talktime.actions.audit import Actor
    from talktime.actions.errors import NotFound
    from talktime.actions.moving import CannotMove

    settings, org_id = settings_of(data, database), _number(organization)
    if not yes:
        raise CannotDo(
            f"if {organization} has been imported elsewhere it would be there twice, and its money spent twice; "
            "this installation cannot know. Call it with --yes when you are sure that it was not"
        )
    with _app(settings) as app:
        try:
            app.database.write(org_id, open_again, org_id, Actor("operator", app.now()))
        except CannotMove as error:
            raise CannotDo(str(error)) from error
        except NotFound as error:
            raise CannotDo(f"there is no organization {organization}") from error
    if as_json:
        say_json({"organization": organization, "state": "open"})
    else:
        say(f"{organization} is open")


def _say(arrived: Arrived, as_json: bool) -> None:
    name = org_name(arrived.org_id)
    if as_json:
        told = {"organization": name, "was_here": arrived.was_here, **_told(arrived.manifest)}
        say_json(told | {"verify": report_json(arrived.report)})
        return
    show_report(arrived.report)
    if arrived.was_here:
        say(f"{name} was here already, by this file; nothing was changed")
    elif arrived.opened:
        say(f"{name} is here, and open: {arrived.manifest.rows:,} rows")
    elif arrived.report.clean:
        say(f"{name} is here: {arrived.manifest.rows:,} rows. It is closed: the same without --closed opens it")
    else:
        say(f"{name} is here, does not verify, and stays closed")


def _told(manifest: Manifest) -> dict[str, Any]:
    tables = {name: {"rows": count.rows, **count.sums} for name, count in manifest.tables.items()}
    return {"rows": manifest.rows, "digest": manifest.digest, "tables": tables}


def add_to(app: typer.Typer) -> None:
    app.add_typer(org, name="org")
