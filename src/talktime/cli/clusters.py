"""`talktime database`: several machines with its tables, several installations with organizations of their own."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Annotated

import typer

from talktime.cli.options import CannotDo, Data, Json, Url, progress_bar, say, say_json, settings_of
from talktime.core.ids import CELL_MAX, org_name
from talktime.settings import Settings

if TYPE_CHECKING:
    from talktime.storage.distribution import Step

database_group = typer.Typer(
    help="Beyond one machine: spread the tables, number the installations.", no_args_is_help=True
)
PLAIN = """this is {what}: one machine has all of it, there is nothing to distribute, and nothing was changed.
On a Citus cluster: make an empty database, CREATE EXTENSION citus in it, add the workers, and call this with its URL"""
Shards = Annotated[int, typer.Option(min=1, max=1024, help="In how many parts; it cannot be changed later.")]


@database_group.command()
def distribute(
    data: Data = None,
    database: Url = None,
    shards: Shards = 64,
    plan: Annotated[bool, typer.Option("--plan", help="Print the statements that are left to do; do nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Spread the tables over the machines of a Citus cluster, by organization.

    For a fresh database, made by this, and for tables that a newer version brought; whoever is interrupted calls it
    again. On plain PostgreSQL and on the embedded database nothing is done: exit code 3. Servers that are running must
    be started again.
    """
    settings = settings_of(data, database)
    if plan:
        _show(_planned(settings, shards), as_json)
        return
    done = _distributed(settings, shards, hidden=as_json)
    if as_json:
        say_json({"declared": done})
    else:
        say(f"{done} tables declared; start the servers again" if done else "all tables are declared already")


def _planned(settings: Settings, shards: int) -> list[Step]:
    from talktime.storage import distribution
    from talktime.storage.database import PostgresDatabase

    if settings.database:
        with closing(PostgresDatabase(settings.database)) as database:
            if distribution.has_citus(database):
                return distribution.missing(database, shards)
    return distribution.steps(shards)


def _show(steps: list[Step], as_json: bool) -> None:
    if as_json:
        say_json([{"name": step.name, "statements": list(step.statements)} for step in steps])
        return
    for step in steps:
        say(f"-- {step.name}")
        for statement in step.statements:
            say(f"{statement};")


def _distributed(settings: Settings, shards: int, *, hidden: bool) -> int:
    from talktime.storage import distribution
    from talktime.storage.database import PostgresDatabase

    if not settings.database:
        raise CannotDo(PLAIN.format(what="the embedded database"))
    with closing(PostgresDatabase(settings.database)) as database, progress_bar(hidden=hidden) as bar:
        if not distribution.has_citus(database):
            raise CannotDo(PLAIN.format(what="plain PostgreSQL"))
        task = bar.add_task("tables", total=None)
        try:
            return distribution.distribute(
                database, shards, lambda done, total: bar.update(task, completed=done, total=total)
            )
        except distribution.CannotDistribute as error:
            raise CannotDo(str(error)) from error


@database_group.command()
def shards(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Say on which shard of a Citus cluster each organization lies, as a balancer's map wants it.

    A line for each: the number that stands in its keys, and the shard. For talktime-shards.map of `talktime files
    proxy`, so that organizations of one shard share a server process. Exit code 3 where nothing is spread.
    """
    found = _places(settings_of(data, database))
    if as_json:
        say_json([{"organization": org_name(org_id), "shard": shard} for org_id, shard in found.items()])
        return
    say("# The number of each organization, and its shard: `talktime database shards`.")
    for org_id, shard in found.items():
        say(f"{org_name(org_id).removeprefix('org_')} {shard}")


def _places(settings: Settings) -> dict[int, int]:
    from talktime.storage.database import PostgresDatabase
    from talktime.storage.shards import places

    if not settings.database:
        raise CannotDo(PLAIN.format(what="the embedded database"))
    with closing(PostgresDatabase(settings.database)) as database:
        found = places(database)
    if found is None:
        raise CannotDo("nothing is spread here, so no organization has a shard: see `talktime database distribute`")
    return found


@database_group.command()
def cell(
    number: Annotated[int, typer.Argument(metavar="N", min=0, max=CELL_MAX, help="Another one for each installation.")],
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Number this installation, so that its organizations are numbered as nowhere else and can move.

    Organizations made from now on are numbered in it; without this an installation is cell 0. It can only go up. On the
    embedded database no server may be running.
    """
    from talktime.actions import cells
    from talktime.app import open_app
    from talktime.storage.folder import claimed

    settings = settings_of(data, database)
    with ExitStack() as until_done:
        if settings.on_sqlite:
            until_done.enter_context(claimed(settings.data))
        app = until_done.enter_context(closing(open_app(settings)))
        try:
            cells.number(app.database, number)
        except cells.CannotNumber as error:
            raise CannotDo(str(error)) from error
    if as_json:
        say_json({"cell": number})
    else:
        say(f"this is cell {number}")


def add_to(app: typer.Typer) -> None:
    app.add_typer(database_group, name="database")
