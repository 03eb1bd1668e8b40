"""A person asks for the end of a call in progress."""

from __future__ import annotations

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import NotFound, StateConflict
from talktime.storage import call_store, hang_up_store
from talktime.storage.database import Tx


def ask_hang_up(tx: Tx, org_id: int, call_id: str, actor: Actor) -> None:
    """The switch hears of it at its next heartbeat; `app.cut_off(org_id, call_id=...)` after the commit tells it at
    once. Asking twice is asking once; a call that is over, or of somebody else, is not found."""
    is_emergency = call_store.open_emergency(tx, org_id, call_id)
    if is_emergency is None:
        raise NotFound
    if is_emergency:
        raise StateConflict("emergency_call")

    if hang_up_store.ask(tx, org_id, call_id, actor.by, actor.now):
        audit.note(tx, org_id, actor, "call.hang_up_asked", call_id)
