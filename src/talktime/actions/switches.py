"""Switches as people set them up, and telling them what to hang up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.core.scopes import OPERATOR_ORG
from talktime.storage import call_store, switch_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.sealed_store import SWITCH
from talktime.storage.switch_store import SwitchRow
from talktime.storage.vault import Vault, place_of
from talktime.switches.cut import cut, is_cut_url

NOTHING: Mapping[str, Any] = MappingProxyType({})


def add_switch(
    tx: Tx, vault: Vault, org_id: int, name: str, switch_id: str, values: Mapping[str, Any], actor: Actor
) -> SwitchRow:
    if switch_store.find(tx, org_id, name):
        raise StateConflict("already_used", "name")
    switch_store.add(tx, org_id, name, switch_id, actor.now)
    made = _set(tx, vault, org_id, name, values)
    audit.note(tx, org_id, actor, "switch.created", name, None, _told(made))
    return made


def change_switch(tx: Tx, vault: Vault, org_id: int, name: str, values: Mapping[str, Any], actor: Actor) -> SwitchRow:
    """`values`: cut_url and cut_token, those that are to change."""
    old = find_switch(tx, org_id, name)
    new = _set(tx, vault, org_id, name, values)
    audit.note(tx, org_id, actor, "switch.changed", name, _told(old), _told(new, values))
    return new


def _set(tx: Tx, vault: Vault, org_id: int, name: str, values: Mapping[str, Any]) -> SwitchRow:
    kept = dict(values)
    if kept.get("cut_url") is not None and not is_cut_url(kept["cut_url"]):
        raise Invalid("invalid_url", "cut_url")
    if kept.get("cut_token") is not None:
        kept["cut_token"] = vault.seal(kept["cut_token"], place_of(SWITCH, org_id, name))
    switch_store.change(tx, org_id, name, kept)
    return find_switch(tx, org_id, name)


def _told(row: SwitchRow, values: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """Of a token only whether there is one, and whether it is another."""
    token = None if row.cut_token is None else "another" if values.get("cut_token") else "set"
    return {"cut_url": row.cut_url, "cut_token": token}


def find_switch(tx: ReadTx, org_id: int, name: str) -> SwitchRow:
    row = switch_store.find(tx, org_id, name)
    if row is None:
        raise NotFound
    return row


def remove_switch(tx: Tx, org_id: int, name: str, actor: Actor) -> None:
    old = find_switch(tx, org_id, name)
    if not switch_store.remove(tx, org_id, name):
        raise NotFound
    audit.note(tx, org_id, actor, "switch.removed", name, _told(old), None)


def hang_up_all(
    database: Database,
    vault: Vault,
    org_id: int,
    caller: str | None = None,
    call_id: str | None = None,
    *,
    internal: bool = True,
) -> None:
    """The calls of a closed organization or a blocked user, or one alone, at each switch that can be told at once.
    `internal`: those of organizations may stand behind our own walls; the operator's may in any case."""
    for reference, call_ids in _by_switch(database, org_id, caller, call_id).items():
        owner = OPERATOR_ORG if reference.startswith("operator:") else org_id
        name = reference.partition(":")[2]
        row = database.read(owner, switch_store.find, owner, name)
        if row and row.cut_url:
            token = vault.open(row.cut_token, place_of(SWITCH, owner, name)) if row.cut_token else None
            cut(row.cut_url, token, call_ids, internal=internal or owner == OPERATOR_ORG)


def _by_switch(database: Database, org_id: int, caller: str | None, call_id: str | None) -> dict[str, Sequence[str]]:
    calls: dict[str, list[str]] = {}
    for switch, found in database.read(org_id, call_store.open_by_switch, org_id, caller, call_id):
        calls.setdefault(switch, []).append(found)
    return dict(calls)
