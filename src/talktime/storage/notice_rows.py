"""What somebody is to be told, and who was blocked: rows that are written with their cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from talktime.core.desk import Block
from talktime.core.ids import timed_id, uuid7_of
from talktime.core.ledger import SHORTFALL, Entry
from talktime.core.money import decimal
from talktime.core.pool_book import MovedPool, PoolKey, crossed
from talktime.core.time import MINUTE
from talktime.core.watch import events
from talktime.storage.store import Woken

BLOCKED, GUARD = "Blocked", "fraud_guard"
HOUR = 60 * MINUTE


class Notice(NamedTuple):
    """In the order of the columns."""

    org_id: int
    notice_id: str
    once: str
    event: str
    at: int
    details: str


def notice(org_id: int, event: str, once: str, at: int, **details: str) -> Notice:
    """Of one cause once, however often it is written."""
    key = once_of(event, once)
    return Notice(org_id, uuid7_of(at, key), key, event, at, msgspec.json.encode(details).decode())


def once_of(event: str, once: str) -> str:
    return f"{event}:{once}"


def block_row(block: Block) -> tuple[Any, ...]:
    told = timed_id(block.at, block.now, block.user_id)
    return block.org_id, told, block.at, block.user_id, BLOCKED, block.reason, GUARD


def block_notice(block: Block) -> Notice:
    once = f"{block.user_id}:{block.at}"
    return notice(block.org_id, "user_blocked", once, block.at, user=block.user_id, reason=block.reason)


def pool_notices(moved: Iterable[MovedPool], used: Mapping[PoolKey, tuple[int, int]]) -> list[Notice]:
    """`used`: what is stored after the change. Told once for each pool and month (D-16)."""
    return [told for pool in moved for told in _of_pool(pool, *used[pool.key])]


def _of_pool(moved: MovedPool, first: int, second: int) -> list[Notice]:
    kinds = (
        ("first", moved.first_total, moved.first_used, first),
        ("second", moved.second_total, moved.second_used, second),
    )
    return [
        _pool_notice(moved, kind, percent)
        for kind, total, by, now in kinds
        for percent in crossed(total, now - by, now)
    ]


def _pool_notice(moved: MovedPool, kind: str, percent: int) -> Notice:
    once = f"{moved.pool_id}:{kind}:{moved.month}"
    details = {"pool": moved.pool_id, "kind": kind, "month": moved.month}
    return notice(moved.org_id, f"pool_{percent}_percent", once, moved.at, **details)


def balance_notices(woken: Woken, levels: Sequence[int]) -> list[Notice]:
    """Each time that a level was fallen through: a balance passes an instant downwards once."""
    org_id, fall, at = woken
    return [
        notice(org_id, event, f"{details.get('level', '')}:{at}:{fall.before}:{fall.after}", at, **details)
        for event, details in events(fall, levels)
    ]


def shortfall_notices(entries: Iterable[Entry]) -> list[Notice]:
    """The first of each hour: where one call is not covered, the next ones seldom are."""
    return [
        notice(entry.org_id, "shortfall", f"{entry.at // HOUR}", entry.at, amount=decimal(part.amount), call=entry.note)
        for entry in entries
        for part in entry.postings
        if part.source == SHORTFALL
    ]
