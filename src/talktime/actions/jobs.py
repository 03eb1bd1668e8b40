"""Who works on what was asked for: taken for a while, held by telling of progress, ended once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from talktime.core.time import MINUTE
from talktime.storage import job_store
from talktime.storage.database import EVERYBODY, Database
from talktime.storage.job_store import JobRow

HELD_FOR = 3 * MINUTE
PORTION = 100


class TakenOver(Exception):
    """We were silent for too long, or it is to begin anew: somebody else does it now."""


def to_do(database: Database, kind: str, now: int) -> Sequence[JobRow]:
    return database.read(EVERYBODY, job_store.to_do, kind, now, PORTION)


def over(database: Database, kind: str, ended_before: int) -> Sequence[JobRow]:
    return database.read(EVERYBODY, job_store.over, kind, ended_before, PORTION)


def is_made(database: Database, job: JobRow) -> bool:
    """By whoever it was."""
    found = database.read(job.org_id, job_store.find, job.org_id, job.job_id)
    return found is not None and found.state == job_store.DONE


def remove(database: Database, job: JobRow) -> None:
    database.write(job.org_id, job_store.remove, job.org_id, job.job_id)


def taken(database: Database, job: JobRow, now: int) -> Work | None:
    """None: somebody else was quicker."""
    until = now + HELD_FOR
    if database.write(job.org_id, job_store.claim, job.org_id, job.job_id, now, until):
        return Work(database, job, until)
    return None


@dataclass(slots=True)
class Work:
    """A job in our hands."""

    database: Database
    job: JobRow
    held_until: int

    def go_on(self, done: int, total: int, now: int) -> None:
        """So much is done; it stays ours."""
        self._hold(now, done=done, total=total)

    def keep(self, now: int) -> None:
        """It is ours still."""
        self._hold(now)

    def end(self, filename: str, now: int) -> None:
        self._change(state=job_store.DONE, filename=filename, claimed_until=None, ended_at=now)

    def fail(self, error: str, now: int) -> None:
        self._change(state=job_store.FAILED, error=error, claimed_until=None, ended_at=now)

    def give_back(self) -> None:
        """Whoever comes next begins anew."""
        self._change(state=job_store.WAITING, done=0, claimed_until=None)

    def _hold(self, now: int, **values: object) -> None:
        until = max(now + HELD_FOR, self.held_until + 1)
        self._change(**values, claimed_until=until)
        self.held_until = until

    def _change(self, **values: object) -> None:
        job, database = self.job, self.database
        if not database.write(job.org_id, job_store.change, job.org_id, job.job_id, self.held_until, values):
            raise TakenOver
