"""Backups that are known to be good: each was restored elsewhere and verified, and a file beside it tells of that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import msgspec
from msgspec import Struct

from talktime.storage import backup as storage
from talktime.storage import schema, upkeep_store
from talktime.storage.backup import suffix_for, word_beside
from talktime.storage.backup_postgres import must_be_another
from talktime.storage.database import EVERYBODY, Database
from talktime.storage.errors import StoreError
from talktime.storage.upkeep_store import Extent
from talktime.storage.verify import Report, reading, verify

Progress = Callable[[int, int], None]
Watched = Callable[[str], Progress]
"""A progress of something that has a name."""
NAME = re.compile(r"talktime-\d{8}T\d{6}Z\.(sqlite|talktime)")
"""What is called otherwise was named by somebody: it is never chosen and never removed by itself."""
LEFT = re.compile(r"\.talktime-\d{8}T\d{6}Z\.(sqlite|talktime)(\.checked\.json)?\.unfinished")
LEFT_SECONDS = 24 * 3600.0
"""Nobody works on a file that was not touched for so long."""


class Checked(Struct, frozen=True):
    """How it went when a backup was restored."""

    bytes: int
    taken_at: float
    """Seconds since 1970."""
    restore_seconds: float
    verify_seconds: float
    findings: int
    organizations: int
    entries: int
    calls: int
    newest_at: int
    """The newest operation in it, in microseconds since 1970; later ones would be lost."""

    @property
    def good(self) -> bool:
        return self.findings == 0

    @property
    def back_in_seconds(self) -> float:
        return self.restore_seconds + self.verify_seconds


def check(source: Path, scratch: str | None, watched: Watched, live: str | None = None) -> tuple[Checked, Report]:
    """Restores it into a scratch database, which is not the live one, verifies that, and leaves a word beside it."""
    if scratch and live:
        must_be_another(scratch, live)
    begun = monotonic()
    with storage.scratch(scratch, source.parent) as (url, path):
        storage.restore(source, url, path, watched("restoring"), for_trial=True)
        restored_in = monotonic() - begun
        with closing(reading(url, path)) as restored:
            report = verify(restored, watched("verifying"))
            newest = extent_of(restored)
    found = source.stat()
    size, at, seconds = found.st_size, found.st_mtime, monotonic() - begun - restored_in
    counted = (report.found, report.organizations, report.entries, report.calls)
    checked = Checked(size, at, restored_in, seconds, *counted, newest.newest_at)
    with storage.whole_or_not_at_all(word_beside(source)) as unfinished:
        unfinished.write_bytes(msgspec.json.encode(checked))
    return checked, report


def extent_of(database: Database) -> Extent:
    return database.read(EVERYBODY, upkeep_store.extent)


def live_extent(url: str | None, path: Path) -> Extent | None:
    """None where the database is gone, as on the day for which there are backups, or nothing is in its place yet."""
    with suppress(StoreError), closing(reading(url, path)) as live:
        return extent_of(live) if schema.version(live) else None
    return None


def name_at(now: datetime, url: str | None) -> str:
    return f"talktime-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}{suffix_for(url)}"


def backups_in(folder: Path) -> list[Path]:
    """The newest first: their names tell the instant."""
    found = [path for path in folder.glob("talktime-*") if NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: path.name, reverse=True)


def forget_unfinished(folder: Path, now: datetime) -> None:
    """What backups that were killed have left; another night's has another name, so nobody would write over it."""
    for left in folder.glob(".talktime-*"):
        with suppress(FileNotFoundError):
            if LEFT.fullmatch(left.name) and now.timestamp() - left.stat().st_mtime > LEFT_SECONDS:
                storage.remove_whole(left)


def checked_of(backup: Path) -> Checked | None:
    """None when nobody has checked it, or what is said beside it is not of this file."""
    with suppress(OSError, msgspec.MsgspecError):
        said = msgspec.json.decode(word_beside(backup).read_bytes(), type=Checked)
        return said if said.bytes == backup.stat().st_size else None
    return None


def good_in(folder: Path) -> Iterator[tuple[Path, Checked]]:
    """The newest first."""
    for backup in backups_in(folder):
        if (checked := checked_of(backup)) and checked.good:
            yield backup, checked


def last_good(folder: Path) -> Checked | None:
    return next((checked for _, checked in good_in(folder)), None)


def keep(folder: Path, number: int) -> list[Path]:
    """The newest good ones stay, and what is newer than the oldest of them; says what has gone."""
    everything, good = backups_in(folder), [backup for backup, _ in good_in(folder)]
    if len(good) < number:
        return []
    gone = everything[everything.index(good[number - 1]) + 1 :]
    for backup in gone:
        word_beside(backup).unlink(missing_ok=True)
        backup.unlink()
    return gone
