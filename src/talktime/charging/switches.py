"""A switch is heard of: what it no longer knows ends, what it must end it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from talktime.core.calls import Answer, Call, Command, Lapse
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.switches import Lists, lost_calls
from talktime.storage import call_store, clock_store, switch_store
from talktime.storage.database import EVERYBODY, Database, Tx


@dataclass(frozen=True, slots=True)
class Heartbeat:
    owner: int
    """The organization whose switch it is, or the operator."""
    name: str
    boot_id: str
    active: Sequence[str] | None
    """The calls in progress; None when the switch keeps no list."""
    at: int
    by: str
    new_id: str

    @property
    def switch(self) -> str:
        return switch_reference(self.owner, self.name)

    @property
    def only(self) -> int | None:
        """An operator's switch has calls of any organization."""
        return None if self.owner == OPERATOR_ORG else self.owner


def switch_reference(owner: int, name: str) -> str:
    """As calls name their switch: an operator's and an organization's may be called alike."""
    return f"operator:{name}" if owner == OPERATOR_ORG else f"org:{name}"


def hear(database: Database, run: Callable[[Sequence[Command]], list[Answer]], beat: Heartbeat) -> Sequence[str]:
    """The calls that this switch must hang up."""
    scope = EVERYBODY if beat.only is None else beat.owner
    lost = database.write(scope, _note, beat)
    for call in lost:
        run([Lapse(call.org_id, call.call_id, beat.at, beat.by, lost=True)])
    return database.read(scope, call_store.to_hang_up, beat.switch, beat.only)


def _note(tx: Tx, beat: Heartbeat) -> list[Call]:
    known = switch_store.lock(tx, beat.owner, beat.name)
    if known is None:
        switch_store.add(tx, beat.owner, beat.name, beat.new_id, beat.at)
    # After a restart its calls are unconfirmed, not over: the lists begin anew.
    before = known.lists if known and known.boot_id == beat.boot_id else Lists()
    if beat.active is None:
        switch_store.heard(tx, beat.owner, beat.name, beat.boot_id, beat.at, before)
        return []
    calls = call_store.open_of_switch(tx, beat.switch, beat.only)
    now = {call.org_id: beat.at for call in calls} | clock_store.standing(tx, [call.org_id for call in calls])
    lost, lists = lost_calls(calls, frozenset(beat.active), before, now)
    switch_store.heard(tx, beat.owner, beat.name, beat.boot_id, beat.at, lists)
    return lost
