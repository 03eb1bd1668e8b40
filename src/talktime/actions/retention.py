"""What nobody may keep any longer goes, organization by organization and in small slices; sums and the ledger stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talktime.actions import persons
from talktime.actions.audit import Actor
from talktime.actions.seal import Cause, rewrite
from talktime.actions.upkeep import Stopped
from talktime.core.persons import without_ends
from talktime.core.retention import Kept
from talktime.core.time import DAY, SECOND
from talktime.storage import person_store, retention_store, seal_store
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.person_store import CALLS, story_values
from talktime.storage.retention_store import STAYS, Counted
from talktime.storage.seal_store import Chain
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


def forget(database: Database, rules: Rules, now: int, stop: Stop = never) -> dict[Kept, int]:
    """How many rows of each kind. Whoever is interrupted begins again."""
    done = dict.fromkeys(rules, 0)
    for kind, days in rules.items():
        before = now - days * DAY
        for org_id in _organizations(database, kind, before):
            done[kind] += _forget(database, org_id, kind, before, now, stop)
    return done


def _organizations(database: Database, kind: Kept, before: int) -> Iterator[int]:
    after = -1
    while found := database.read(EVERYBODY, retention_store.organizations_with, kind, before, after, ORGANIZATIONS_MAX):
        yield from found
        after = found[-1]


def _forget(database: Database, org_id: int, kind: Kept, before: int, now: int, stop: Stop) -> int:
    actor = Actor(SCHEDULE, now)
    match kind:
        case Kept.CALLS:
            usage = _in_slices(database, org_id, stop, retention_store.forget_usage, before, SLICE)
            return usage + _in_slices(database, org_id, stop, _forget_calls, before)
        case Kept.PEOPLE:
            known = database.read(org_id, persons.removed_before, org_id, before)
            return len(known.ids) if known and persons.erase(database, org_id, known, actor) else 0
        case Kept.AUDIT:
            shortened = Cause(actor, "audit.shortened", "audit")
            return rewrite(database, org_id, Chain.AUDIT, lambda tx: _shortened(tx, org_id, before), shortened)
        case _:
            return _in_slices(database, org_id, stop, retention_store.throw_away, kind, before, SLICE)


def _in_slices(database: Database, org_id: int, stop: Stop, step: Callable[..., int], *values: Any) -> int:
    """Each a transaction of its own, so that nobody waits for long."""
    done = 0
    while some := database.write(org_id, step, org_id, *values):
        done += some
        if stop():
            raise Stopped
    return done


def _forget_calls(tx: Tx, org_id: int, before: int) -> int:
    rows = retention_store.old_calls(tx, org_id, before, SLICE)
    changed = [(row, story_values(without_ends(decode_call(row["story"])))) for row in rows]
    return sum(person_store.put(tx, org_id, CALLS, row, values) for row, values in changed)


def _shortened(tx: ReadTx, org_id: int, before: int) -> dict[int, Sequence[Any]]:
    """Who did what and when; no longer from what to what."""
    found: dict[int, Sequence[Any]] = {}
    for row in seal_store.numbered(tx, org_id, Chain.AUDIT):
        if row.at < before and row.action not in STAYS and (row.old is not None or row.new is not None):
            found[row.audit_no] = (*row[:-2], None, None)
    return found


def forget_letters(outbox: Path, rules: Rules, now: int) -> int:
    """Files that letters became."""
    if Kept.DELIVERIES not in rules:
        return 0
    before = (now - rules[Kept.DELIVERIES] * DAY) / SECOND
    old = [path for path in outbox.glob("*.eml") if path.stat().st_mtime < before]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
