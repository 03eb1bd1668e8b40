"""`talktime backup` and `talktime restore`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from talktime.cli.checks import report_json, show_report
from talktime.cli.options import BAD, CannotDo, Data, Json, Url, progress_bar, say, say_json, settings_of
from talktime.storage.folder import claimed


def backup(
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A file, or a folder to put one into.")],
    data: Data = None,
    database: Url = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the file if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the whole database as it stands now, also beside a running server.

    The copy appears under its name when it is complete and on the disk. The key that encrypts stored secrets
    (`secret.key` in the data folder, or TALKTIME_SECRET_KEY) is not in it: keep it in another place.
    """
    from talktime.storage import backup as storage

    settings = settings_of(data, database)
    if destination.is_dir():
        destination /= f"talktime-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{storage.suffix_for(settings.database)}"
    if destination.exists() and not replace:
        raise CannotDo(f"{destination} is there already; --replace overwrites it")
    begun = time.monotonic()
    try:
        with _watched("backing up", as_json) as progress:
            storage.backup(settings.database, settings.sqlite_path, destination, progress)
    except OSError as error:
        raise CannotDo(f"{destination} cannot be written: {error.strerror}") from error
    size, seconds = destination.stat().st_size, time.monotonic() - begun
    if as_json:
        say_json({"file": str(destination), "bytes": size, "seconds": round(seconds, 3)})
    else:
        say(f"{destination}: {size:,} bytes in {seconds:.1f} s")


def restore(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A file that `talktime backup` has made.")],
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Put a backup into an empty data folder or an empty PostgreSQL database, and verify it.

    Whatever is there already is refused, not overwritten. Exit code 1 when the restored database does not verify.
    """
    from talktime.actions.upkeep import mark_restored, reading, verify
    from talktime.storage import backup as storage
    from talktime.storage.backup_postgres import BackupProblem

    settings = settings_of(data, database)
    begun = time.monotonic()
    try:
        with ExitStack() as until_done:
            if settings.on_sqlite:
                until_done.enter_context(claimed(settings.data))
            progress = until_done.enter_context(_watched("restoring", as_json))
            storage.restore(source, settings.database, settings.sqlite_path, progress)
    except BackupProblem as error:
        raise CannotDo(str(error)) from error
    mark_restored(settings.database, settings.sqlite_path)
    seconds = time.monotonic() - begun
    restored = reading(settings.database, settings.sqlite_path)
    try:
        with _watched("verifying", as_json) as progress:
            report = verify(restored, progress)
    finally:
        restored.close()
    if as_json:
        say_json({"restored_in_seconds": round(seconds, 3), "verify": report_json(report)})
    else:
        say(f"restored from {source} in {seconds:.1f} s")
        show_report(report)
    if not report.clean:
        raise typer.Exit(BAD)


@contextmanager
def _watched(what: str, hidden: bool) -> Iterator[Callable[[int, int], None]]:
    with progress_bar(hidden=hidden) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def add_to(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)
