"""Users who may not call, and why."""

from __future__ import annotations

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.organizations import locked
from talktime.actions.people import found
from talktime.core.ids import timed_id
from talktime.storage import block_store, user_store
from talktime.storage.block_store import BlockRow
from talktime.storage.database import Tx
from talktime.storage.org_store import Organization
from talktime.storage.user_store import UserRow

BLOCKED, UNBLOCKED = "Blocked", "Unblocked"


def block(tx: Tx, org_id: int, user_id: str, reason: str, actor: Actor) -> UserRow:
    """No new calls, and what is running is hung up. Who is blocked stays so, for the reason of the first time."""
    org = locked(tx, org_id)
    found(tx, org_id, user_id)

    if user_store.block(tx, org_id, user_id, org.now(actor.now), reason):
        _note(tx, org, user_id, BLOCKED, reason, actor)
    return found(tx, org_id, user_id)


def unblock(tx: Tx, org_id: int, user_id: str, actor: Actor) -> UserRow:
    org = locked(tx, org_id)
    old = found(tx, org_id, user_id)

    if user_store.unblock(tx, org_id, user_id):
        _note(tx, org, user_id, UNBLOCKED, old.block_reason or "", actor)
    return found(tx, org_id, user_id)


def _note(tx: Tx, org: Organization, user_id: str, mode: str, reason: str, actor: Actor) -> None:
    at = org.now(actor.now)
    told = timed_id(at, actor.now, f"{mode}:{user_id}")
    block_store.add(tx, org.org_id, BlockRow(told, at, user_id, mode, reason, actor.by))
    audit.note(tx, org.org_id, actor, f"user.{mode.lower()}", user_id, None, {"reason": reason})
