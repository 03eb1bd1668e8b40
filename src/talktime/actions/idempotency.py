"""The same request twice happens once: what was answered under a key of the caller's making is answered again."""

from __future__ import annotations

from hashlib import sha256

from talktime.actions.errors import StateConflict
from talktime.core.time import DAY
from talktime.storage import idempotency_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.idempotency_store import Kept

KEPT_FOR = 30 * DAY
BEGUN = 0
"""In place of a status: it was begun, and this is the name of what. Whoever asks again goes on with it."""


class AnotherBody(StateConflict):
    """The key is known with other content."""

    code = "idempotency_conflict"


def digest(kind: str, body: bytes, *names: str) -> str:
    """`names`: what the path names. What is asked of another thing is another request, whatever it says."""
    return sha256(b"\0".join([kind.encode(), *[name.encode() for name in names], body])).hexdigest()


def recall(tx: ReadTx, org_id: int, route: str, key: str, body_digest: str) -> Kept | None:
    kept = idempotency_store.find(tx, org_id, route, key)
    if kept is not None and kept.body_digest != body_digest:
        raise AnotherBody
    return kept


def remember(tx: Tx, org_id: int, route: str, key: str, kept: Kept, now: int, *, forever: bool) -> None:
    """What is about money is kept for ever."""
    idempotency_store.keep(tx, org_id, route, key, kept, now, None if forever else now + KEPT_FOR)


def complete(tx: Tx, org_id: int, route: str, key: str, status: int, answer: str) -> None:
    idempotency_store.complete(tx, org_id, route, key, status, answer)
