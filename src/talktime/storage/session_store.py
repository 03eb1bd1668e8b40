"""Who is signed in, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.sessions.c


class SessionRow(Struct, frozen=True):
    session_id: str
    digest: str
    member_id: str
    created_at: int
    seen_at: int
    fresh_at: int
    ends_at: int
    ended_at: int | None
    address: str
    agent: str
    acting_for: int | None
    two_factors: bool


COLUMNS = [t.sessions.c[name] for name in SessionRow.__struct_fields__]


def find(tx: ReadTx, org_id: int, session_id: str) -> SessionRow | None:
    row = tx.execute(select(*COLUMNS).where(c.org_id == org_id, c.session_id == session_id)).first()
    return SessionRow(*row) if row else None


def open_of(tx: ReadTx, org_id: int, member_id: str) -> Sequence[SessionRow]:
    """Not ended by anybody; the newest first."""
    mine = (c.org_id == org_id, c.member_id == member_id, c.ended_at.is_(None))
    return [SessionRow(*row) for row in tx.execute(select(*COLUMNS).where(*mine).order_by(c.session_id.desc()))]


def add(tx: Tx, org_id: int, row: SessionRow) -> None:
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    tx.execute(insert(t.sessions), values | {"org_id": org_id})


def seen(tx: Tx, org_id: int, session_id: str, now: int) -> None:
    tx.execute(update(t.sessions).where(c.org_id == org_id, c.session_id == session_id).values(seen_at=now))


def proved(tx: Tx, org_id: int, session_id: str, now: int, two_factors: bool = False) -> None:
    """Who it is, once more."""
    mine = update(t.sessions).where(c.org_id == org_id, c.session_id == session_id)
    tx.execute(mine.values({"fresh_at": now} | ({"two_factors": True} if two_factors else {})))


def renew(tx: Tx, org_id: int, session_id: str, digest: str) -> None:
    tx.execute(update(t.sessions).where(c.org_id == org_id, c.session_id == session_id).values(digest=digest))


def act_for(tx: Tx, org_id: int, session_id: str, acting_for: int | None) -> None:
    mine = update(t.sessions).where(c.org_id == org_id, c.session_id == session_id)
    tx.execute(mine.values(acting_for=acting_for))


def end(tx: Tx, org_id: int, session_id: str, now: int) -> bool:
    """False: it was ended before, or there is none."""
    mine = (c.org_id == org_id, c.session_id == session_id, c.ended_at.is_(None))
    return tx.execute(update(t.sessions).where(*mine).values(ended_at=now)).rowcount == 1


def end_all(tx: Tx, org_id: int, member_id: str, but: str, now: int) -> None:
    """Of this member, but for one."""
    mine = (c.org_id == org_id, c.member_id == member_id, c.session_id != but, c.ended_at.is_(None))
    tx.execute(update(t.sessions).where(*mine).values(ended_at=now))
