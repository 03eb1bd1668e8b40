"""`talktime backup-drill`: is the last backup any good, how much would be lost, and how long would it take?"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from talktime.cli.checks import show_report
from talktime.cli.options import BAD, USAGE, CannotDo, Data, Json, Url, say, say_json, settings_of, watching
from talktime.cli.room import must_leave_room
from talktime.settings import Settings
from talktime.storage.folder import FolderProblem

if TYPE_CHECKING:
    from talktime.actions.backups import Checked
    from talktime.actions.upkeep import Report

SECOND = 1_000_000
Scratch = Annotated[
    str | None,
    typer.Option(
        "--scratch",
        metavar="URL",
        help="An empty PostgreSQL database to restore into, and to be emptied again. [TALKTIME_SCRATCH_DATABASE]",
        show_default=False,
    ),
]


def backup_drill(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="SRC", help="A backup. [default: the newest in DATA/backups, or TALKTIME_BACKUPS]"),
    ] = None,
    data: Data = None,
    database: Url = None,
    scratch: Scratch = None,
    as_json: Json = False,
) -> None:
    """Restore the last backup into a scratch database, verify it, and say what a disaster now would cost.

    Nothing is changed but the scratch database, which is emptied. Exit code 1 when the backup does not add up.
    """
    settings = settings_of(data, database, scratch_database=scratch)
    backup = source or _newest(settings.backup_folder)
    checked, report = checked_backup(settings, backup, as_json)
    told = {"file": str(backup), **checked_json(checked), **_loss(settings, checked)}
    if as_json:
        say_json(told)
    else:
        _say(told)
        say_checked(checked, report)
    if not report.clean:
        raise typer.Exit(BAD)


def _newest(folder: Path) -> Path:
    from talktime.actions.backups import backups_in

    if found := backups_in(folder):
        return found[0]
    raise CannotDo(f"there is no backup in {folder}: make one with `talktime backup`")


def _scratch(settings: Settings) -> str | None:
    """None where a file in the folder will do."""
    if settings.database and not settings.scratch_database:
        raise CannotDo("say which empty database to restore into: --scratch, or TALKTIME_SCRATCH_DATABASE", USAGE)
    return settings.scratch_database if settings.database else None


def checked_backup(settings: Settings, backup: Path, hidden: bool) -> tuple[Checked, Report]:
    from talktime.actions.backups import check
    from talktime.storage.backup_postgres import BackupProblem

    try:
        if settings.on_sqlite and backup.is_file():
            must_leave_room(backup.parent, backup.stat().st_size)
        with watching(hidden) as watched:
            return check(backup, _scratch(settings), watched, settings.database)
    except (BackupProblem, FolderProblem) as error:
        raise CannotDo(str(error)) from error
    except OSError as error:
        raise CannotDo(f"{backup} cannot be checked: {error.strerror}") from error


def checked_json(checked: Checked) -> dict[str, Any]:
    counted = ("bytes", "findings", "organizations", "entries", "calls")
    return {name: getattr(checked, name) for name in counted} | {
        "good": checked.good,
        "taken_at": _iso(checked.taken_at),
        "newest_operation_at": _iso(checked.newest_at / SECOND),
        "restore_seconds": round(checked.restore_seconds, 3),
        "verify_seconds": round(checked.verify_seconds, 3),
        "back_in_seconds": round(checked.back_in_seconds, 3),
    }


def _loss(settings: Settings, checked: Checked) -> dict[str, Any]:
    """Beside the database as it is; where that is gone, nobody knows more than the time."""
    from talktime.actions.backups import live_extent

    live = live_extent(settings.database, settings.sqlite_path)
    newest = live.newest_at / SECOND if live else time.time()
    return {
        "live": live is not None,
        "lost_seconds": round(max(newest - checked.newest_at / SECOND, 0.0), 3),
        "lost_entries": live.entries - checked.entries if live else None,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _say(told: dict[str, Any]) -> None:
    say(f"{told['file']}: {told['bytes']:,} bytes, taken at {told['taken_at']}")
    say(f"newest operation in it: {told['newest_operation_at']}")
    if told["live"]:
        say(f"would be lost now: {told['lost_entries']:,} entries of {told['lost_seconds']:,.0f} s")
    else:
        say(f"the database cannot be read; lost is what happened in the last {told['lost_seconds']:,.0f} s")


def say_checked(checked: Checked, report: Report) -> None:
    times = f"restored in {checked.restore_seconds:.1f} s, verified in {checked.verify_seconds:.1f} s"
    say(f"{times}: back in {checked.back_in_seconds:.1f} s")
    show_report(report)


def add_to(app: typer.Typer) -> None:
    app.command("backup-drill")(backup_drill)
