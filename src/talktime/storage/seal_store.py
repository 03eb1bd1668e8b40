"""Seals: how far an organization's entries and audit rows are chained by hash, and what the hash is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Select, and_, bindparam, delete, func, insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.walls import opened

e, u, s, a = t.entries.c, t.audit.c, t.seals.c, t.accounts.c
encode = msgspec.json.Encoder().encode
PORTION = 2_000
Tell = Callable[[int], None]
"""Hears how many rows were looked at, and may put an end to it."""


def silent(rows: int) -> None:
    """For those who do not watch."""


class Chain(StrEnum):
    ENTRIES = "entries"
    AUDIT = "audit"


# What is hashed of a row, after its number: all that is in it.
COLUMNS: dict[Chain, Sequence[Any]] = {
    Chain.ENTRIES: (
        e.entry_no, e.entry_id, e.entry_key, e.kind, e.at, e.amount_micros, e.balance_after, e.postings, e.by, e.note,
    ),
    Chain.AUDIT: (u.audit_no, u.audit_id, u.at, u.actor, u.action, u.object, u.old, u.new),
}  # fmt: skip
LAST_NO = {Chain.ENTRIES: a.last_entry_no, Chain.AUDIT: a.last_audit_no}


class Seal(Struct, frozen=True):
    through_no: int
    digest: str
    rows: int = 0
    """How many it covers, when it is new."""


class Damaged(Exception):
    """The rows are not those that were sealed: nobody may seal them anew."""


class Gap(Exception):
    """The rows after the last seal are not numbered without gaps. Nothing is sealed over damage."""


def unsealed(org_id: int, chain: Chain) -> Seal:
    """Where a chain begins; no two begin alike."""
    return Seal(0, sha256(f"talktime {chain} of {org_id}".encode()).hexdigest())


def link(digest: bytes, row: Sequence[Any]) -> bytes:
    """The hash over everything so far and one row more, so that seals may be set anywhere."""
    return sha256(digest + encode(tuple(row))).digest()


def behind(tx: ReadTx, chain: Chain, after: int, limit: int) -> Sequence[int]:
    """Organizations, in order, with rows that no seal covers yet. Spans organizations."""
    through = (
        select(func.coalesce(func.max(s.through_no), 0))
        .where(s.org_id == a.org_id, s.chain == chain.value)
        .correlate(t.accounts)
        .scalar_subquery()
    )
    waiting = select(a.org_id).where(a.org_id > after, LAST_NO[chain] > through)
    return tx.scalars(waiting.order_by(a.org_id).limit(limit)).all()


def last(tx: ReadTx, org_id: int, chain: Chain) -> Seal:
    mine = select(s.through_no, s.digest).where(s.org_id == org_id, s.chain == chain.value)
    row = tx.execute(mine.order_by(s.through_no.desc()).limit(1)).first()
    return Seal(*row) if row else unsealed(org_id, chain)


def uncovered(tx: ReadTx, org_id: int) -> int:
    """How many rows no seal covers yet. Raises Gap where none ever will."""
    return sum(_uncovered(tx, org_id, chain) for chain in Chain)


def _uncovered(tx: ReadTx, org_id: int, chain: Chain) -> int:
    number = tx.scalar(select(LAST_NO[chain]).where(a.org_id == org_id)) or 0
    begun = last(tx, org_id, chain).through_no
    if number > begun and next_seal(tx, org_id, chain, PORTION) is None:
        raise _gap(org_id, chain, begun)
    return max(number - begun, 0)


def next_seal(tx: ReadTx, org_id: int, chain: Chain, rows_max: int) -> Seal | None:
    """The seal that covers the next rows; None when all are covered."""
    begun = last(tx, org_id, chain)
    rows = _rows_after(tx, org_id, chain, begun.through_no, rows_max)
    if not rows:
        return None
    numbers = [begun.through_no, *(row[0] for row in rows)]
    if any(later != earlier + 1 for earlier, later in pairwise(numbers)):
        raise _gap(org_id, chain, begun.through_no)
    return Seal(numbers[-1], chained(bytes.fromhex(begun.digest), rows).hex(), len(rows))


def _gap(org_id: int, chain: Chain, after: int) -> Gap:
    return Gap(f"organization {org_id}: the {chain} after number {after} are not numbered without gaps")


def chained(digest: bytes, rows: Iterable[Sequence[Any]]) -> bytes:
    for row in rows:
        digest = link(digest, row)
    return digest


def _rows_after(tx: ReadTx, org_id: int, chain: Chain, number: int, rows_max: int) -> Sequence[Any]:
    if chain is Chain.AUDIT:
        mine = select(*COLUMNS[chain]).where(u.org_id == org_id, u.audit_no > number)
        return tx.execute(mine.order_by(u.audit_no).limit(rows_max)).all()
    return tx.execute(_entries_after(tx, org_id, number, rows_max)).all()[::-1]


def _entries_after(tx: ReadTx, org_id: int, number: int, rows_max: int) -> Select[Any]:
    """Newest first, by their ids, which sort like their numbers: those few need no index on the number."""
    last_no = tx.scalar(select(a.last_entry_no).where(a.org_id == org_id)) or 0
    waiting = last_no - number
    mine = select(*COLUMNS[Chain.ENTRIES]).where(e.org_id == org_id).order_by(e.entry_id.desc())
    return mine.limit(min(waiting, rows_max)).offset(max(waiting - rows_max, 0))


def numbered(tx: ReadTx, org_id: int, chain: Chain, tell: Tell = silent) -> Iterator[Any]:
    """All rows of a chain in their order, with what is hashed of them."""
    table, order = (t.audit, u.audit_no) if chain is Chain.AUDIT else (t.entries, e.entry_id)
    query = select(*COLUMNS[chain]).where(table.c.org_id == org_id).order_by(order)
    with tx.execute(query, execution_options={"stream_results": True, "yield_per": PORTION}) as found:
        for rows in found.partitions():
            tell(len(rows))
            yield from rows


def sealed_anew(
    tx: ReadTx, org_id: int, chain: Chain, changed: Mapping[int, Sequence[Any]], tell: Tell = silent
) -> tuple[Seal, Seal]:
    """The last seal as it is, and as it will be when these rows, by their numbers, are other ones."""
    old = last(tx, org_id, chain)
    before = after = bytes.fromhex(unsealed(org_id, chain).digest)
    for row in numbered(tx, org_id, chain, tell):
        if row[0] > old.through_no:
            break
        before, after = link(before, row), link(after, changed.get(row[0], row))
    if before.hex() != old.digest:
        raise Damaged(f"organization {org_id}: the {chain} are not those that were sealed: run talktime verify")
    return old, Seal(old.through_no, after.hex())


def rewrite(tx: Tx, org_id: int, chain: Chain, changed: Mapping[int, Sequence[Any]]) -> None:
    """These rows, by their numbers, as they are to be."""
    columns = COLUMNS[chain]
    table, number, key = (
        (t.audit, u.audit_no, u.audit_id) if chain is Chain.AUDIT else (t.entries, e.entry_no, e.entry_id)
    )
    names = [column.name for column in columns if column not in (number, key)]
    this = update(table).where(table.c.org_id == org_id, key == bindparam("its_id"))
    rows = [dict(zip([column.name for column in columns], row, strict=True)) for row in changed.values()]
    with opened(tx, table.name):
        tx.execute(
            this.values({name: bindparam(f"new_{name}") for name in names}),
            [{"its_id": row[key.name], **{f"new_{name}": row[name] for name in names}} for row in rows],
        )


def replace(tx: Tx, org_id: int, chain: Chain, first: int, seal: Seal, at: int) -> None:
    """One seal for all from the first changed row on."""
    with opened(tx, t.seals.name):
        gone = (s.org_id == org_id, s.chain == chain.value, s.through_no >= first)
        tx.execute(delete(t.seals).where(*gone))
        if seal.through_no >= first:
            add(tx, org_id, chain, seal, at)


def add(tx: Tx, org_id: int, chain: Chain, seal: Seal, at: int) -> None:
    # Two sealers at once may set the same seal: it says the same.
    there = and_(s.org_id == org_id, s.chain == chain.value, s.through_no == seal.through_no)
    if tx.scalar(select(s.digest).where(there)) is None:
        row = {"org_id": org_id, "chain": chain.value, "through_no": seal.through_no, "sealed_at": at}
        tx.execute(insert(t.seals), row | {"digest": seal.digest})
