"""Long work that somebody asked for: who works on it holds it for a while, and may be followed by another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, delete, insert, or_, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.jobs.c
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


class JobRow(Struct, frozen=True):
    org_id: int
    job_id: str
    kind: str
    state: str
    asked: str
    """What was asked for, as JSON."""
    asked_by: str
    done: int
    total: int | None
    filename: str | None
    error: str | None
    created_at: int
    claimed_until: int | None
    """Who holds it is known by this instant: nobody else holds it until the same."""
    ended_at: int | None


_COLUMNS = [t.jobs.c[name] for name in JobRow.__struct_fields__]


def find(tx: ReadTx, org_id: int, job_id: str) -> JobRow | None:
    row = tx.execute(select(*_COLUMNS).where(c.org_id == org_id, c.job_id == job_id)).first()
    return JobRow(*row) if row else None


def add(tx: Tx, job: JobRow) -> None:
    tx.execute(insert(t.jobs), {name: getattr(job, name) for name in job.__struct_fields__})


def to_do(tx: ReadTx, kind: str, now: int, limit: int) -> Sequence[JobRow]:
    """What nobody works on, oldest first. Spans organizations."""
    query = select(*_COLUMNS).where(c.kind == kind, _is_free(now)).order_by(c.job_id)
    return [JobRow(*row) for row in tx.execute(query.limit(limit))]


def over(tx: ReadTx, kind: str, ended_before: int, limit: int) -> Sequence[JobRow]:
    """What ended long ago. Spans organizations."""
    query = select(*_COLUMNS).where(c.kind == kind, c.ended_at < ended_before).order_by(c.job_id)
    return [JobRow(*row) for row in tx.execute(query.limit(limit))]


def finished(tx: ReadTx, org_id: int, kind: str) -> Sequence[JobRow]:
    """Of one organization, with files."""
    query = select(*_COLUMNS).where(c.org_id == org_id, c.kind == kind, c.filename.is_not(None))
    return [JobRow(*row) for row in tx.execute(query.order_by(c.job_id))]


def claim(tx: Tx, org_id: int, job_id: str, now: int, until: int) -> bool:
    """False: somebody else was quicker."""
    free = update(t.jobs).where(c.org_id == org_id, c.job_id == job_id, _is_free(now))
    return tx.execute(free.values(state=RUNNING, claimed_until=until)).rowcount == 1


def change(tx: Tx, org_id: int, job_id: str, held_until: int, values: Mapping[str, Any]) -> bool:
    """By who holds it. False: it was taken over."""
    held = and_(c.org_id == org_id, c.job_id == job_id, c.state == RUNNING, c.claimed_until == held_until)
    return tx.execute(update(t.jobs).where(held).values(dict(values))).rowcount == 1


def begin_anew(tx: Tx, org_id: int, kind: str) -> None:
    """Whoever is at work notices that it was taken over; what is done is made once more."""
    made = (c.org_id == org_id, c.kind == kind, c.state.in_((RUNNING, DONE)))
    nothing = {"done": 0, "total": None, "filename": None, "claimed_until": None, "ended_at": None}
    tx.execute(update(t.jobs).where(*made).values(state=WAITING, **nothing))


def tell(tx: Tx, job: JobRow) -> None:
    """How far it is, by whoever does it; it is there from the first time on."""
    mine = update(t.jobs).where(c.org_id == job.org_id, c.job_id == job.job_id)
    if tx.execute(mine.values(state=job.state, done=job.done, ended_at=job.ended_at)).rowcount == 0:
        add(tx, job)


def take_turn(tx: Tx, job: JobRow, now: int, until: int) -> int | None:
    """Of what comes again and again: how often in a row it has failed; None where it is nobody's turn."""
    this = (c.org_id == job.org_id, c.job_id == job.job_id)
    if tx.scalar(select(c.job_id).where(*this)) is None:
        add(tx, job)
    due = and_(or_(c.due_at.is_(None), c.due_at <= now), or_(c.claimed_until.is_(None), c.claimed_until <= now))
    taken = update(t.jobs).where(*this, due).values(state=RUNNING, claimed_until=until)
    tries: int | None = tx.scalar(taken.returning(c.tries))
    return tries


def note(tx: Tx, job_id: str, values: Mapping[str, Any]) -> None:
    """How a turn of the operator's own work ended."""
    tx.execute(update(t.jobs).where(c.org_id == t.OPERATOR, c.job_id == job_id).values(dict(values)))


def remove(tx: Tx, org_id: int, job_id: str) -> None:
    tx.execute(delete(t.jobs).where(c.org_id == org_id, c.job_id == job_id))


def _is_free(now: int) -> Any:
    return or_(c.state == WAITING, and_(c.state == RUNNING, c.claimed_until <= now))
