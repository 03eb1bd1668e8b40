"""What nobody may keep any longer goes, organization by organization and in small slices; sums and the ledger stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from talktime.actions import persons
from talktime.actions.audit import Actor
from talktime.actions.erasure import erase
from talktime.actions.files_about import Files
from talktime.actions.seal import Cause, rewrite
from talktime.actions.upkeep import Stopped
from talktime.core.ids import org_name
from talktime.core.persons import without_ends
from talktime.core.retention import Kept
from talktime.core.time import DAY, SECOND
from talktime.storage import person_store, retention_store, seal_store
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.errors import StoreUnavailable
from talktime.storage.person_store import CALLS, IMPORTED, story_values
from talktime.storage.retention_store import SAYS_WHO, STAYS, Counted
from talktime.storage.seal_store import Chain, Tell
from talktime.storage.store import decode_call

SLICE = 500
"""Rows that are changed at once."""
ORGANIZATIONS_MAX = 500
RETENTION = "retention"
"""Its name in the schedule."""
SCHEDULE = "schedule"
Rules = Mapping[Kept, int]
Stop = Callable[[], bool]


def never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Preview:
    kind: Kept
    days: int
    before: int
    counted: Counted


def preview(database: Database, rules: Rules, now: int) -> list[Preview]:
    """What would go now; nothing is changed."""
    found = []
    for kind, days in rules.items():
        before = now - days * DAY
        found.append(Preview(kind, days, before, database.read(EVERYBODY, retention_store.counted, kind, before)))
    return found


class NotEverywhere(ExceptionGroup[Exception]):
    """Of which organizations something is still there, and why; everything else is gone."""


def forget(database: Database, rules: Rules, now: int, outbox: Path, stop: Stop = never) -> dict[Kept, int]:
    """How many rows of each kind. Whoever is interrupted begins again."""
    forgetting = _Forgetting(database, Actor(SCHEDULE, now), outbox, stop)
    done = {kind: forgetting.all_of(kind, now - days * DAY) for kind, days in rules.items()}
    if forgetting.failed:
        raise NotEverywhere(f"not forgotten: {'; '.join(forgetting.failed)}", list(forgetting.failed.values()))
    return done


@dataclass(frozen=True, slots=True)
class _Forgetting:
    database: Database
    actor: Actor
    outbox: Path
    stop: Stop
    failed: dict[str, Exception] = field(default_factory=dict)

    def all_of(self, kind: Kept, before: int) -> int:
        return sum(self._of(org_id, kind, before) for org_id in _organizations(self.database, kind, before))

    def _of(self, org_id: int, kind: Kept, before: int) -> int:
        """The trouble of one organization keeps what is of others no longer than it may be kept."""
        try:
            return self._forgotten(org_id, kind, before)
        except (Stopped, StoreUnavailable):
            raise
        except Exception as error:
            self.failed[f"{kind} of {org_name(org_id)}: {error}"] = error
            return 0

    def _forgotten(self, org_id: int, kind: Kept, before: int) -> int:
        match kind:
            case Kept.CALLS:
                return self._usage(org_id, before) + self._calls(org_id, before)
            case Kept.PEOPLE:
                return self._people(org_id, before)
            case Kept.AUDIT:
                cause = Cause(self.actor, "audit.shortened", "audit")
                changed = partial(_shortened, org_id, before, self._go_on)
                return rewrite(self.database, org_id, Chain.AUDIT, changed, cause, self._go_on)
            case _:
                return self._thrown_away(org_id, kind, before)

    def _usage(self, org_id: int, before: int) -> int:
        """Found beside the writers, each slice from where the last one ended, so that none looks at all before it."""
        done, after = 0, ""
        while found := self.database.read(org_id, retention_store.old_usage, org_id, before, after, SLICE):
            done += self.database.write(org_id, retention_store.forget_usage, org_id, found)
            after = found[-1]
            self._go_on()
        return done

    def _calls(self, org_id: int, before: int) -> int:
        done, after = 0, (-1, "")
        while found := self.database.read(org_id, retention_store.old_calls, org_id, before, after, SLICE):
            changed = [(row, story_values(without_ends(decode_call(row["story"])))) for row in found]
            done += self.database.write(org_id, _put_calls, org_id, changed)
            after = found[-1]["opened_at"], found[-1]["call_id"]
            self._go_on()
        return done

    def _people(self, org_id: int, before: int) -> int:
        """All at once, since each look goes through everything. Exports are gone in some days without that."""
        known = self.database.read(org_id, persons.removed_before, org_id, before)
        if known is None:
            return 0
        done = erase(self.database, org_id, known, self.actor, Files(self.outbox), self._go_on)
        return 0 if done.in_progress else len(known.ids)

    def _thrown_away(self, org_id: int, kind: Kept, before: int) -> int:
        done = 0
        while some := self.database.write(org_id, retention_store.throw_away, org_id, kind, before, SLICE):
            done += some
            self._go_on()
        return done

    def _go_on(self, rows: int = 0) -> None:
        """How many were looked at does not matter."""
        if self.stop():
            raise Stopped


def _organizations(database: Database, kind: Kept, before: int) -> Iterator[int]:
    after = -1
    while found := database.read(EVERYBODY, retention_store.organizations_with, kind, before, after, ORGANIZATIONS_MAX):
        yield from found
        after = found[-1]


def _put_calls(tx: Tx, org_id: int, changed: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> int:
    return sum(person_store.put(tx, org_id, CALLS, row, values) for row, values in changed)


def _shortened(org_id: int, before: int, tell: Tell, tx: ReadTx) -> dict[int, Sequence[Any]]:
    """Who did what and when; no longer from what to what."""
    known = persons.not_forgotten(tx, org_id)
    found: dict[int, Sequence[Any]] = {}
    for row in seal_store.numbered(tx, org_id, Chain.AUDIT, tell):
        stays = row.action in STAYS or not known.isdisjoint(_said_who(row))
        if row.at < before and not stays and (row.old is not None or row.new is not None):
            found[row.audit_no] = (*row[:-2], None, None)
    return found


def _said_who(row: Any) -> Iterable[str]:
    """The ids of those of whom the line says what they were called."""
    if row.action == IMPORTED and row.new is not None:
        return msgspec.json.decode(row.new, type=dict[str, Any])
    return (row.object,) if row.action in SAYS_WHO else ()


def forget_letters(outbox: Path, rules: Rules, now: int) -> int:
    """Files that letters became."""
    if Kept.DELIVERIES not in rules:
        return 0
    before = (now - rules[Kept.DELIVERIES] * DAY) / SECOND
    old = [path for path in outbox.glob("*.eml") if _written_at(path) < before]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        # Somebody forgets the same at this moment.
        return inf
