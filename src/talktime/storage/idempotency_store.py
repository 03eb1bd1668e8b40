"""Answers that were given under a key of the caller's making."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import delete, insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx


class Kept(Struct, frozen=True):
    body_digest: str
    status: int
    answer: str


def find(tx: ReadTx, org_id: int, route: str, key: str) -> Kept | None:
    k = t.idempotency.c
    where = (k.org_id == org_id, k.route == route, k.request_key == key)
    row = tx.execute(select(k.body_digest, k.status, k.answer).where(*where)).first()
    return Kept(*row) if row else None


def keep(tx: Tx, org_id: int, route: str, key: str, kept: Kept, now: int, expires_at: int | None) -> None:
    row = {"org_id": org_id, "route": route, "request_key": key, "kept_at": now, "expires_at": expires_at}
    tx.execute(insert(t.idempotency), row | {name: getattr(kept, name) for name in kept.__struct_fields__})


def complete(tx: Tx, org_id: int, route: str, key: str, status: int, answer: str) -> None:
    """What was begun has come to its answer."""
    k = t.idempotency.c
    mine = update(t.idempotency).where(k.org_id == org_id, k.route == route, k.request_key == key)
    tx.execute(mine.values(status=status, answer=answer))


def forget_expired(tx: Tx, org_id: int, now: int) -> int:
    k = t.idempotency.c
    return tx.execute(delete(t.idempotency).where(k.org_id == org_id, k.expires_at <= now)).rowcount
