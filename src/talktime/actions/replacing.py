"""Another card in place of the one that auto-recharge waits for: it is charged from then on, and tried at once."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from talktime.actions import audit, recharges
from talktime.actions.audit import Actor
from talktime.core.recharges import Setting, State
from talktime.storage import method_store, recharge_store
from talktime.storage.database import ReadTx, Tx

WAITS = (State.PAUSED, State.RETRYING)
DISPUTED = "dispute"
"""Which no other card ends."""


def waits_for_card(setting: Setting) -> bool:
    return setting.state in WAITS and setting.state_detail != DISPUTED


def wish(tx: ReadTx, org_id: int, amount: int, actor: Actor) -> Mapping[str, str]:
    """To what somebody agrees who goes to enter a card: kept with the card until it is there. Nothing where nothing
    waits for it."""
    setting = recharge_store.find(tx, org_id)
    if not waits_for_card(setting):
        return {}
    return {"replaces": _charged(tx, org_id, setting), "amount": str(amount), "by": actor.by}


def fulfil(tx: Tx, org_id: int, wish: Mapping[str, str], method_id: str, actor: Actor) -> None:
    """Unless something else was set meanwhile: to that nobody has agreed."""
    old = recharge_store.find(tx, org_id)
    if "replaces" not in wish or not waits_for_card(old):
        return
    if (_charged(tx, org_id, old), str(old.amount)) != (wish["replaces"], wish["amount"]):
        return
    by = Actor(wish["by"], actor.now)
    if old.method_id is None:
        _make_default(tx, org_id, method_id, by)
    else:
        recharges.take_instead(tx, org_id, replace(old, method_id=method_id), by)
    recharges.retry(tx, org_id, by)


def _charged(tx: ReadTx, org_id: int, setting: Setting) -> str:
    method = recharges.method_of(tx, org_id, setting)
    return method.method_id if method else ""


def _make_default(tx: Tx, org_id: int, method_id: str, by: Actor) -> None:
    method = method_store.find(tx, org_id, method_id)
    if method is None or method.is_default:
        return
    method_store.make_default(tx, org_id, method_id)
    audit.note(tx, org_id, by, "payment_method.changed", method_id, {"default": False}, {"default": True})
