"""Who changed what: written by the same step, so that both are kept or neither."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from talktime.core.ids import entry_id
from talktime.storage import audit_store
from talktime.storage.audit_store import AuditRow
from talktime.storage.database import Tx


class Actor(Struct, frozen=True):
    """Who does something, and when."""

    by: str
    now: int
    """By the machine's clock, also for a test organization."""


def note(tx: Tx, org_id: int, actor: Actor, action: str, what: str, old: Any = None, new: Any = None) -> None:
    """Values as they were and as they are; a change that changes nothing writes nothing."""
    if old is not None and old == new:
        return
    number = audit_store.next_no(tx, org_id)
    # Two that came at once are written one after the other: the log's time never goes back.
    at = max(actor.now, audit_store.last_at(tx, org_id))
    audit_id = f"aud_{entry_id(at, number, action)}"
    row = AuditRow(audit_id, number, at, actor.by, action, what, _json(old), _json(new))
    audit_store.add(tx, org_id, row)


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
