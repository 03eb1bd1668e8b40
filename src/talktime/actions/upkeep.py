"""Keeping an installation sound: is it writable, do its books add up, what can be thrown away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from talktime.core.ids import uuid7_of
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.time import DAY, MINUTE, SECOND
from talktime.storage import (
    control_store,
    idempotency_store,
    job_store,
    sign_in_store,
    upkeep_store,
)
from talktime.storage.database import EVERYBODY, Database, PostgresDatabase, ReadTx, SqliteDatabase
from talktime.storage.job_store import DONE, FAILED, RUNNING, JobRow
from talktime.storage.upkeep_store import Verified
from talktime.storage.verify import Finding, Report, reading, verify

__all__ = [
    "Finding",
    "Report",
    "Stopped",
    "forget_answers",
    "forget_attempts",
    "prove_writable",
    "reading",
    "verify",
    "verify_nightly",
]

PORTION = 500
VERIFICATION = "verification"
SILENT_MOST = 5 * MINUTE
"""Longer than this nobody who still verifies says nothing."""
LISTED_MAX = 50


class Stopped(Exception):
    """The process ends, and long work with it."""


def mark_restored(url: str | None, path: Path) -> None:
    """A backup does not know what providers have taken since: nobody is charged until they were asked."""
    database = PostgresDatabase(url) if url else SqliteDatabase(path)
    try:
        database.write((), control_store.put, control_store.RESTORED, 1)
    finally:
        database.close()


def prove_writable(database: Database, now: int) -> None:
    """Writes something, all the way to the disk."""
    database.write((), upkeep_store.prove_writable, now)


def forget_answers(database: Database, now: int) -> int:
    """Answers kept for an Idempotency-Key whose month is over."""
    forgotten = 0
    while org_ids := database.read(EVERYBODY, upkeep_store.with_expired_answers, now, PORTION):
        for org_id in org_ids:
            forgotten += database.write(org_id, idempotency_store.forget_expired, org_id, now)
    return forgotten


def forget_attempts(database: Database, now: int) -> int:
    """To sign in, which are long over."""
    return database.write((), sign_in_store.forget_old, now - DAY)


def verify_nightly(database: Database, now: Callable[[], int], stop: Callable[[], bool]) -> Report | None:
    """Once a day, by one of the processes; None when it is not the turn of this one."""
    if not database.write((), upkeep_store.claim_verification, now()):
        return None

    return verify_and_note(database, now, stop)


def last_verification(tx: ReadTx) -> Verified | None:
    return upkeep_store.last_verification(tx)


def verify_and_note(
    database: Database, now: Callable[[], int], stop: Callable[[], bool], progress: Progress | None = None
) -> Report:
    """So that people can read how far it is, and how it ended."""
    progress = progress or Progress(database, now, "schedule")

    def go_on(done: int, total: int) -> None:
        if stop():
            raise Stopped
        progress.tell(done, total)

    try:
        report = verify(database, go_on)
    except BaseException as error:
        progress.end(f"{type(error).__name__}: {error}")
        raise
    database.write((), upkeep_store.note_verification, now(), report.found)
    progress.end(_listed(report))
    return report


def _listed(report: Report) -> str | None:
    """A line for each of the first; None when everything adds up."""
    lines = [f"{one.invariant} {one.organization or ''}: {one.detail}" for one in report.findings[:LISTED_MAX]]
    return "\n".join(lines) or None


class Progress:
    """A row among the long work, which whoever watches may read."""

    def __init__(self, database: Database, now: Callable[[], int], by: str) -> None:
        self._database, self._now = database, now
        at = now()
        self._told_at, self._job_id = at, f"job_{uuid7_of(at, f'{VERIFICATION}:{by}')}"
        held_until = at + SILENT_MOST
        row = JobRow(
            OPERATOR_ORG, self._job_id, VERIFICATION, RUNNING, "{}", by, 0, 0, None, None, at, held_until, None
        )
        database.write(OPERATOR_ORG, job_store.add, row)

    def tell(self, done: int, total: int) -> None:
        """Now and then."""
        at = self._now()
        if at - self._told_at >= SECOND:
            self._told_at = at
            self._note({"done": done, "total": total, "claimed_until": at + SILENT_MOST})

    def end(self, error: str | None) -> None:
        state = FAILED if error else DONE
        self._note({"state": state, "error": error, "ended_at": self._now(), "claimed_until": None})

    def _note(self, values: dict[str, object]) -> None:
        self._database.write(OPERATOR_ORG, job_store.note, self._job_id, values)
