"""Users who may not call, and why."""

from __future__ import annotations

from msgspec.structs import replace

from talktime.actions import audit, roster
from talktime.actions.audit import Actor
from talktime.actions.organizations import locked
from talktime.actions.people import found
from talktime.actions.roster import Change
from talktime.core.ids import block_id
from talktime.storage import block_store
from talktime.storage.block_store import BlockRow
from talktime.storage.database import Tx
from talktime.storage.org_store import Organization
from talktime.storage.user_store import UserRow

BLOCKED, UNBLOCKED = "Blocked", "Unblocked"


def block(tx: Tx, org_id: int, user_id: str, reason: str, actor: Actor) -> UserRow:
    """No new calls, and what is running is hung up. Who is blocked stays so, for the reason of the first time."""
    org = locked(tx, org_id)
    old = found(tx, org_id, user_id)
    if old.blocked_at is not None:
        return old

    new = replace(old, blocked_at=org.now(actor.now), block_reason=reason)

    return _written(tx, org, Change(old, new), BLOCKED, reason, actor)


def unblock(tx: Tx, org_id: int, user_id: str, actor: Actor) -> UserRow:
    org = locked(tx, org_id)
    old = found(tx, org_id, user_id)
    if old.blocked_at is None:
        return old

    new = replace(old, blocked_at=None, block_reason=None)

    return _written(tx, org, Change(old, new), UNBLOCKED, old.block_reason or "", actor)


def _written(tx: Tx, org: Organization, change: Change, mode: str, reason: str, actor: Actor) -> UserRow:
    user, at = change.new, org.now(actor.now)
    roster.write(tx, org, [change], actor)
    told = block_id(at, actor.now, f"{mode}:{user.user_id}")
    block_store.add(tx, org.org_id, BlockRow(told, at, user.user_id, mode, reason, actor.by))
    audit.note(tx, org.org_id, actor, f"user.{mode.lower()}", user.user_id, None, {"reason": reason})
    return user
