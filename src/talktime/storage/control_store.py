"""Counters of the installation: revisions by which every process notices a change, and the next organization."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

RESTORED = "restored"
"""Above zero, the database was restored: nobody is charged until providers were asked what they have taken since."""


def unasked(provider: str) -> str:
    """Above zero, he was not set up when others were asked: since when he still has to be asked."""
    return f"{RESTORED}:{provider}"


def is_restored(tx: ReadTx, provider: str) -> bool:
    """And he was not asked yet."""
    return any(found(tx, name) for name in (RESTORED, unasked(provider)))


def restores(tx: ReadTx) -> list[str]:
    """The names of all marks that stand."""
    c = t.control.c
    return [*tx.scalars(select(c.name).where(c.name.startswith(RESTORED), c.value > 0).order_by(c.name))]


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


def pass_by(tx: Tx, name: str, number: int, least: int) -> None:
    """A number that came from elsewhere is not given again here; one below `least` is of another series."""
    behind = (t.control.c.name == name, t.control.c.value < number, t.control.c.value >= least)
    tx.execute(update(t.control).where(*behind).values(value=number))
