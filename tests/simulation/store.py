"""A database in memory that judges as PostgreSQL does: reads see what is committed, updates add up, constraints are
looked at when a transaction is committed, and whoever is locked stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import astuple, replace

from talktime.core.calls import Call, CallState, Key
from talktime.core.desk import Balance, Block, Changes, KeptTally, MovedLot
from talktime.core.fraud import OPEN, Guard, Tally
from talktime.core.lots import Lot, total
from talktime.core.needs import Needs
from talktime.core.organizations import Account, User
from talktime.core.policies import DEFAULT_POLICY
from talktime.core.pool_book import MovedPool, PoolKey
from talktime.core.pool_sizes import PoolRow
from talktime.core.usage import Usage
from talktime.storage import notice_rows, pool_rows
from talktime.storage.errors import Conflict
from talktime.storage.notice_rows import Notice
from talktime.storage.store import Read, ReadMore, call_values, decode_call, entry_rows, touched


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
    time_zone: str = "UTC"
    country: str = "GB"
    policy: str = DEFAULT_POLICY.value
    postpaid: bool = False
    guard: Guard = OPEN


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


class MonthRow(Struct, frozen=True):
    """The row of `pool_months`."""

    first_used: int = 0
    first_held: int = 0
    second_used: int = 0
    second_held: int = 0


EntryRow = tuple[Any, ...]
ENTRY_ID, ENTRY_NO, ENTRY_KEY, KIND, AT, AMOUNT, BALANCE, POSTINGS = range(1, 9)


class Watch(Protocol):
    """Who hears of every step of a transaction, and may hold it up, break it off or compare what it does."""

    def pause(self, point: str) -> None: ...

    def read_accounts(self, tx: MemoryTx) -> None: ...

    def read_calls(self, tx: MemoryTx) -> None: ...

    def read_lots(self, tx: MemoryTx) -> None: ...

    def read_pools(self, tx: MemoryTx) -> None: ...

    def read_tallies(self, tx: MemoryTx) -> None: ...

    def read_people(self, tx: MemoryTx, users: Sequence[Key]) -> None: ...

    def committing(self, tx: MemoryTx) -> None: ...

    def committed(self, tx: MemoryTx, before: Rows) -> None: ...


class Rows(Struct):
    """Some rows of the database, or all of them."""

    accounts: dict[int, AccountRow] = {}
    lots: dict[Key, LotRow] = {}
    calls: dict[Key, CallRow | None] = {}
    entries: list[EntryRow] = []
    months: dict[PoolKey, MonthRow | None] = {}
    tallies: dict[Key, KeptTally | None] = {}
    blocks: list[Block] = []
    unreported: list[Key] = []
    usage: list[Usage] = []
    notices: list[Notice] = []


class Memory:
    """The committed rows."""

    def __init__(self) -> None:
        self.accounts: dict[int, AccountRow] = {}
        self.lots: dict[int, dict[str, LotRow]] = {}
        self.calls: dict[Key, CallRow] = {}
        self.users: dict[Key, User] = {}
        """By their ids."""
        self.toll_free: set[Key] = set()
        self.pools: dict[Key, list[PoolRow]] = {}
        """As they were and, last, as they are."""
        self.months: dict[PoolKey, MonthRow] = {}
        self.tallies: dict[Key, KeptTally] = {}
        self.usage: dict[Key, list[Usage]] = {}
        """By their calls."""
        self.notices: dict[Key, Notice] = {}
        self.block_log: list[tuple[Any, ...]] = []
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
        self._apply_people(rows)

    def _apply_people(self, rows: Rows) -> None:
        self.months.update({key: row for key, row in rows.months.items() if row})
        self.tallies.update({key: kept for key, kept in rows.tallies.items() if kept})
        for block in rows.blocks:
            key = (block.org_id, block.user_id)
            self.users[key] = replace(self.users[key], blocked=True)
            self.block_log.append(notice_rows.block_row(block))
        for key in rows.unreported:
            self.usage.pop(key, None)
        for row in rows.usage:
            self.usage.setdefault((row.org_id, row.call_id), []).append(row)
        for notice in rows.notices:
            self.notices.setdefault((notice.org_id, notice.once), notice)

    def user_called(self, key: Key) -> User | None:
        return self.users.get((key[0], f"usr_{key[1]}"))

    def pool_rows(self, keys: Sequence[PoolKey]) -> list[tuple[Any, ...]]:
        """In the order in which they are selected."""
        return [self._pool_row(key) for key in keys if key[:2] in self.pools]

    def _pool_row(self, key: PoolKey) -> tuple[Any, ...]:
        pool, month = self.pools[key[0], key[1]][-1], self.months.get(key)
        sizes = (pool.first_total, pool.second_total, pool.first_high, pool.second_high, pool.month)
        return *key, *sizes, *(astuple(month) if month else (None,) * 4)

    def tally(self, key: Key) -> KeptTally:
        """Begun from what he has running now, if nobody has counted yet."""
        mine = [call_key for call_key in self.due if call_key[0] == key[0]] if key not in self.tallies else []
        running = [call for call in (decode_call(self.calls[one].story) for one in mine) if call.caller == key[1]]
        return self.tallies.get(key, KeptTally(Tally(len(running), sum(total(call.drawn) for call in running)), 0))


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
        users = {name: user for name in names if (user := memory.user_called(name))}
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
        toll_free = frozenset(memory.toll_free.intersection(numbers))
        return Read(accounts, known, users, revision, 0, toll_free=toll_free)

    def load_more(self, needs: Needs) -> ReadMore:
        memory = self._memory
        pools = pool_rows.pools_of(memory.pool_rows(needs.pools))
        self._watch.read_pools(self)
        self._watch.pause("pools are read")
        tallies = {key: memory.tally(key) for key in needs.tallies}
        self._watch.read_tallies(self)
        self._watch.pause("tallies are read")
        users = {key: memory.users[key] for key in needs.users}
        self._watch.read_people(self, needs.users)
        self._watch.pause("everything is read")
        return ReadMore(pools, tallies, users)

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
        for org_id in touched(changes):
            self._wait_for(org_id)
        rows = changed_rows(self._memory, changes, self._locked)
        judge(rows)
        self._watch.committing(self)
        before = before_rows(self._memory, rows)
        self._memory.apply(rows)
        self._watch.committed(self, before)
        self._watch.pause("it is committed")


def changed_rows(memory: Memory, changes: Changes, locked: bool = False) -> Rows:
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
    return with_people(Rows(accounts, lots, calls, entries), memory, changes, locked)


def with_people(rows: Rows, memory: Memory, changes: Changes, locked: bool) -> Rows:
    """Pools, tallies and blocks, what is reported and what somebody is told."""
    months = {pool.key: moved_month(memory.months.get(pool.key, MonthRow()), pool, locked) for pool in changes.pools}
    used = {key: (row.first_used, row.second_used) for key, row in months.items()}
    notices = [*map(notice_rows.block_notice, changes.blocks), *notice_rows.pool_notices(changes.pools, used)]
    for key, kept in changes.tallies:
        must_be_counted_once(memory, key, kept)
    for block in changes.blocks:
        must_not_be_blocked(memory, block)
    return replace(
        rows,
        months=dict(months),
        tallies={key: KeptTally(kept.tally, kept.version + 1) for key, kept in changes.tallies},
        blocks=changes.blocks,
        unreported=changes.unreported,
        usage=changes.usage,
        notices=notices,
    )


def moved_month(row: MonthRow, by: MovedPool, locked: bool) -> MonthRow:
    """What comes on top must still find room; where one cap closes both kinds, the other may not be reached."""
    first_total, second_total, either = pool_rows.judged(by, locked)
    first, second = row.first_used + row.first_held, row.second_used + row.second_held
    more_first, more_second = by.first_used + by.first_held, by.second_used + by.second_held
    if more_first > 0 and (first + more_first > first_total or (either and second >= second_total)):
        raise Conflict("the minutes of a pool went meanwhile")
    if more_second > 0 and (second + more_second > second_total or (either and first >= first_total)):
        raise Conflict("the minutes of a pool went meanwhile")
    moved = [old + more for old, more in zip(astuple(row), pool_rows.steps(by), strict=True)]
    if min(moved) < 0:
        raise Conflict("pool_months_first or pool_months_second")
    return MonthRow(*moved)


def must_be_counted_once(memory: Memory, key: Key, kept: KeptTally) -> None:
    there = memory.tallies.get(key)
    if kept.version != (there.version if there else 0):
        raise Conflict("more was counted of a user meanwhile")


def must_not_be_blocked(memory: Memory, block: Block) -> None:
    if memory.users[block.org_id, block.user_id].blocked:
        raise Conflict("a user was blocked meanwhile")


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
    before = Rows(accounts, lots, {key: memory.calls.get(key) for key in rows.calls}, rows.entries)
    before.months = {key: memory.months.get(key) for key in rows.months}
    before.tallies = {key: memory.tallies.get(key) for key in rows.tallies}
    before.blocks = rows.blocks
    return before


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
        row.time_zone,
        row.price_list,
        row.clock_at,
        row.country,
        row.policy,
        row.postpaid,
        guard=row.guard,
    )


def _lot(lot_id: str, row: LotRow) -> Lot:
    return Lot(lot_id, row.posted, row.held, row.purchased_at, row.expires_at, row.priority, row.promotional)
