"""A copy of the whole database as it stood at one instant, taken beside the running server; and the way back.

On SQLite it is one file, page by page from a snapshot. What PostgreSQL has for it stands in `backup_postgres`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path

from talktime.storage import control_store, schema
from talktime.storage.backup_postgres import (
    BackupProblem,
    backup_postgres,
    must_be_known,
    restore_postgres,
    scratch_postgres,
)
from talktime.storage.database import SqliteDatabase, open_reader
from talktime.storage.errors import StoreUnavailable
from talktime.storage.folder import DATABASE_FILE, LOCK_FILE, FolderInUse, claimed

Progress = Callable[[int, int], None]
SQLITE_SUFFIX, POSTGRES_SUFFIX = ".sqlite", ".talktime"
CHECKED = ".checked.json"
PAGES = 2_000
CHUNK_BYTES = 1 << 20


def backup_sqlite(path: Path, destination: Path, progress: Progress) -> None:
    if not path.exists():
        raise StoreUnavailable(f"there is no database at {path}")
    with _in_its_place(destination) as unfinished:
        try:
            _copy_pages(path, unfinished, progress)
        except sqlite3.Error as error:
            raise BackupProblem(f"{path} cannot be copied to {destination}: {error}") from error


def _copy_pages(path: Path, unfinished: Path, progress: Progress) -> None:
    with closing(open_reader(path, sqlite3.connect)) as source, closing(sqlite3.connect(unfinished)) as target:
        # Held open, so that all pages are of one instant, and nobody's commit makes the copy begin again.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(target, pages=PAGES, progress=lambda _, left, total: progress(total - left, total))


def restore_sqlite(source: Path, path: Path, progress: Progress) -> None:
    _must_be_sqlite(source)
    # A log that another database has left behind would be read into this one.
    if there := [one for one in (path, path.with_name(f"{path.name}-wal")) if one.exists()]:
        raise BackupProblem(f"there is a database at {there[0]}: a backup is restored into an empty folder only")
    with whole_or_not_at_all(path) as unfinished:
        _copy(source, unfinished, progress)
        with closing(SqliteDatabase(unfinished)) as database:
            schema.prepare(database)
            # Before it has its name, so that nobody ever sees it without.
            database.write((), control_store.put, control_store.RESTORED, 1)
            _without_log(database)


def _without_log(database: SqliteDatabase) -> None:
    """The end would do it as well, without a word where it fails; and the log does not come along."""
    try:
        (waits, *_) = database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise BackupProblem(f"what was restored cannot be kept: {error}") from error
    assert not waits


def _copy(source: Path, target: Path, progress: Progress) -> None:
    with source.open("rb") as backup, target.open("wb") as copy:
        done, total = 0, source.stat().st_size
        while chunk := backup.read(CHUNK_BYTES):
            copy.write(chunk)
            done += len(chunk)
            progress(done, total)


def _must_be_sqlite(source: Path) -> None:
    if not source.is_file():
        raise BackupProblem(f"there is no file {source}")
    with source.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            raise BackupProblem(f"{source} is no backup of an embedded database")
    with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        try:
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.Error as error:
            raise BackupProblem(f"{source} is no backup of Talktime: {error}") from error
    must_be_known(row[0])


@contextmanager
def whole_or_not_at_all(destination: Path, said_of_it: Path | None = None) -> Iterator[Path]:
    """A file beside it to write to, which takes its name when everything is on the disk. `said_of_it`: a file that goes
    with the one whose name it takes, and stays with it where this fails."""
    unfinished = _unfinished(destination)
    remove_whole(unfinished)
    unfinished.touch(mode=0o600)
    try:
        yield unfinished
        flush(unfinished)
        if said_of_it:
            said_of_it.unlink(missing_ok=True)
        unfinished.replace(destination)
        flush(destination.parent)
    finally:
        remove_whole(unfinished)


def _in_its_place(destination: Path) -> AbstractContextManager[Path]:
    return whole_or_not_at_all(destination, word_beside(destination))


def word_beside(backup: Path) -> Path:
    """The file that says how its trial went."""
    return backup.with_name(backup.name + CHECKED)


def _unfinished(destination: Path) -> Path:
    return destination.with_name(f".{destination.name}.unfinished")


def remove_whole(file: Path) -> None:
    """With what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + end).unlink(missing_ok=True)


def flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def scratch(url: str | None, folder: Path) -> Iterator[tuple[str | None, Path]]:
    """Where a backup can be restored for a while: an empty PostgreSQL database, or a file in the folder."""
    if url:
        with scratch_postgres(url):
            yield url, folder
        return
    place = folder / ".scratch"
    with _one_at_a_time(place):
        # What one that was killed has left.
        _clear(place)
        try:
            yield None, place / DATABASE_FILE
        finally:
            _clear(place)
            (place / LOCK_FILE).unlink(missing_ok=True)
            # Where somebody else keeps things in it, it stays.
            with suppress(OSError):
                place.rmdir()


@contextmanager
def _one_at_a_time(place: Path) -> Iterator[None]:
    with ExitStack() as until_done:
        try:
            until_done.enter_context(claimed(place))
        except FolderInUse as error:
            raise BackupProblem(f"another backup is being checked in {place}: wait for it") from error
        yield


def _clear(place: Path) -> None:
    for ours in (place / DATABASE_FILE, _unfinished(place / DATABASE_FILE)):
        remove_whole(ours)


def suffix_for(url: str | None) -> str:
    return POSTGRES_SUFFIX if url else SQLITE_SUFFIX


def backup(url: str | None, path: Path, destination: Path, progress: Progress) -> None:
    if url:
        with _in_its_place(destination) as unfinished:
            backup_postgres(url, unfinished, progress)
    else:
        backup_sqlite(path, destination, progress)


def restore(source: Path, url: str | None, path: Path, progress: Progress, *, for_trial: bool = False) -> None:
    """Marked as restored from its first moment on: nobody is charged before providers were asked."""
    if url:
        restore_postgres(source, url, progress, for_trial=for_trial)
    else:
        restore_sqlite(source, path, progress)
