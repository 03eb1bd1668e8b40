"""Agreement numbers that an organization may pay on by invoice."""

from __future__ import annotations

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import NotFound, StateConflict
from talktime.storage import agreement_store
from talktime.storage.agreement_store import Agreement
from talktime.storage.database import ReadTx, Tx


def add(tx: Tx, agreement: Agreement, actor: Actor) -> Agreement:
    if agreement_store.numbered(tx, agreement.org_id, agreement.number):
        raise StateConflict("already_used", "number")
    agreement_store.add(tx, agreement)
    audit.note(
        tx,
        agreement.org_id,
        actor,
        "agreement.added",
        agreement.agreement_id,
        None,
        {"number": agreement.number},
    )
    return agreement


def found(tx: ReadTx, org_id: int, agreement_id: str) -> Agreement:
    agreement = agreement_store.find(tx, org_id, agreement_id)
    if agreement is None:
        raise NotFound
    return agreement


def remove(tx: Tx, org_id: int, agreement_id: str, actor: Actor) -> None:
    """Payments on it keep its number."""
    agreement = found(tx, org_id, agreement_id)
    agreement_store.remove(tx, org_id, agreement_id)
    audit.note(tx, org_id, actor, "agreement.removed", agreement_id, {"number": agreement.number}, None)
