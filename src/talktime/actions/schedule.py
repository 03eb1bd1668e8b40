"""Work that comes again and again, by one process at a time: a row for each kind of it, seen by the operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from talktime.core.scopes import OPERATOR_ORG
from talktime.core.time import MINUTE, SECOND
from talktime.storage import job_store
from talktime.storage.database import Database
from talktime.storage.job_store import FAILED, WAITING, JobRow

SCHEDULED = "scheduled"
HELD_FOR = 15 * MINUTE
"""Who died over it is followed by another."""
BACK_OFF_MOST = 60 * MINUTE


@dataclass(slots=True)
class Turn:
    """It is ours to do."""

    database: Database
    job_id: str
    every: int
    tries: int
    held_until: int

    def is_over(self, now: int) -> bool:
        """Asked by who is at work: as long as he asks nobody else begins it. True: he was silent for too long."""
        if now < self.held_until - HELD_FOR // 2:
            return False
        return not self._change({"claimed_until": now + HELD_FOR})

    def end(self, done: int, now: int) -> None:
        """What was done is done, also by who was silent for so long that another has begun it: it is not due again."""
        told = {"done": done, "ended_at": now, "due_at": now + self.every, "tries": 0, "error": None}
        if not self._note(told | {"state": WAITING}):
            self.database.write(OPERATOR_ORG, job_store.note, self.job_id, told)

    def fail(self, error: str, now: int) -> None:
        """It is tried again after a while that grows; meanwhile everybody sees why."""
        wait = min(SECOND << min(self.tries + 3, 12), BACK_OFF_MOST)
        values = {"state": FAILED, "error": error, "ended_at": now, "due_at": now + wait, "tries": self.tries + 1}
        self._note(values)

    def _note(self, values: dict[str, Any]) -> bool:
        return self._change(values | {"claimed_until": None})

    def _change(self, values: dict[str, Any]) -> bool:
        """False: somebody else does it now, and says how it went."""
        ours = self.database.write(OPERATOR_ORG, job_store.change, OPERATOR_ORG, self.job_id, self.held_until, values)
        if ours:
            self.held_until = values["claimed_until"] or self.held_until
        return ours


def turn(database: Database, name: str, every: int, now: int) -> Turn | None:
    """None: it is not due, or somebody else does it."""
    job_id = f"job_{name.replace(' ', '_')}"
    until = now + HELD_FOR
    tries = database.write(OPERATOR_ORG, job_store.take_turn, _row(job_id, name, now), now, until)
    return None if tries is None else Turn(database, job_id, every, tries, until)


def _row(job_id: str, name: str, now: int) -> JobRow:
    return JobRow(
        org_id=OPERATOR_ORG,
        job_id=job_id,
        kind=SCHEDULED,
        state=WAITING,
        asked=f'{{"name":"{name}"}}',
        asked_by="schedule",
        done=0,
        total=None,
        filename=None,
        error=None,
        created_at=now,
        claimed_until=None,
        ended_at=None,
    )
