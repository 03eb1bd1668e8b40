"""Counters of the installation: revisions by which every process notices a change, and the next organization."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

RESTORED = "restored"
"""Above zero, the database was restored: nobody is charged until providers were asked what they have taken since."""


def value(tx: ReadTx, name: str) -> int:
    return int(tx.execute(select(t.control.c.value).where(t.control.c.name == name)).scalar_one())


def found(tx: ReadTx, name: str) -> int | None:
    """None when it was never put."""
    return tx.scalar(select(t.control.c.value).where(t.control.c.name == name))


def bump(tx: Tx, name: str) -> int:
    """One more, and what it is now."""
    raised = update(t.control).where(t.control.c.name == name).values(value=t.control.c.value + 1)
    return int(tx.execute(raised.returning(t.control.c.value)).scalar_one())


def put(tx: Tx, name: str, to: int) -> None:
    """Also into a database of an older version, which has none of this name."""
    if tx.execute(update(t.control).where(t.control.c.name == name).values(value=to)).rowcount == 0:
        tx.execute(insert(t.control), {"name": name, "value": to})
