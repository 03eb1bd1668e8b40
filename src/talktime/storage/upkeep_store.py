"""What keeps the installation in order: proofs that it can be written, answers past their time, the nightly check."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import insert, select, update

from talktime.core.time import DAY
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c, k = t.control.c, t.idempotency.c
WRITTEN_AT = "written_at"
VERIFIED_AT, VERIFY_ENDED_AT, VERIFY_FINDINGS = "verified_at", "verify_ended_at", "verify_findings"


def prove_writable(tx: Tx, now: int) -> None:
    """A value that changes each time: what is the same as before would not reach the disk."""
    put(tx, WRITTEN_AT, now)


def claim_verification(tx: Tx, now: int) -> bool:
    """Whether it is this process that verifies today."""
    due = update(t.control).where(c.name == VERIFIED_AT, c.value <= now - DAY).values(value=now)
    if tx.execute(due).rowcount:
        return True
    if tx.scalar(select(c.value).where(c.name == VERIFIED_AT)) is None:
        # The first day: what has just been made is verified tomorrow.
        put(tx, VERIFIED_AT, now)
    return False


class Verified(Struct, frozen=True):
    """How the last verification ended."""

    ended_at: int
    findings: int


def last_verification(tx: ReadTx) -> Verified | None:
    rows = tx.execute(select(c.name, c.value).where(c.name.in_((VERIFY_ENDED_AT, VERIFY_FINDINGS))))
    found = {row.name: row.value for row in rows}
    return Verified(found[VERIFY_ENDED_AT], found[VERIFY_FINDINGS]) if len(found) == 2 else None


def note_verification(tx: Tx, ended_at: int, findings: int) -> None:
    put(tx, VERIFY_ENDED_AT, ended_at)
    put(tx, VERIFY_FINDINGS, findings)


def put(tx: Tx, name: str, value: int) -> None:
    if not tx.execute(update(t.control).where(c.name == name).values(value=value)).rowcount:
        tx.execute(insert(t.control), {"name": name, "value": value})


def with_expired_answers(tx: ReadTx, now: int, limit: int) -> Sequence[int]:
    """Organizations. Spans them."""
    return tx.scalars(select(k.org_id).where(k.expires_at <= now).distinct().limit(limit)).all()
