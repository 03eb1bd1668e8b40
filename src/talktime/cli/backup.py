"""`talktime backup`, `talktime restore` and `talktime restored`."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from talktime.cli.checks import report_json, show_report
from talktime.cli.drill import Scratch, checked_backup, checked_json, must_have_scratch, say_checked
from talktime.cli.options import BAD, USAGE, CannotDo, Data, Json, Url, say, say_json, settings_of, watching
from talktime.settings import Settings
from talktime.storage.folder import claimed

if TYPE_CHECKING:
    from talktime.actions.upkeep import Report


def backup(
    destination: Annotated[
        Path | None,
        typer.Argument(metavar="DEST", help="A file, or a folder to put one into. [default: DATA/backups]"),
    ] = None,
    data: Data = None,
    database: Url = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the file if it is there.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Restore it into a scratch database and verify it.")] = False,
    keep: Annotated[
        int | None,
        typer.Option(help="Then remove all but the newest N that were good, from the folder; with --check.", min=1),
    ] = None,
    scratch: Scratch = None,
    as_json: Json = False,
) -> None:
    """Copy the whole database as it stands now, also beside a running server.

    The copy appears under its name when it is complete and on the disk. The key that encrypts stored secrets
    (`secret.key` in the data folder, or TALKTIME_SECRET_KEY) is not in it: keep it in another place. Exit code 1 when
    it was checked and does not add up; nothing is removed then.
    """
    settings = settings_of(data, database, scratch_database=scratch)
    if keep and not check:
        raise CannotDo("--keep goes with --check: nothing is removed for a backup that nobody has tried", USAGE)
    if check:
        must_have_scratch(settings)
    file = _file_for(settings, destination)
    if file.exists() and not replace:
        raise CannotDo(f"{file} is there already; --replace overwrites it")
    told = _made(settings, file, as_json)
    report = None
    if check:
        checked, report = checked_backup(settings, file, as_json)
        told |= {"checked": checked_json(checked), "removed": _removed(file.parent, keep if report.clean else None)}
    if as_json:
        say_json(told)
    else:
        say(f"{file}: {told['bytes']:,} bytes in {told['seconds']:.1f} s")
        if report:
            say_checked(checked, report)
        for path in told.get("removed", ()):
            say(f"removed {path}")
    if report and not report.clean:
        raise typer.Exit(BAD)


def _file_for(settings: Settings, destination: Path | None) -> Path:
    from talktime.storage import backup as storage

    if destination is None:
        destination = settings.backup_folder
        destination.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not destination.is_dir():
        return destination
    return destination / f"talktime-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{storage.suffix_for(settings.database)}"


def _made(settings: Settings, file: Path, as_json: bool) -> dict[str, Any]:
    from talktime.storage import backup as storage

    begun = time.monotonic()
    try:
        with watching(as_json) as watched:
            storage.backup(settings.database, settings.sqlite_path, file, watched("backing up"))
    except OSError as error:
        raise CannotDo(f"{file} cannot be written: {error.strerror}") from error
    return {"file": str(file), "bytes": file.stat().st_size, "seconds": round(time.monotonic() - begun, 3)}


def _removed(folder: Path, keep: int | None) -> list[str]:
    from talktime.actions import backups

    return [str(path) for path in backups.keep(folder, keep)] if keep else []


def restore(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A file that `talktime backup` has made.")],
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Put a backup into an empty data folder or an empty PostgreSQL database, and verify it.

    Whatever is there already is refused, not overwritten. Exit code 1 when the restored database does not verify.
    """
    from talktime.storage import backup as storage
    from talktime.storage.backup_postgres import BackupProblem

    settings = settings_of(data, database)
    begun = time.monotonic()
    try:
        with ExitStack() as until_done:
            if settings.on_sqlite:
                until_done.enter_context(claimed(settings.data))
            watched = until_done.enter_context(watching(as_json))
            storage.restore(source, settings.database, settings.sqlite_path, watched("restoring"))
    except BackupProblem as error:
        raise CannotDo(str(error)) from error
    report = _marked_and_verified(settings, as_json)
    seconds = time.monotonic() - begun - report.seconds
    if as_json:
        say_json({"restored_in_seconds": round(seconds, 3), "verify": report_json(report)})
    else:
        say(f"restored from {source} in {seconds:.1f} s")
        show_report(report)
    if not report.clean:
        raise typer.Exit(BAD)


def restored(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Say that this database was restored by other means, such as PostgreSQL's own, and verify it.

    Call it before the first start: nobody is charged until providers were asked what they have taken since. `talktime
    restore` does the same by itself. Exit code 1 when the database does not verify.
    """
    settings = settings_of(data, database)
    with ExitStack() as until_done:
        if settings.on_sqlite:
            until_done.enter_context(claimed(settings.data))
        report = _marked_and_verified(settings, as_json)
    if as_json:
        say_json(report_json(report))
    else:
        show_report(report)
    if not report.clean:
        raise typer.Exit(BAD)


def _marked_and_verified(settings: Settings, as_json: bool) -> Report:
    from talktime.actions.upkeep import mark_restored, reading, verify

    mark_restored(settings.database, settings.sqlite_path)
    source = reading(settings.database, settings.sqlite_path)
    try:
        with watching(as_json) as watched:
            return verify(source, watched("verifying"))
    finally:
        source.close()


def add_to(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)
    app.command()(restored)
