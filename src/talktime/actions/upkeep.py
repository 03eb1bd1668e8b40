"""Keeping an installation sound: is it writable, do its books add up, what can be thrown away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from talktime.core.time import DAY
from talktime.storage import (
    control_store,
    hang_up_store,
    idempotency_store,
    session_store,
    sign_in_store,
    ticket_store,
    upkeep_store,
)
from talktime.storage.database import EVERYBODY, Database, PostgresDatabase, ReadTx, SqliteDatabase, Tx
from talktime.storage.upkeep_store import Verified
from talktime.storage.verify import Finding, Report, reading, verify

__all__ = [
    "Finding",
    "Report",
    "Stopped",
    "forget_answers",
    "forget_sign_ins",
    "prove_writable",
    "reading",
    "verify",
    "verify_nightly",
]

PORTION = 500
SIGN_INS_KEPT = 30 * DAY
"""So long it can be seen where somebody was signed in."""


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


def forget_sign_ins(database: Database, now: int) -> int:
    """Sessions, links and attempts that are long over."""
    before = now - SIGN_INS_KEPT
    forgotten = database.write((), sign_in_store.forget_old, now - DAY)
    while org_ids := database.read(EVERYBODY, upkeep_store.with_old_sign_ins, before, PORTION):
        for org_id in org_ids:
            forgotten += database.write(org_id, _forget_sign_ins, org_id, before)
    return forgotten


def _forget_sign_ins(tx: Tx, org_id: int, before: int) -> int:
    return sum(store.forget(tx, org_id, before) for store in (session_store, ticket_store, hang_up_store))


def verify_nightly(database: Database, now: int, stop: Callable[[], bool]) -> Report | None:
    """Once a day, by one of the processes; None when it is not the turn of this one."""
    if not database.write((), upkeep_store.claim_verification, now):
        return None

    return verify_and_note(database, lambda: now, stop)


def last_verification(tx: ReadTx) -> Verified | None:
    return upkeep_store.last_verification(tx)


def verify_and_note(database: Database, now: Callable[[], int], stop: Callable[[], bool]) -> Report:
    """So that people can read how it ended."""

    def go_on(done: int, total: int) -> None:
        if stop():
            raise Stopped

    report = verify(database, go_on)
    database.write((), upkeep_store.note_verification, now(), report.found)
    return report
