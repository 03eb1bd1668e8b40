"""Users as they were and as they will be: names move, licences are counted, pools follow, all in one step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from talktime.actions import pool_sizes
from talktime.actions.audit import Actor
from talktime.storage import knowledge_store, user_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.org_store import Organization
from talktime.storage.user_store import UserRow


class Change(NamedTuple):
    """None: there was nobody. Who is removed stays, without names and licences."""

    old: UserRow | None
    new: UserRow

    @property
    def given(self) -> list[str]:
        return _beyond(self.new, self.old)

    @property
    def taken(self) -> list[str]:
        return _beyond(self.old, self.new)

    @property
    def moves_minutes(self) -> bool:
        if self.old is None:
            return bool(self.new.codes)
        places = self.old.usage_location, self.new.usage_location
        return bool(self.given or self.taken or (self.new.codes and places[0] != places[1]))


def _beyond(one: UserRow | None, other: UserRow | None) -> list[str]:
    """Licences that only the one has. Of a large file most have what they had."""
    if one is None or (other is not None and one.licences == other.licences):
        return []
    return sorted(set(one.codes) - set(other.codes if other else ()))


def write(tx: Tx, org: Organization, changes: Sequence[Change], actor: Actor) -> None:
    """Whether all this may be was looked at before, under the organization's lock."""
    _users(tx, org.org_id, changes)
    for code, more in sorted(_counted(changes).items()):
        user_store.count(tx, org.org_id, code, more)
    moved = [change for change in changes if change.moves_minutes]
    if moved:
        before, after = [change.old for change in moved], [change.new for change in moved]
        pool_sizes.people_changed(tx, org, before, after, actor)


def _users(tx: Tx, org_id: int, changes: Iterable[Change]) -> None:
    """All names are given up before any is taken: two may change places."""
    known = [(change.old, change.new) for change in changes if change.old]
    renamed = [(old, new) for old, new in known if old.known_as != new.known_as]
    made = [change.new for change in changes if change.old is None]
    user_store.forget(tx, org_id, [old for old, _ in renamed])
    if made:
        user_store.add(tx, org_id, made)
    if known:
        user_store.change(tx, org_id, [new for _, new in known])
    user_store.know(tx, org_id, [new for _, new in renamed])


def _counted(changes: Iterable[Change]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for change in changes:
        counted.update(change.given)
        counted.subtract(change.taken)
    return {code: more for code, more in counted.items() if more}


def shortages(tx: ReadTx, org_id: int, changes: Sequence[Change]) -> Iterator[tuple[int, str]]:
    """Which change asks for a licence of which none is left; what others give back is there for it."""
    endless = pool_sizes.unlimited(knowledge_store.catalogue(tx))
    left: Counter[str] = Counter()
    for one in user_store.owned(tx, org_id):
        if one.purchased is None:
            endless |= {one.code}
        else:
            left[one.code] = one.purchased - one.assigned
    left.update(code for change in changes for code in change.taken)
    for number, change in enumerate(changes):
        for code in change.given:
            left[code] -= 1
            if left[code] < 0 and code not in endless:
                yield number, code
