"""Does everything add up? Every invariant that SQL can see, on any database, from one snapshot, in constant memory.

Nothing here trusts what the engine does: books are added up again from the postings, holds from the calls, hashes from
the rows. What is found is told, not repaired.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic

from msgspec import Struct
from sqlalchemy import create_engine, event, func, select, text, union
from sqlalchemy.pool import NullPool

from talktime.core.ids import org_name
from talktime.storage import move_store, org_store
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Database, PostgresDatabase, ReadTx, open_reader
from talktime.storage.errors import StoreUnavailable
from talktime.storage.verify_books import check_audit, check_books
from talktime.storage.verify_calls import check_calls
from talktime.storage.verify_files import check_files
from talktime.storage.verify_payments import check_payments
from talktime.storage.verify_people import People, check_people
from talktime.storage.verify_receipts import check_receipts

Progress = Callable[[int, int], None]
"""How many rows were looked at, and how many there are."""
FINDINGS_MAX = 1_000
"""The rest is counted only: one cause can show in every row."""


class Finding(Struct, frozen=True):
    invariant: str
    organization: str | None
    detail: str


class Report(Struct):
    findings: list[Finding]
    found: int = 0
    organizations: int = 0
    entries: int = 0
    calls: int = 0
    unsealed: int = 0
    """Entries and audit rows that no seal covers yet. That is no error: sealing runs behind."""
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        return self.found == 0

    def tell(self, invariant: str, org_id: int | None, detail: str) -> None:
        self.found += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(invariant, None if org_id is None else org_name(org_id), detail))


def silent(done: int, total: int) -> None:
    """For those who do not watch."""


def reading(url: str | None, path: Path) -> Database:
    """A database that is only read, also beside the server that has it open."""
    if url:
        return PostgresDatabase(url)
    if not path.exists():
        raise StoreUnavailable(f"there is no database at {path}")
    engine = create_engine("sqlite://", creator=lambda: open_reader(path, sqlite3.connect), poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return Database(f"sqlite:///{path}", engine, engine)


def verify(database: Database, progress: Progress = silent) -> Report:
    return database.read(EVERYBODY, _verify, progress)


def verify_one(database: Database, org_id: int) -> Report:
    """One organization alone."""
    return database.read(org_id, _verify_one, org_id)


def _verify_one(tx: ReadTx, org_id: int) -> Report:
    report, begun = Report([]), monotonic()
    _check_organization(tx, report, org_id, lambda: None)
    report.seconds = monotonic() - begun
    return report


def _verify(tx: ReadTx, progress: Progress) -> Report:
    report, begun = Report([]), monotonic()
    for detail in _damaged_pages(tx):
        report.tell("file", None, detail)
    for org_id, detail in _without_account(tx):
        report.tell("relations", org_id, detail)
    total = _rows(tx)
    for org_id in tx.scalars(select(t.accounts.c.org_id).order_by(t.accounts.c.org_id)).all():
        _check_organization(tx, report, org_id, lambda: progress(report.entries + report.calls, total))
    report.seconds = monotonic() - begun
    return report


def _check_organization(tx: ReadTx, report: Report, org_id: int, tick: Callable[[], None]) -> None:
    def tell(invariant: str, detail: str) -> None:
        report.tell(invariant, org_id, detail)

    def looked_at_entries(count: int) -> None:
        report.entries += count
        tick()

    def looked_at_calls(count: int) -> None:
        report.calls += count
        tick()

    books = check_books(tx, org_id, tell, looked_at_entries)
    people = People()
    held = check_calls(tx, org_id, books.call_charges, people, tell, looked_at_calls)
    books.check_holds(held, tell)
    if org := org_store.find(tx, org_id):
        check_people(tx, org, people, tell)
    check_files(tx, org_id, tell)
    check_receipts(tx, org_id, tell)
    check_payments(tx, org_id, tell)
    report.unsealed += books.unsealed + check_audit(tx, org_id, tell)
    report.organizations += org_id != t.OPERATOR
    tick()


def _rows(tx: ReadTx) -> int:
    entries = tx.scalar(select(func.coalesce(func.sum(t.accounts.c.last_entry_no), 0))) or 0
    return int(entries) + (tx.scalar(select(func.count()).select_from(t.calls)) or 0)


def _damaged_pages(tx: ReadTx) -> Sequence[str]:
    if tx.dialect.name != "sqlite":
        return ()
    said: Sequence[str] = tx.scalars(text("PRAGMA quick_check(20)")).all()
    return [line for line in said if line != "ok"]


def _without_account(tx: ReadTx) -> Iterator[tuple[int, str]]:
    """No foreign key proves these; they span organizations. The account of one that is still arriving comes last."""
    known = union(select(t.accounts.c.org_id), move_store.arriving())
    people = (t.users, t.members, t.usage, t.pools, t.pool_months, t.tallies)
    for table in (t.organizations, t.lots, t.calls, t.entries, t.receipts, *people):
        rows = select(table.c.org_id).where(table.c.org_id.not_in(known)).distinct()
        for org_id in tx.scalars(rows).all():
            yield org_id, f"it has rows in {table.name}, and no account"
    users = select(t.users.c.user_id).where(t.users.c.org_id == t.user_names.c.org_id)
    nobody = t.user_names.c.user_id.not_in(users.correlate(t.user_names))
    here = t.user_names.c.org_id.not_in(move_store.arriving())
    for org_id, name in tx.execute(select(t.user_names.c.org_id, t.user_names.c.name).where(here, nobody)):
        yield org_id, f"the name {name} belongs to a user that does not exist"
