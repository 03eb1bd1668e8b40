"""A small telephone company on a real database: a switch speaks, the engine answers, the books are looked through."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Table, func, insert, select, update

from talktime.charging.engine import Engine, Shelf
from talktime.core.calls import Answer, Command
from talktime.core.ids import entry_id
from talktime.core.ledger import ADJUSTMENTS, DEBT, PROMOTION, EntryKind, Posting, lot_book
from talktime.core.lots import Lot
from talktime.core.money import micros as usd
from talktime.core.prices import PriceList, Prices, Row
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Database, PostgresDatabase, ReadTx, SqliteDatabase, Tx
from talktime.storage.postgres_store import PostgresStore
from talktime.storage.schema import prepare
from talktime.storage.sqlite_store import SqliteStore
from talktime.storage.store import PRICES_REVISION, Store, decode_call, decode_postings, encode_postings
from tests.core.audit import AccountRow, CallRow, EntryRow, LotRow, Snapshot, wrong
from tests.core.switch import NO_LIMITS, NOW, PAY_AS_YOU_GO, ROWS, YEAR, Switch
from tests.support.postgres import Cluster

LATER = NOW + 2 * YEAR
"""When everything is over."""
ORGANIZATION: dict[str, Any] = {
    "name": "Example",
    "country": "GB",
    "currency": "USD",
    "time_zone": "UTC",
    "language": "en",
    "mode": "live",
    "billing_account": "prepaid",
    "policy": "DialoutCPCandPSTNInternational",
    "price_list": None,
    "slice_seconds": 300,
    "max_call_seconds": 10_800,
    "grace_seconds": 120,
    "limits": NO_LIMITS,
    "state": "open",
    "created_at": NOW,
    "clock_at": None,
}
USER = {
    "sign_in_name": "ann@example.com",
    "usage_location": "GB",
    "kind": "person",
    "language": "en",
    "licences": json.dumps(PAY_AS_YOU_GO),
    "created_at": NOW,
}


class Books(Switch):
    def __init__(self, database: Database, make_store: Callable[[int | None], Store]) -> None:
        super().__init__()
        self.database = database
        self.make_store = make_store
        self.store = make_store(None)
        self.versions = [("standard", 0, PriceList(4, ROWS))]
        self.engine = self.engine_on(self.store)

    def engine_on(self, store: Store, keys_revision: Callable[[], int] | None = None) -> Engine:
        return Engine(store, Shelf(lambda: Prices(self.versions, {"USD": "standard"})), keys_revision)

    @contextmanager
    def other_process(self, keys_revision: Callable[[], int] | None = None) -> Iterator[Engine]:
        """One more engine on the same database, which shares nothing else with the first."""
        store = self.make_store(1)
        try:
            yield self.engine_on(store, keys_revision)
        finally:
            store.close()

    # ----------------------------------------------------------------------------------------- what is asked

    def run(self, *commands: Command) -> list[Answer]:
        answers = self.engine.run(commands)
        assert len(answers) == len(commands)
        self.check()
        return answers

    def check(self) -> None:
        assert wrong(self.snapshot()) == []

    # ----------------------------------------------------------------------------------------- what is there

    def organization(
        self, *lots: Lot, org_id: int = 1, debt: str = "0", credits_set_up: bool = True, **rules: Any
    ) -> None:
        self.database.write(EVERYBODY, _open, org_id, credits_set_up, rules, lots, usd(debt))

    def change(self, org_id: int = 1, **rules: Any) -> None:
        self.database.write(EVERYBODY, _change, org_id, rules)

    def assign(self, licences: Sequence[str], org_id: int = 1) -> None:
        """To its only user."""
        self.database.write(EVERYBODY, _assign, org_id, licences)

    def pool(self, pool_id: str, minutes: int, org_id: int = 1) -> None:
        self.database.write(EVERYBODY, _add_pool, org_id, pool_id, minutes)

    def minutes(self, pool_id: str, org_id: int = 1) -> tuple[int, int]:
        """Used and held of its first kind, over all months."""
        return self.database.read(EVERYBODY, _minutes, org_id, pool_id)

    def reported(self, org_id: int = 1) -> list[str]:
        """The calls of the usage rows."""
        return self.database.read(EVERYBODY, _reported, org_id)

    def fund(self, lot: Lot, org_id: int = 1) -> None:
        self.database.write(EVERYBODY, _fund, org_id, lot)

    def owe(self, debt: str, org_id: int = 1) -> None:
        self.database.write(EVERYBODY, _owe, org_id, usd(debt))

    def publish(self, *rows: Row, at: int = NOW) -> None:
        """A new version of the operator's list; the database tells every process that there is one."""
        self.versions.append(("standard", at, PriceList(4, rows)))
        self.database.write(EVERYBODY, _count_on, PRICES_REVISION)

    def snapshot(self) -> Snapshot:
        return self.database.read(EVERYBODY, _snapshot)


# ------------------------------------------------------------------------------------------------- steps


def _open(tx: Tx, org_id: int, credits_set_up: bool, rules: dict[str, Any], lots: Sequence[Lot], debt: int) -> None:
    tx.execute(insert(t.organizations), ORGANIZATION | rules | {"org_id": org_id})
    tx.execute(insert(t.accounts), {"org_id": org_id, "credits_set_up": credits_set_up})
    tx.execute(insert(t.users), USER | {"org_id": org_id, "user_id": "usr_ann", "name": "Ann"})
    names = ("ann", "usr_ann", "ann@example.com")
    tx.execute(insert(t.user_names), [{"org_id": org_id, "name": name, "user_id": "usr_ann"} for name in names])
    for lot in lots:
        _fund(tx, org_id, lot)
    if debt:
        _owe(tx, org_id, debt)


def _change(tx: Tx, org_id: int, rules: dict[str, Any]) -> None:
    tx.execute(update(t.organizations).where(t.organizations.c.org_id == org_id).values(rules))


def _assign(tx: Tx, org_id: int, licences: Sequence[str]) -> None:
    tx.execute(update(t.users).where(t.users.c.org_id == org_id).values(licences=json.dumps(licences)))


def _add_pool(tx: Tx, org_id: int, pool_id: str, minutes: int) -> None:
    row = {"org_id": org_id, "pool_id": pool_id, "capability": pool_id, "month": "2031-03"}
    tx.execute(insert(t.pools).values(first_total=minutes, first_high=minutes, **row))


def _minutes(tx: ReadTx, org_id: int, pool_id: str) -> tuple[int, int]:
    m = t.pool_months.c
    mine = select(func.sum(m.first_used), func.sum(m.first_held)).where(m.org_id == org_id, m.pool_id == pool_id)
    used, held = tx.execute(mine).one()
    return int(used), int(held)


def _reported(tx: ReadTx, org_id: int) -> list[str]:
    return list(tx.scalars(select(t.usage.c.call_id).where(t.usage.c.org_id == org_id)))


def _fund(tx: Tx, org_id: int, lot: Lot) -> None:
    row = {"org_id": org_id, "lot_id": lot.lot_id, "kind": "promotional" if lot.promotional else "paid"}
    row |= {"amount_micros": lot.posted, "posted_micros": lot.posted, "purchased_at": lot.purchased_at}
    tx.execute(insert(t.lots), row | {"expires_at": lot.expires_at, "priority": lot.priority, "state": "open"})
    posting = Posting(PROMOTION, lot_book(lot.lot_id), lot.posted)
    _append(tx, org_id, f"grant:{lot.lot_id}", EntryKind.GRANT, posting, lot.posted)


def _owe(tx: Tx, org_id: int, debt: int) -> None:
    account = t.accounts.c
    tx.execute(update(t.accounts).where(account.org_id == org_id).values(debt_micros=account.debt_micros + debt))
    _append(tx, org_id, "debt", EntryKind.ADJUSTMENT, Posting(DEBT, ADJUSTMENTS, debt), -debt)


def _append(tx: Tx, org_id: int, key: str, kind: EntryKind, posting: Posting, amount: int) -> None:
    account = t.accounts.c
    moved = {"posted_micros": account.posted_micros + amount, "last_entry_no": account.last_entry_no + 1}
    query = update(t.accounts).where(account.org_id == org_id).values(moved | {"last_at": NOW})
    balance, number = tx.execute(query.returning(account.posted_micros, account.last_entry_no)).one()
    row = {"org_id": org_id, "entry_id": entry_id(NOW, number, key), "entry_no": number, "entry_key": key, "at": NOW}
    row |= {"kind": kind.value, "amount_micros": amount, "balance_after": balance, "by": "test", "note": ""}
    tx.execute(insert(t.entries), row | {"postings": encode_postings((posting,)).decode()})


def _count_on(tx: Tx, name: str) -> None:
    tx.execute(update(t.control).where(t.control.c.name == name).values(value=t.control.c.value + 1))


def _snapshot(tx: ReadTx) -> Snapshot:
    def rows(table: Table, order: str, *columns: str) -> Iterator[Any]:
        picked = [table.c[name] for name in ("org_id", *columns)]
        ours = table.c.org_id != t.OPERATOR
        yield from tx.execute(select(*picked).where(ours).order_by(table.c.org_id, table.c[order]))

    counters = ("posted_micros", "held_micros", "debt_micros", "last_entry_no", "last_at")
    call = ("call_id", "version", "state", "held_micros", "charge_micros", "opened_at", "due_at", "switch", "story")
    entry = ("entry_id", "entry_no", "entry_key", "kind", "at", "amount_micros", "balance_after", "postings")
    return Snapshot(
        [AccountRow(*row) for row in rows(t.accounts, "org_id", *counters)],
        [LotRow(*row) for row in rows(t.lots, "lot_id", "lot_id", "posted_micros", "held_micros", "state")],
        [CallRow(*(*columns, decode_call(story))) for *columns, story in rows(t.calls, "call_id", *call)],
        [
            EntryRow(*(*columns, decode_postings(postings), by, note))
            for *columns, postings, by, note in rows(t.entries, "entry_no", *entry, "by", "note")
        ],
    )


# ------------------------------------------------------------------------------------------------- on both databases


class Empty:
    """Databases with the schema and nobody in them. Migrated once: SQLite's file is copied, PostgreSQL's is swept."""

    def __init__(self, folder: Path, postgres: Callable[[], Cluster]) -> None:
        self._file = folder / "empty.db"
        self._postgres = postgres

    def books_on(self, dialect: str, folder: Path) -> AbstractContextManager[Books]:
        return self._on_sqlite(folder) if dialect == "sqlite" else self._on_postgres()

    @contextmanager
    def _on_sqlite(self, folder: Path) -> Iterator[Books]:
        if not self._file.exists():
            migrated(SqliteDatabase(self._file)).close()
        with closing(SqliteDatabase(Path(shutil.copy(self._file, folder / "talktime.db")))) as database:
            yield Books(database, lambda lanes: SqliteStore(database))

    @contextmanager
    def _on_postgres(self) -> Iterator[Books]:
        # One for all tests: a copy for each would be 10 MB each time, which takes minutes on a busy disk.
        database, broom = self._shared
        broom.execute(SWEEP)
        with closing(PostgresStore(database.url)) as store:
            yield Books(database, lambda lanes: PostgresStore(database.url, lanes) if lanes else store)

    @cached_property
    def _shared(self) -> tuple[Database, psycopg.Connection]:
        cluster = self._postgres()
        database = migrated(PostgresDatabase(cluster.fresh_database()))
        superuser_url = cluster.superuser_url(database.url.rpartition("/")[2])
        return database, psycopg.connect(superuser_url, autocommit=True)

    def close(self) -> None:
        if "_shared" in self.__dict__:
            for one in self._shared:
                one.close()


# As the superuser: the product itself may delete no entry, and nothing of an organization it does not name.
SWEEP = ";".join(
    [
        *(f"DELETE FROM {table.name} WHERE org_id <> {t.OPERATOR}" for table in t.of_kind("organization")),
        f"UPDATE {t.control.name} SET value = 0",
    ]
)


def migrated(database: Database) -> Database:
    prepare(database)
    return database
