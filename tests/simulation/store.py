"""A database in memory that judges as PostgreSQL does: reads see what is committed, updates add up, constraints are
looked at when a transaction is committed, and whoever is locked stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from talktime.core.calls import Call, CallState, Key
from talktime.core.desk import Balance, Changes, MovedLot
from talktime.core.lots import Lot
from talktime.core.needs import Needs
from talktime.core.organizations import Account, User
from talktime.storage.errors import Conflict
from talktime.storage.store import Read, ReadMore, call_values, decode_call, entry_rows


class AccountRow(Struct, frozen=True):
    """The row of `accounts` and what is read of `organizations`."""

    posted: int = 0
    held: int = 0
    debt: int = 0
    last_entry_no: int = 0
    last_at: int = 0
    credits_set_up: bool = False
    closed: bool = False
    slice_seconds: int = 300
    max_call_seconds: int = 3600
    grace_seconds: int = 120
    price_list: str | None = None
    clock_at: int | None = None


class LotRow(Struct, frozen=True):
    posted: int
    held: int
    purchased_at: int
    expires_at: int
    priority: int
    promotional: bool
    state: str = "open"


class CallRow(Struct, frozen=True):
    version: int
    state: str
    held: int
    charge: int
    due_at: int | None
    story: bytes


EntryRow = tuple[Any, ...]
ENTRY_ID, ENTRY_NO, ENTRY_KEY, KIND, AT, AMOUNT, BALANCE, POSTINGS = range(1, 9)


class Watch(Protocol):
    """Who hears of every step of a transaction, and may hold it up, break it off or compare what it does."""

    def pause(self, point: str) -> None: ...

    def read_accounts(self, tx: MemoryTx) -> None: ...

    def read_calls(self, tx: MemoryTx) -> None: ...

    def read_lots(self, tx: MemoryTx) -> None: ...

    def committing(self, tx: MemoryTx) -> None: ...

    def committed(self, tx: MemoryTx, before: Rows) -> None: ...


class Rows(Struct):
    """Some rows of the database, or all of them."""

    accounts: dict[int, AccountRow] = {}
    lots: dict[Key, LotRow] = {}
    calls: dict[Key, CallRow | None] = {}
    entries: list[EntryRow] = []


class Memory:
    """The committed rows."""

    def __init__(self) -> None:
        self.accounts: dict[int, AccountRow] = {}
        self.lots: dict[int, dict[str, LotRow]] = {}
        self.calls: dict[Key, CallRow] = {}
        self.users: dict[Key, User] = {}
        self.entries: dict[int, list[EntryRow]] = {}
        self.keys: set[tuple[int, str]] = set()
        self.due: dict[Key, int] = {}
        self.prices_revision = 0
        self.locked: dict[int, MemoryTx] = {}

    def account(self, org_id: int) -> Account:
        """As an action reads it, in one piece."""
        account = as_account(self.accounts[org_id])
        account.lots.extend(self.open_lots(org_id))
        return account

    def open_lots(self, org_id: int) -> list[Lot]:
        return [_lot(lot_id, row) for lot_id, row in self.lots[org_id].items() if row.state == "open"]

    def spent_lots(self, call: Call) -> list[Lot]:
        """Those that a correction may give back to."""
        mine = self.lots[call.org_id]
        return [_lot(one, mine[one]) for one in {part.lot_id: 0 for part in call.charged} if mine[one].state != "open"]

    def apply(self, rows: Rows) -> None:
        """All of it at once."""
        self.accounts.update(rows.accounts)
        for (org_id, lot_id), lot in rows.lots.items():
            self.lots[org_id][lot_id] = lot
        for key, call in rows.calls.items():
            assert call is not None
            self.calls[key] = call
            self.due.pop(key, None)
            if call.due_at is not None:
                self.due[key] = call.due_at
        for entry in rows.entries:
            self.entries[entry[0]].append(entry)
            self.keys.add((entry[0], entry[ENTRY_KEY]))


class MemoryStore:
    """One process's way to it."""

    lanes = 2

    def __init__(self, memory: Memory, watch: Callable[[], Watch]) -> None:
        self._memory = memory
        self._watch = watch

    def shard_of(self, org_id: int) -> int:
        return 0

    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[MemoryTx]:
        tx = MemoryTx(self._memory, self._watch(), org_ids, locked)
        try:
            yield tx
            tx.commit()
        finally:
            tx.unlock()

    def close(self) -> None:
        """Nothing is open."""


class MemoryTx:
    def __init__(self, memory: Memory, watch: Watch, org_ids: Sequence[int], locked: bool) -> None:
        self._memory = memory
        self._watch = watch
        self.org_ids = org_ids
        self._locked = locked
        self.keys: Sequence[Key] = ()
        self._changes: Changes | None = None

    # ---------------------------------------------------------------- reading

    def load(self, calls: Sequence[Key], names: Sequence[Key], numbers: Sequence[Key] = ()) -> Read:
        """In the order in which PostgreSQL is asked; others may commit between two questions."""
        memory, self.keys = self._memory, calls
        self._watch.pause("before it reads")
        if self._locked:
            self._lock()
        known = {key: decode_call(memory.calls[key].story) for key in calls if key in memory.calls}
        users = {name: memory.users[name] for name in names if name in memory.users}
        self._watch.read_calls(self)
        self._watch.pause("calls are read")
        accounts = {org_id: as_account(memory.accounts[org_id]) for org_id in self.org_ids if org_id in memory.accounts}
        revision = memory.prices_revision
        self._watch.read_accounts(self)
        self._watch.pause("accounts are read")
        for org_id, account in accounts.items():
            account.lots.extend(memory.open_lots(org_id))
        for call in known.values():
            if call.state is CallState.STALE:
                account = accounts[call.org_id]
                there = {lot.lot_id for lot in account.lots}
                account.lots.extend(lot for lot in memory.spent_lots(call) if lot.lot_id not in there)
        self._watch.read_lots(self)
        self._watch.pause("all is read")
        return Read(accounts, known, users, revision, 0)

    def load_more(self, needs: Needs) -> ReadMore:
        raise AssertionError("nobody here has a pool or is counted")

    def _lock(self) -> None:
        for org_id in self.org_ids:
            self._wait_for(org_id)
            self._memory.locked[org_id] = self

    def _wait_for(self, org_id: int) -> None:
        while self._memory.locked.get(org_id, self) is not self:
            self._watch.pause("it waits for a lock")

    def unlock(self) -> None:
        for org_id in [one for one, tx in self._memory.locked.items() if tx is self]:
            del self._memory.locked[org_id]

    # ---------------------------------------------------------------- writing

    def record(self, changes: Changes) -> None:
        self._watch.pause("it is decided")
        self._changes = changes

    def commit(self) -> None:
        changes = self._changes
        assert changes is not None
        for org_id in changes.balances:
            self._wait_for(org_id)
        rows = changed_rows(self._memory, changes)
        judge(rows)
        self._watch.committing(self)
        before = before_rows(self._memory, rows)
        self._memory.apply(rows)
        self._watch.committed(self, before)
        self._watch.pause("it is committed")


def changed_rows(memory: Memory, changes: Changes) -> Rows:
    accounts = {org_id: moved_account(memory.accounts[org_id], by) for org_id, by in changes.balances.items()}
    lots = {(lot.org_id, lot.lot_id): moved_lot(memory.lots[lot.org_id][lot.lot_id], lot) for lot in changes.lots}
    calls: dict[Key, CallRow | None] = {}
    for call in changes.opened:
        must_be_new(memory, call)
        calls[call.org_id, call.call_id] = call_row(call)
    for read, call in changes.changed:
        must_be_unchanged(memory, call, read)
        calls[call.org_id, call.call_id] = call_row(call)
    after = {org_id: (row.posted, row.last_entry_no, row.last_at) for org_id, row in accounts.items()}
    entries = list(entry_rows(changes.entries, after))
    for entry in entries:
        if (entry[0], entry[ENTRY_KEY]) in memory.keys:
            raise Conflict(f"entries_once: {entry[ENTRY_KEY]}")
    return Rows(accounts, lots, calls, entries)


def must_be_new(memory: Memory, call: Call) -> None:
    if (call.org_id, call.call_id) in memory.calls:
        raise Conflict(f"calls_pkey: {call.call_id}")


def must_be_unchanged(memory: Memory, call: Call, read: int) -> None:
    if memory.calls[call.org_id, call.call_id].version != read:
        raise Conflict("a call was changed meanwhile")


def judge(rows: Rows) -> None:
    """The CHECK constraints of `storage/tables.py`."""
    for account in rows.accounts.values():
        if account.held < 0 or account.debt < 0 or account.posted + account.debt < account.held:
            raise Conflict("accounts_held, accounts_debt or accounts_covered")
    for lot in rows.lots.values():
        if not 0 <= lot.held <= lot.posted:
            raise Conflict("lots_held")


def before_rows(memory: Memory, rows: Rows) -> Rows:
    accounts = {org_id: memory.accounts[org_id] for org_id in rows.accounts}
    lots = {(org_id, lot_id): memory.lots[org_id][lot_id] for org_id, lot_id in rows.lots}
    return Rows(accounts, lots, {key: memory.calls.get(key) for key in rows.calls}, rows.entries)


def moved_account(row: AccountRow, by: Balance) -> AccountRow:
    return replace(
        row,
        posted=row.posted + by.posted,
        held=row.held + by.held,
        last_entry_no=row.last_entry_no + by.entries,
        last_at=max(row.last_at, by.at),
    )


def moved_lot(row: LotRow, by: MovedLot) -> LotRow:
    posted = row.posted + by.posted
    return replace(row, posted=posted, held=row.held + by.held, state="open" if posted > 0 else by.when_empty)


def call_row(call: Call) -> CallRow:
    return CallRow(*call_values(call))


def as_account(row: AccountRow) -> Account:
    return Account(
        "USD",
        [],
        row.posted,
        row.held,
        row.debt,
        row.last_entry_no,
        row.credits_set_up,
        row.closed,
        row.slice_seconds,
        row.max_call_seconds,
        row.grace_seconds,
        price_list=row.price_list,
        clock_at=row.clock_at,
    )


def _lot(lot_id: str, row: LotRow) -> Lot:
    return Lot(lot_id, row.posted, row.held, row.purchased_at, row.expires_at, row.priority, row.promotional)
