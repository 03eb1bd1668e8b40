"""How many calls were in progress at once: of those that have ended what is reported, and those that go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select

from talktime.core.call_types import OWN_CARRIER
from talktime.core.ids import uuid7
from talktime.core.time import MINUTE, SECOND
from talktime.storage import tables as t
from talktime.storage.database import ReadTx

c, o = t.usage.c, t.calls.c
LONGEST = 240 * MINUTE
"""A call that began earlier is not looked for."""


class Busy(NamedTuple):
    at: int
    calls: int


def by_minute(tx: ReadTx, org_id: int, now: int, minutes: int) -> Sequence[Busy]:
    """Oldest first, the last of them now. Parts of a split call follow each other, so that they count as one."""
    first = now // MINUTE - minutes
    changes = [0] * (minutes + 2)
    for begun, ended, count in [*_ended(tx, org_id, first), *_going_on(tx, org_id)]:
        changes[_place(begun, first, minutes)] += count
        changes[_place(ended, first, minutes)] -= count
    found, running = [], 0
    for place, change in enumerate(changes[:-1]):
        running += change
        found.append(Busy(min((first + place) * MINUTE, now), running))
    return found


def _place(minute: int | None, first: int, minutes: int) -> int:
    return minutes + 1 if minute is None else min(max(minute - first, 0), minutes + 1)


def _ended(tx: ReadTx, org_id: int, first: int) -> list[tuple[int, int | None, int]]:
    """Added up where the rows are: minute of the begin, of the end, how many."""
    begun, ended = c.started_at // MINUTE, (c.started_at + c.seconds * SECOND) // MINUTE
    since = uuid7(max(first * MINUTE - LONGEST, 0), 0)
    query = select(begun, ended, func.count()).where(c.org_id == org_id, c.usage_id >= since, ended > first)
    query = query.where(c.call_type.not_in(sorted(OWN_CARRIER))).group_by(begun, ended)
    return [(int(begin), int(end), int(count)) for begin, end, count in tx.execute(query)]


def _going_on(tx: ReadTx, org_id: int) -> list[tuple[int, int | None, int]]:
    begun = o.opened_at // MINUTE
    query = select(begun, func.count()).where(o.org_id == org_id, o.due_at.is_not(None)).group_by(begun)
    return [(int(begin), None, int(count)) for begin, count in tx.execute(query)]
