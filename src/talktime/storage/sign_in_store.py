"""Where somebody who gives an address may belong; and how often signing in has failed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import delete, insert, select, text, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

s, a = t.sign_ins.c, t.attempts.c


class Belonging(Struct, frozen=True):
    organization: int
    member_id: str


class Tries(Struct, frozen=True):
    failures: int
    since_at: int


def belongings(tx: ReadTx, email: str, limit: int) -> Sequence[Belonging]:
    """In small letters, as `casefold` makes them."""
    query = select(s.organization, s.member_id).where(s.email == email).order_by(s.organization).limit(limit)
    return [Belonging(*row) for row in tx.execute(query)]


def member_of(tx: ReadTx, email: str, organization: int) -> str | None:
    """Whom this address means there."""
    here = (s.email == email, s.organization == organization)
    found: str | None = tx.scalar(select(s.member_id).where(*here))
    return found


def add(tx: Tx, email: str, organization: int, member_id: str) -> None:
    tx.execute(insert(t.sign_ins), {"email": email, "organization": organization, "member_id": member_id})


def remove(tx: Tx, email: str, organization: int) -> None:
    tx.execute(delete(t.sign_ins).where(s.email == email, s.organization == organization))


# Both databases say it like this; one statement, so that those who come at once are all counted.
_COUNT = text(
    """INSERT INTO attempts (name, failures, since_at) VALUES (:name, 1, :now)
ON CONFLICT (name) DO UPDATE SET
failures = CASE WHEN attempts.since_at > :since THEN attempts.failures + 1 ELSE 1 END,
since_at = CASE WHEN attempts.since_at > :since THEN attempts.since_at ELSE :now END
RETURNING failures, since_at"""
)


def count(tx: Tx, name: str, now: int, since: int) -> Tries:
    """One more; what began at `since` or before is forgotten."""
    return Tries(*tx.execute(_COUNT, {"name": name, "now": now, "since": since}).one())


def take_back(tx: Tx, name: str) -> None:
    """It was no failure."""
    tx.execute(update(t.attempts).where(a.name == name, a.failures > 0).values(failures=a.failures - 1))


def forget(tx: Tx, name: str) -> None:
    tx.execute(delete(t.attempts).where(a.name == name))


def forget_old(tx: Tx, since: int) -> int:
    return tx.execute(delete(t.attempts).where(a.since_at <= since)).rowcount
