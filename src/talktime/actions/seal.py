"""Sealing: behind the hot path, entries and audit rows are chained by hash, so that a change of the past shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from talktime.storage import seal_store
from talktime.storage.database import EVERYBODY, Database, Tx
from talktime.storage.errors import Conflict
from talktime.storage.seal_store import Chain, Gap

ROWS_MAX = 5_000
"""Of one organization in one transaction."""
ORGANIZATIONS_MAX = 500


def never() -> bool:
    return False


def ignore(gap: Gap) -> None:
    """`talktime verify` finds it, too."""


def seal_all(
    database: Database,
    now: Callable[[], int],
    stop: Callable[[], bool] = never,
    tell: Callable[[Gap], None] = ignore,
) -> int:
    """Seal what is not sealed, one organization after the other; how many seals were set. `tell` hears of damage."""
    sealed = 0
    for chain in Chain:
        for org_id in _behind(database, chain):
            try:
                sealed += _seal_what_is_there(database, org_id, chain, now, stop)
            except Gap as gap:
                tell(gap)
    return sealed


def _behind(database: Database, chain: Chain) -> Iterator[int]:
    after = -1
    while org_ids := database.read(EVERYBODY, seal_store.behind, chain, after, ORGANIZATIONS_MAX):
        yield from org_ids
        after = org_ids[-1]


def _seal_what_is_there(
    database: Database, org_id: int, chain: Chain, now: Callable[[], int], stop: Callable[[], bool]
) -> int:
    """How many seals that took. What calls add meanwhile is for the next time: they may never cease."""
    seals, rows = 0, ROWS_MAX
    while rows == ROWS_MAX and not stop():
        rows = seal_organization(database, org_id, chain, now())
        seals += rows > 0
    return seals


def seal_organization(database: Database, org_id: int, chain: Chain, at: int) -> int:
    """One more seal: how many rows it covers. The hashing is done beside the writers."""
    seal = database.read(org_id, seal_store.next_seal, org_id, chain, ROWS_MAX)
    if seal is None:
        return 0

    def add(tx: Tx) -> None:
        seal_store.add(tx, org_id, chain, seal, at)

    try:
        database.write(org_id, add)
    except Conflict:
        # Another process set the same one just now.
        return 0
    return seal.rows
