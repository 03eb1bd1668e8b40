"""API keys: only their digests are here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import insert, select, update

from talktime.storage import tables as t
from talktime.storage.control_store import bump
from talktime.storage.database import ReadTx, Tx
from talktime.storage.store import KEYS_REVISION


class KeyRow(Struct, frozen=True):
    org_id: int
    key_id: str
    digest: str
    scopes: str
    addresses: str
    expires_at: int | None
    revoked_at: int | None
    created_at: int
    created_by: str


def find(tx: ReadTx, org_id: int, key_id: str) -> KeyRow | None:
    row = tx.execute(select(t.api_keys).where(t.api_keys.c.org_id == org_id, t.api_keys.c.key_id == key_id)).first()
    return KeyRow(*row) if row else None


def valid(tx: ReadTx) -> Sequence[KeyRow]:
    """Of everybody."""
    return [KeyRow(*row) for row in tx.execute(select(t.api_keys).where(t.api_keys.c.revoked_at.is_(None)))]


def add(tx: Tx, row: KeyRow) -> None:
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    tx.execute(insert(t.api_keys), values)
    # Nobody has to know it sooner than it is used, but who could not ask any more must know it.
    bump(tx, KEYS_REVISION)


def revoke(tx: Tx, org_id: int, key_id: str, at: int) -> bool:
    """False: there is no such key, or it was revoked before."""
    key = (t.api_keys.c.org_id == org_id, t.api_keys.c.key_id == key_id, t.api_keys.c.revoked_at.is_(None))
    revoked = tx.execute(update(t.api_keys).where(*key).values(revoked_at=at))
    bump(tx, KEYS_REVISION)
    return revoked.rowcount == 1
