"""Exports that were asked for, made one after the other: who dies over one is followed by another."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from talktime.actions import exports, jobs
from talktime.actions.exports import EXPORT
from talktime.actions.jobs import TakenOver, Work
from talktime.actions.organizations import found
from talktime.actions.upkeep import Stopped
from talktime.app import App
from talktime.core.masking import digits_hidden
from talktime.core.time import DAY, SECOND
from talktime.reports.export_files import Asked, ExportFile
from talktime.storage.database import ReadTx
from talktime.storage.errors import StoreError
from talktime.storage.job_store import JobRow

KEPT_FOR = 7 * DAY
TOLD_EVERY = 5_000
"""Lines: so often people read how far it is."""
OURS = re.compile(r"Calls\.Export\.exp_[0-9a-f]+\.zip|\.exp_[0-9a-f]+\.[0-9]+")
"""Files of exports, and folders in which they are made."""
Stop = Callable[[], bool]
log = structlog.get_logger("talktime.jobs")


def make_exports(app: App, stop: Stop) -> int:
    """All that nobody works on."""
    done = 0
    for job in jobs.to_do(app.database, EXPORT, app.now()):
        if work := jobs.taken(app.database, job, app.now()):
            done += _made(app, work, stop)
    return done


def _made(app: App, work: Work, stop: Stop) -> bool:
    try:
        work.end(_write(app, work, stop), app.now())
    except TakenOver:
        _take_back(app, work)
        return False
    except Stopped:
        work.give_back()
        raise
    except StoreError:
        # Nothing is wrong with it: it is tried again when it is free.
        raise
    except Exception:
        log.exception("an export failed", export=work.job.job_id)
        work.fail("The file could not be made; the log of the server says why.", app.now())
        return False
    return True


def _write(app: App, work: Work, stop: Stop) -> str:
    """There is nothing under its name before all of it is there."""
    folder, name = app.settings.export_folder, _name_of(work.job)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _clear(folder, work.job.job_id)
    scratch = folder / f".{work.job.job_id}.{work.held_until}"
    scratch.mkdir()
    try:
        app.database.read(work.job.org_id, _write_from, app, work, stop, scratch / name)
        # Who made it anew meanwhile has made a better one.
        work.keep(app.now())
        (scratch / name).replace(folder / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return name


def _name_of(job: JobRow) -> str:
    return f"Calls.Export.{job.job_id}.zip"


def _take_back(app: App, work: Work) -> None:
    """What was made may tell of somebody who is forgotten since. Whoever makes it after us puts his in its place."""
    if not jobs.is_made(app.database, work.job):
        (app.settings.export_folder / _name_of(work.job)).unlink(missing_ok=True)


def _write_from(tx: ReadTx, app: App, work: Work, stop: Stop, path: Path) -> None:
    def go_on(done: int, total: int) -> None:
        if stop():
            raise Stopped
        if done % TOLD_EVERY == 0 or done == total:
            work.go_on(done, total, app.now())

    ExportFile(tx, _asked(tx, work.job, app.now()), go_on).write(path)


def _asked(tx: ReadTx, job: JobRow, now: int) -> Asked:
    org, asked = found(tx, job.org_id), exports.asked_for(job)
    return Asked(
        org_id=job.org_id,
        begin=asked.begin,
        end=asked.end,
        format=asked.format,
        own_carrier=asked.own_carrier,
        digits=digits_hidden(org.country),
        now=org.now(now),
    )


def _clear(folder: Path, job_id: str) -> None:
    """What somebody left who died over it."""
    for left in folder.glob(f".{job_id}.*"):
        shutil.rmtree(left, ignore_errors=True)


def remove_left_over(app: App, stop: Stop) -> int:
    """Of another machine whose folder is not ours nobody else removes what is left, and it tells of calls. Whatever
    else is in a folder that somebody has named is somebody else's."""
    before = (app.now() - KEPT_FOR - DAY) / SECOND
    ours = (path for path in app.settings.export_folder.glob("*") if OURS.fullmatch(path.name))
    return sum(_removed(path, before) for path in ours)


def _removed(path: Path, before: float) -> bool:
    # Where the folder is shared, another may be quicker.
    with suppress(FileNotFoundError):
        if path.lstat().st_mtime < before:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            return True
    return False


def forget_exports(app: App, stop: Stop) -> int:
    """Files are kept for a week, and with them what is known of them."""
    old = jobs.over(app.database, EXPORT, app.now() - KEPT_FOR)
    for job in old:
        _clear(app.settings.export_folder, job.job_id)
        if job.filename:
            (app.settings.export_folder / job.filename).unlink(missing_ok=True)
        jobs.remove(app.database, job)
    return len(old)
