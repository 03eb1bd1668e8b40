"""Service numbers: of bridges, attendants and queues."""

from __future__ import annotations

from msgspec import to_builtins
from msgspec.structs import replace

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import NotFound, StateConflict
from talktime.actions.organizations import locked
from talktime.storage import number_store, org_store, user_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.number_store import ServiceNumber

TOLL_FREE = "toll_free"


def found(tx: ReadTx, org_id: int, number_id: str) -> ServiceNumber:
    number = number_store.find(tx, org_id, number_id)
    if number is None:
        raise NotFound
    return number


def create(tx: Tx, org_id: int, made: ServiceNumber, actor: Actor) -> ServiceNumber:
    """Who calls a toll-free number is paid for, so there must be something to pay with."""
    locked(tx, org_id)
    if made.type == TOLL_FREE and not org_store.account(tx, org_id).credits_set_up:
        raise StateConflict("credits_not_set_up", "type")
    if number_store.has(tx, org_id, made.number) or user_store.owner_of(tx, org_id, made.number):
        raise StateConflict("already_used", "number")

    number_store.add(tx, org_id, made)
    audit.note(tx, org_id, actor, "number.created", made.number_id, None, to_builtins(made))
    return made


def change(tx: Tx, org_id: int, number_id: str, serves: str, actor: Actor) -> ServiceNumber:
    locked(tx, org_id)
    old = found(tx, org_id, number_id)
    new = replace(old, serves=serves)

    number_store.change(tx, org_id, old.number, serves)
    audit.note(tx, org_id, actor, "number.changed", number_id, to_builtins(old), to_builtins(new))
    return new


def remove(tx: Tx, org_id: int, number_id: str, actor: Actor) -> None:
    locked(tx, org_id)
    old = found(tx, org_id, number_id)

    number_store.remove(tx, org_id, old.number)
    audit.note(tx, org_id, actor, "number.removed", number_id, to_builtins(old), None)
