"""What is to be told, until it was decided who hears of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct
from sqlalchemy import insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.notice_rows import Notice, once_of

n, a = t.notices.c, t.alerts.c
_COLUMNS = [t.notices.c[name] for name in Notice._fields]


class Chosen(Struct):
    """What of the alert settings matters here."""

    recipients: list[str] | None = None


def add(tx: Tx, org_id: int, notices: Iterable[Notice]) -> None:
    """Unless they were written before. Under the lock of the account, so that nobody else writes the same."""
    for notice in notices:
        there = select(n.once).where(n.org_id == org_id, n.once == notice.once)
        if tx.scalar(there) is None:
            tx.execute(insert(t.notices), notice._asdict())


def was_told(tx: ReadTx, org_id: int, event: str, once: str) -> bool:
    """Of this cause, however long ago."""
    there = select(n.once).where(n.org_id == org_id, n.once == once_of(event, once))
    return tx.scalar(there) is not None


def untold(tx: ReadTx, limit: int) -> Sequence[int]:
    """Organizations with something that nobody has heard of yet. Spans organizations."""
    query = select(n.org_id).where(n.told_at.is_(None)).distinct().order_by(n.org_id)
    return tx.scalars(query.limit(limit)).all()


def untold_of(tx: ReadTx, org_id: int, limit: int) -> Sequence[Notice]:
    """Oldest first."""
    query = select(*_COLUMNS).where(n.org_id == org_id, n.told_at.is_(None)).order_by(n.notice_id)
    return [Notice(*row) for row in tx.execute(query.limit(limit))]


def claim(tx: Tx, org_id: int, notice_id: str, at: int) -> bool:
    """False: somebody else was quicker."""
    there = (n.org_id == org_id, n.notice_id == notice_id, n.told_at.is_(None))
    return tx.execute(update(t.notices).where(*there).values(told_at=at)).rowcount == 1


def chosen(tx: ReadTx, org_id: int) -> Sequence[str]:
    """Addresses and roles that the organization has set instead of the usual ones."""
    settings = tx.scalar(select(a.settings).where(a.org_id == org_id))
    return (msgspec.json.decode(settings, type=Chosen).recipients if settings else None) or []
