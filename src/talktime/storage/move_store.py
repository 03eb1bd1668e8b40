"""All rows of one organization: read for a move to another installation, and written there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Select, Table, delete, func, insert, select, update

from talktime.storage import seal_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.job_store import DONE
from talktime.storage.move_file import ORGANIZATION_IN, Portions, Row
from talktime.storage.verify_books import streamed
from talktime.storage.walls import opened

PORTION = 1_000
JOB_ID = "job_move"
"""Of the row that says how much of an organization has come."""
# What stays behind, and why.
STAYS: Mapping[str, str] = {
    "sessions": "people sign in again where their organization is now",
    "tickets": "links lead to where they were sent from",
    "hang_ups": "no call is in progress any more",
    "jobs": "the files of exports lie beside the server that made them",
}
# The first row of `accounts` is the organization's beginning for engine, worker and verify: so it comes last of all.
LAST = ("sign_ins", "api_keys", "organizations", "accounts")
_ours = [table for table in t.of_kind("organization") if table.name not in (*STAYS, *LAST)]
TABLES: Mapping[str, Table] = {
    str(table.name): table for table in (*_ours, *(t.metadata.tables[name] for name in LAST))
}
# What switches report again and again; where the organization goes nobody has heard of them.
BEATS: Mapping[str, Mapping[str, Any]] = {"switches": {"boot_id": None, "heard_at": None, "missing": "{}"}}
UNDER_WAY = [table for table in TABLES.values() if "due_at" in table.columns]
j, n = t.jobs.c, t.notices.c


def whose(table: Table) -> Column[Any]:
    return table.columns[ORGANIZATION_IN.get(table.name, "org_id")]


def portions(tx: ReadTx, org_id: int) -> Portions:
    """Of one instant if it is one transaction; in an order that is the same on every database."""
    for name, table in TABLES.items():
        rows: list[Row] = []
        query = select(*table.columns).where(whose(table) == org_id).order_by(*table.primary_key.columns)
        for row in streamed(tx, query):
            rows.append(_at_rest(name, row))
            if len(rows) == PORTION:
                yield name, rows
                rows = []
        if rows:
            yield name, rows


def _at_rest(name: str, row: Any) -> Row:
    beats = BEATS.get(name, {})
    return tuple(beats.get(column, value) for column, value in zip(row._fields, row, strict=True)) if beats else (*row,)


def under_way(tx: ReadTx, org_id: int) -> Mapping[str, int]:
    """What would be done in both places, or come later: calls in progress, money and messages on their way, seals."""
    count = select(func.count())
    found = {
        table.name: tx.scalar(count.select_from(table).where(table.c.org_id == org_id, table.c.due_at.is_not(None)))
        for table in UNDER_WAY
    }
    found["seals"] = seal_store.uncovered(tx, org_id)
    found["notices"] = tx.scalar(count.select_from(t.notices).where(n.org_id == org_id, n.told_at.is_(None)))
    return {name: number for name, number in found.items() if number}


def put(tx: Tx, name: str, rows: Sequence[Row]) -> None:
    names = TABLES[name].columns.keys()
    tx.execute(insert(TABLES[name]), [dict(zip(names, row, strict=True)) for row in rows])


def remove(tx: Tx, org_id: int) -> None:
    """All that `put` has written, and what else came to it here: only of an organization that lives elsewhere."""
    stays = [t.metadata.tables[name] for name in STAYS]
    for table in (*TABLES.values(), *stays):
        with opened(tx, table.name, table in t.APPEND_ONLY):
            tx.execute(delete(table).where(whose(table) == org_id))


def is_known(tx: ReadTx, org_id: int) -> bool:
    """Also who is only half here, or was here once."""
    tables = (t.accounts, t.organizations, t.entries)
    return any(tx.scalar(select(table.c.org_id).where(table.c.org_id == org_id).limit(1)) for table in tables)


def arriving() -> Select[tuple[int]]:
    """The organizations that are half here: the account comes last. Spans organizations."""
    here = select(t.accounts.c.org_id)
    return select(j.org_id).where(j.job_id == JOB_ID, j.state != DONE, j.org_id.not_in(here))


def advance(tx: Tx, org_id: int, job_id: str, asked: str, number: int) -> bool:
    """This portion is the next one. False: another process does the same work, or has begun anew."""
    here = (j.org_id == org_id, j.job_id == job_id, j.asked == asked, j.done == number, j.state != DONE)
    return tx.execute(update(t.jobs).where(*here).values(done=number + 1)).rowcount == 1


def abandon(tx: Tx, org_id: int, job_id: str) -> bool:
    """False: it has ended, perhaps just now, or never begun."""
    here = (j.org_id == org_id, j.job_id == job_id, j.state != DONE)
    return tx.execute(delete(t.jobs).where(*here)).rowcount == 1


def finish(tx: Tx, org_id: int, job_id: str, at: int) -> None:
    ended = {"state": DONE, "total": j.done, "ended_at": at}
    tx.execute(update(t.jobs).where(j.org_id == org_id, j.job_id == job_id).values(ended))
