"""`talktime backup`, `talktime restore` and `talktime restored`."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from talktime.cli.checks import report_json, show_report
from talktime.cli.drill import Scratch, checked_backup, checked_json, say_checked
from talktime.cli.options import BAD, USAGE, CannotDo, Data, Json, Url, say, say_json, settings_of, watching
from talktime.cli.room import leaving_room, must_leave_room
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
    (`secret.key` in the data folder, or TALKTIME_SECRET_KEY) is not in it: keep it in another place. Nothing is written
    that would leave less than 1 GiB of the disk. Exit code 1 when it does not add up, or could not be checked; nothing
    is removed then.
    """
    settings = settings_of(data, database, scratch_database=scratch)
    if keep and not check:
        raise CannotDo("--keep goes with --check: nothing is removed for a backup that nobody has tried", USAGE)
    file = _file_for(settings, destination)
    if file.exists() and not replace:
        raise CannotDo(f"{file} is there already; --replace overwrites it")
    with _in_good_order():
        told = _made(settings, file, as_json)
        if not as_json:
            say(f"{file}: {told['bytes']:,} bytes in {told['seconds']:.1f} s")
        good = _tried(settings, file, keep, told, as_json) if check else True
    if as_json:
        say_json(told)
    if not good:
        raise typer.Exit(BAD)


@contextmanager
def _in_good_order() -> Iterator[None]:
    """Whoever ends it with SIGTERM, as systemd does, leaves nothing half-written either."""

    def end(*_: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tried(settings: Settings, file: Path, keep: int | None, told: dict[str, Any], as_json: bool) -> bool:
    """Whether it is good; a backup that nobody could try is there, but counts for nothing."""
    from talktime.storage.errors import StoreError

    try:
        checked, report = checked_backup(settings, file, as_json)
    except (CannotDo, StoreError) as error:
        told |= {"checked": None, "not_checked": str(error), "removed": []}
        sys.stderr.write(f"not checked: {error}\n")
        return False
    told |= {"checked": checked_json(checked), "removed": _removed(file.parent, keep if report.clean else None)}
    if not as_json:
        say_checked(checked, report)
        for path in told["removed"]:
            say(f"removed {path}")
    return report.clean


def _file_for(settings: Settings, destination: Path | None) -> Path:
    from talktime.actions.backups import name_at

    if destination is None:
        destination = settings.backup_folder
        destination.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not destination.is_dir():
        return destination
    return destination / name_at(datetime.now(UTC), settings.database)


def _made(settings: Settings, file: Path, as_json: bool) -> dict[str, Any]:
    from talktime.actions.backups import forget_unfinished
    from talktime.storage import backup as storage
    from talktime.storage.backup_postgres import BackupProblem

    begun = time.monotonic()
    try:
        forget_unfinished(file.parent, datetime.now(UTC))
        must_leave_room(file.parent, _size_of_next(settings, file.parent))
        with watching(as_json) as watched:
            progress = leaving_room(file.parent, watched("backing up"))
            storage.backup(settings.database, settings.sqlite_path, file, progress)
    except BackupProblem as error:
        raise CannotDo(str(error)) from error
    except OSError as error:
        raise CannotDo(f"{file} cannot be written: {error.strerror}") from error
    return {"file": str(file), "bytes": file.stat().st_size, "seconds": round(time.monotonic() - begun, 3)}


def _size_of_next(settings: Settings, folder: Path) -> int:
    """On PostgreSQL about that of the one before."""
    from talktime.actions.backups import backups_in

    database = settings.sqlite_path
    log = database.with_name(f"{database.name}-wal")
    measured = [database, log] if settings.on_sqlite else backups_in(folder)[:1]
    return sum(file.stat().st_size for file in measured if file.exists())


def _removed(folder: Path, keep: int | None) -> list[str]:
    from talktime.actions import backups

    return [str(path) for path in backups.keep(folder, keep)] if keep else []


def restore(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="SRC", help="[default: the newest good one in DATA/backups, or TALKTIME_BACKUPS]"),
    ] = None,
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
    backup = source or _newest_good(settings)
    begun = time.monotonic()
    try:
        with ExitStack() as until_done:
            if settings.on_sqlite:
                until_done.enter_context(claimed(settings.data))
            watched = until_done.enter_context(watching(as_json))
            storage.restore(backup, settings.database, settings.sqlite_path, watched("restoring"))
    except BackupProblem as error:
        raise CannotDo(str(error)) from error
    except OSError as error:
        raise CannotDo(f"{backup} cannot be restored: {error.strerror}") from error
    report = _verified(settings, as_json)
    seconds = time.monotonic() - begun - report.seconds
    if as_json:
        say_json({"file": str(backup), "restored_in_seconds": round(seconds, 3), "verify": report_json(report)})
    else:
        say(f"restored from {backup} in {seconds:.1f} s")
        show_report(report)
    if not report.clean:
        raise typer.Exit(BAD)


def _newest_good(settings: Settings) -> Path:
    from talktime.actions.backups import good_in
    from talktime.storage.backup import suffix_for

    folder, suffix = settings.backup_folder, suffix_for(settings.database)
    for backup, _ in good_in(folder):
        if backup.suffix == suffix:
            return backup
    raise CannotDo(f"there is no backup ({suffix}) in {folder} that was tried and is good: name one", USAGE)


def restored(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Say that this database was restored by other means, such as PostgreSQL's own, and verify it.

    Call it before the first start: nobody is charged until providers were asked what they have taken since. `talktime
    restore` does the same by itself. Exit code 1 when the database does not verify.
    """
    from talktime.actions.upkeep import mark_restored

    settings = settings_of(data, database)
    with ExitStack() as until_done:
        if settings.on_sqlite:
            until_done.enter_context(claimed(settings.data))
        mark_restored(settings.database, settings.sqlite_path)
        report = _verified(settings, as_json)
    if as_json:
        say_json(report_json(report))
    else:
        show_report(report)
    if not report.clean:
        raise typer.Exit(BAD)


def _verified(settings: Settings, as_json: bool) -> Report:
    from talktime.actions.upkeep import reading, verify

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
