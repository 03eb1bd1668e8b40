"""`talktime upgrade`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TaskID

from talktime.cli.options import CannotDo, Data, Json, Url, progress_bar, say, say_json, settings_of
from talktime.settings import Settings
from talktime.storage.folder import claimed

if TYPE_CHECKING:
    from talktime.storage.database import Database
    from talktime.storage.schema import Step


def upgrade(
    data: Data = None,
    database: Url = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be done, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Bring the database to the schema of this program, beside running servers of the version before.

    A server does the same when it starts; here it can be watched, and what takes long is done before anything is
    restarted. It may be interrupted at any time, and goes on when it is called again.
    """
    from talktime.storage import schema

    settings = settings_of(data, database)
    if settings.on_sqlite and not settings.sqlite_path.exists():
        raise CannotDo(f"there is no database at {settings.sqlite_path}: the first start of the server makes it")
    # A plan only reads, also beside the running server.
    alone = settings.on_sqlite and not plan
    with claimed(settings.data) if alone else nullcontext(), closing(_opened(settings, plan)) as opened:
        before = schema.version(opened)
        is_newer = before is not None and before > schema.NEWEST
        steps = [] if is_newer else schema.steps(opened)
        # Of a newer schema it says only whether it may serve it.
        if is_newer or not plan:
            with _watched(as_json) as progress:
                schema.prepare(opened, progress)
        told: dict[str, Any] = {
            "schema": before,
            "newest": schema.NEWEST,
            "steps": [_step_json(step) for step in steps],
        }
        told |= {"oldest_program": schema.oldest_program(opened), "done": not plan}
    if as_json:
        say_json(told)
    else:
        _say(told, steps, plan)


def _opened(settings: Settings, only_to_read: bool) -> Database:
    from talktime.actions.upkeep import reading
    from talktime.storage.database import PostgresDatabase, SqliteDatabase

    if only_to_read:
        return reading(settings.database, settings.sqlite_path)
    return PostgresDatabase(settings.database) if settings.database else SqliteDatabase(settings.sqlite_path)


def _step_json(step: Step) -> dict[str, Any]:
    names = ("revision", "kind", "oldest_program", "in_portions")
    return {name: getattr(step, name) for name in names}


def _say(told: dict[str, Any], steps: list[Step], plan: bool) -> None:
    if told["schema"] is not None and told["schema"] > told["newest"]:
        say(f"the database has schema {told['schema']}; this program, of {told['newest']}, may serve it")
        return
    for step in steps:
        slowly = ", in portions beside running servers" if step.in_portions else ""
        say(f"{step.revision}: {step.kind}; programs from schema {step.oldest_program} on work with it{slowly}")
    if not steps:
        say(f"nothing to do: the database has schema {told['newest']}")
    elif plan:
        say("nothing was changed; take a backup, then call it without --plan")
    else:
        say(f"done: the database has schema {told['newest']}; now start the new version, one server after the other")


@contextmanager
def _watched(hidden: bool) -> Iterator[Callable[[str, int, int], None]]:
    tasks: dict[str, TaskID] = {}
    with progress_bar(hidden=hidden) as bar:

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what)
            bar.update(tasks[what], completed=done, total=total)

        yield progress


def add_to(app: typer.Typer) -> None:
    app.command()(upgrade)
