"""On which shard of a Citus cluster an organization lies, so that a batch carries organizations of one shard."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache

from sqlalchemy import text

from talktime.storage import org_store
from talktime.storage.database import EVERYBODY, Database, ReadTx

REMEMBERED_MAX = 1 << 16
_WORD = 0xFFFFFFFF
_BEGIN = 0x9E3779B9 + 4 + 3923095
_TURNS = (14, 11, 25, 16, 4, 14, 24)
_HAS_CITUS = text("SELECT to_regclass('pg_dist_shard') IS NOT NULL AND to_regclass('accounts') IS NOT NULL")
_BEGINNINGS = text(
    """SELECT shardminvalue::bigint FROM pg_dist_shard
WHERE logicalrelid = to_regclass('accounts') AND shardminvalue IS NOT NULL ORDER BY 1"""
)


def shards_of(database: Database) -> Callable[[int], int] | None:
    """None where nothing is spread: on SQLite, on plain PostgreSQL, and before the tables are distributed."""
    return shard_map(database.read((), _beginnings)) if database.dialect == "postgresql" else None


def _beginnings(tx: ReadTx) -> Sequence[int]:
    """The least hash of each shard."""
    return tx.scalars(_BEGINNINGS).all() if tx.scalar(_HAS_CITUS) else ()


def places(database: Database) -> dict[int, int] | None:
    """The shard of each organization; None where nothing is spread."""
    shard_of = shards_of(database)
    if shard_of is None:
        return None
    return {org_id: shard_of(org_id) for org_id in sorted(database.read(EVERYBODY, org_store.countries))}


def shard_map(beginnings: Sequence[int]) -> Callable[[int], int] | None:
    if not beginnings:
        return None

    @lru_cache(maxsize=REMEMBERED_MAX)
    def shard_of(org_id: int) -> int:
        return bisect_right(beginnings, hash_of(org_id)) - 1

    return shard_of


def hash_of(number: int) -> int:
    """What PostgreSQL's `hashint8` says, by which Citus spreads rows. Here, so that no command waits for an answer."""
    high = (number >> 32) & _WORD
    a = b = c = _BEGIN & _WORD
    a = (a + (number ^ (high if number >= 0 else ~high))) & _WORD
    # The last words of Bob Jenkins' lookup3: each in its turn is mixed with the one before.
    for turn in _TURNS:
        c = ((c ^ b) - _rotated(b, turn)) & _WORD
        a, b, c = b, c, a
    result = b
    return result - (1 << 32) if result >> 31 else result


def _rotated(word: int, by: int) -> int:
    return (word << by | word >> (32 - by)) & _WORD
