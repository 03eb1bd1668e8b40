"""Sealing: behind the hot path, entries and audit rows are chained by hash, so that a change of the past shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from talktime.actions.audit import Actor, note
from talktime.core.ids import org_name
from talktime.storage import audit_store, org_store, seal_store
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.errors import Conflict
from talktime.storage.seal_store import Chain, Gap, Seal, Tell, silent

ROWS_MAX = 5_000
"""Of one organization in one transaction."""
TRIES_MAX = 10
"""To rewrite what others add to."""
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


def seal_one(database: Database, org_id: int, now: Callable[[], int]) -> None:
    """All that is there of one organization, at once; over damage nothing."""
    for chain in Chain:
        with suppress(Gap):
            _seal_what_is_there(database, org_id, chain, now, never)


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
    audit_no, seal = database.read(org_id, _next, org_id, chain)
    if seal is None:
        return 0

    def add(tx: Tx) -> bool:
        """What was hashed may have been rewritten meanwhile; that is noted in the audit log. Then it is done again."""
        org_store.lock(tx, org_id)
        if audit_store.last_no(tx, org_id) != audit_no:
            return False
        seal_store.add(tx, org_id, chain, seal, at)
        return True

    try:
        return seal.rows if database.write(org_id, add) else 0
    except Conflict:
        # Another process set the same one just now.
        return 0


def _next(tx: ReadTx, org_id: int, chain: Chain) -> tuple[int, Seal | None]:
    return audit_store.last_no(tx, org_id), seal_store.next_seal(tx, org_id, chain, ROWS_MAX)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a rewriting says in the audit log: whoever has kept a digest can follow it."""

    chain: str
    rows: int
    through: int
    old_digest: str
    new_digest: str


Rows = Mapping[int, Sequence[Any]]
"""By their numbers."""
Finder = Callable[[ReadTx], Rows]
"""Those that are to be others."""


class Changing(Exception):
    """Others write so often that what was made ready never fits. It can be tried again."""


def rewrite(database: Database, org_id: int, chain: Chain, changed: Finder, cause: Cause, tell: Tell = silent) -> int:
    """Rows that the law wants to be others, with their seals: how many.

    Everything is made ready beside the writers; if something was added meanwhile, it is made ready again.
    """
    for _ in range(TRIES_MAX):
        made = database.read(org_id, _made_ready, org_id, chain, changed, tell)
        if made is None:
            return 0
        if database.write(org_id, _rewrite, org_id, chain, made, cause):
            return len(made.rows)
    raise Changing(f"the {chain} of {org_name(org_id)} change without a pause: it is tried again")


def check_seals(database: Database, org_id: int, chain: Chain, changed: Finder, tell: Tell = silent) -> None:
    """Raises Damaged where a rewriting would; nothing is written."""
    database.read(org_id, _made_ready, org_id, chain, changed, tell)


@dataclass(frozen=True, slots=True)
class Cause:
    """Who has something rewritten, and for whom."""

    actor: Actor
    action: str
    what: str


@dataclass(frozen=True, slots=True)
class _Ready:
    audit_no: int
    rows: Rows
    old: Seal
    new: Seal


def _made_ready(tx: ReadTx, org_id: int, chain: Chain, changed: Finder, tell: Tell) -> _Ready | None:
    rows = changed(tx)
    if not rows:
        return None
    return _Ready(audit_store.last_no(tx, org_id), rows, *seal_store.sealed_anew(tx, org_id, chain, rows, tell))


def _rewrite(tx: Tx, org_id: int, chain: Chain, made: _Ready, cause: Cause) -> bool:
    org_store.lock(tx, org_id)
    if audit_store.last_no(tx, org_id) != made.audit_no or seal_store.last(tx, org_id, chain) != made.old:
        return False
    seal_store.rewrite(tx, org_id, chain, made.rows)
    seal_store.replace(tx, org_id, chain, min(made.rows), made.new, cause.actor.now)
    told = Rewritten(chain.value, len(made.rows), made.old.through_no, made.old.digest, made.new.digest)
    note(tx, org_id, cause.actor, cause.action, cause.what, None, told)
    return True
