"""Notices as actions write them, in the step that is their cause."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import insert, select

from talktime.storage import tables as t
from talktime.storage.database import Tx
from talktime.storage.notice_rows import Notice

c = t.notices.c


def add(tx: Tx, org_id: int, notices: Iterable[Notice]) -> None:
    """What is there already is not told again."""
    for notice in notices:
        there = select(c.notice_id).where(c.org_id == org_id, c.once == notice.once)
        if tx.scalar(there) is None:
            tx.execute(insert(t.notices), notice._asdict())
