"""PostgreSQL: a batch is a few reads and a short list of array writes in one transaction, sent down a pipeline.

The texts stand here and not in SQLAlchemy's language: compiling and binding there costs more than deciding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from queue import SimpleQueue
from typing import Any

from msgspec.structs import astuple

from talktime.core.calls import Call, Key
from talktime.core.desk import Balance, Block, Changes, KeptTally, MovedLot
from talktime.core.fraud import Tally
from talktime.core.needs import Needs
from talktime.core.pool_book import MovedPool, PoolKey
from talktime.core.usage import Usage
from talktime.storage import notice_rows, pool_rows
from talktime.storage.alert_store import levels_of
from talktime.storage.errors import Busy, StoreError, StoreUnavailable
from talktime.storage.postgres_statements import (
    APPEND,
    BLOCK_TYPES,
    CALL_TYPES,
    ENTRY_TYPES,
    LOG_BLOCKS,
    MONTH_TYPES,
    NOTICE_TYPES,
    OPEN_CALLS,
    OPEN_MONTHS,
    OPEN_TALLIES,
    PLANS,
    PLANS_AGAIN,
    REPORT,
    TALLY_TYPES,
    TELL,
    UNLESS_THERE,
    USAGE_TYPES,
    Statements,
    insert_of,
    leading_octal,
)
from talktime.storage.store import (
    KEYS_REVISION,
    KNOWLEDGE_REVISION,
    PRICES_REVISION,
    After,
    Read,
    ReadMore,
    Woken,
    accounts_of,
    call_values,
    closed_lots,
    decode_call,
    encode_tally,
    entry_rows,
    lay_out,
    tallies_of,
    touched,
    users_of,
    woken,
)
from talktime.storage.wire import Statement, Wire, long, longs, texts

Row = tuple[Any, ...]
Told = tuple[dict[int, After], dict[PoolKey, tuple[int, int]]]
"""Of each organization that moved, and of each pool the minutes used."""
NOTHING = Changes({}, [], [], [], [])


class PostgresStore:
    def __init__(
        self, dsn: str, lanes: int = 2, shard_of: Callable[[int], int] | None = None, *, prepare: bool = True
    ) -> None:
        self.lanes = lanes
        self._shard_of = shard_of
        self._dsn = dsn
        self._prepare = prepare
        self._statements = Statements(everywhere=shard_of is not None)
        self._idle: SimpleQueue[Wire | None] = SimpleQueue()
        for _ in range(lanes):
            self._idle.put(None)

    def shard_of(self, org_id: int) -> int:
        return self._shard_of(org_id) if self._shard_of else 0

    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[PostgresTx]:
        wire = self._idle.get()
        try:
            if wire is None or wire.broken:
                wire = self._connected()
            tx = PostgresTx(wire, self._statements, org_ids, locked, () if self._prepare else PLANS_AGAIN)
            yield tx
            tx.commit()
        except StoreError:
            wire = self._undone(wire)
            raise
        except BaseException:
            wire = self._undone(wire)
            raise
        finally:
            self._idle.put(wire)

    @contextmanager
    def traced(self, file: int) -> Iterator[None]:
        """What is said meanwhile on any connection is written there."""
        with ExitStack() as stack:
            for _ in range(self.lanes):
                stack.enter_context(self._next().traced(file))
            yield

    def _next(self) -> Wire:
        """Whose turn it is, connected if it was not yet."""
        idle = self._idle.get()
        try:
            idle = wire = idle or self._connected()
            return wire
        finally:
            self._idle.put(idle)

    def _connected(self) -> Wire:
        return Wire(self._dsn, PLANS if self._prepare else "", prepare=self._prepare)

    def _undone(self, wire: Wire | None) -> Wire | None:
        """A connection that cannot even roll back is of no more use."""
        try:
            if wire and not wire.broken:
                wire.send(self._statements.rollback)
                wire.answers()
                return wire
        except StoreError:
            pass
        if wire:
            wire.close()
        return None

    def close(self) -> None:
        for _ in range(self.lanes):
            if wire := self._idle.get():
                wire.close()


class PostgresTx:
    def __init__(
        self,
        wire: Wire,
        statements: Statements,
        org_ids: Sequence[int],
        locked: bool,
        settings: Sequence[Statement] = (),
    ) -> None:
        self._wire = wire
        self._say = statements
        self._orgs = longs(org_ids)
        self._locked = locked
        wire.send(statements.begin)
        for one in (*settings, _scope(org_ids)):
            wire.send(one)

    def load(self, calls: Sequence[Key], names: Sequence[Key], numbers: Sequence[Key] = ()) -> Read:
        """Calls before money: what went meanwhile is found by a constraint, what came is welcome."""
        send, say = self._wire.send, self._say
        if self._locked:
            send(say.lock, self._orgs)
        self._send_keys(say.calls, calls)
        self._send_keys(say.users, names)
        self._send_keys(say.toll_free, numbers)
        send(say.accounts, self._orgs)
        send(say.revisions)
        send(say.lots, self._orgs)
        rows = iter(self._wire.answers())
        stories = [decode_call(story) for (story,) in next(rows)] if calls else []
        users = users_of(next(rows)) if names else {}
        toll_free = frozenset(next(rows)) if numbers else frozenset()
        known = {(call.org_id, call.call_id): call for call in stories}
        organizations, revisions = next(rows), dict(next(rows))
        accounts = accounts_of(organizations, next(rows))
        if closed := closed_lots(stories, accounts):
            lay_out(accounts, self._closed(closed))
        revised = (revisions[PRICES_REVISION], revisions[KEYS_REVISION], revisions[KNOWLEDGE_REVISION])
        return Read(accounts, known, users, *revised, toll_free)

    def load_more(self, needs: Needs) -> ReadMore:
        if needs.pools:
            org_ids, pool_ids, months = zip(*needs.pools, strict=True)
            self._wire.send(self._say.pools, longs(org_ids), texts(pool_ids), texts(months))
        self._send_keys(self._say.tallies, needs.tallies)
        self._send_keys(self._say.users, needs.users)
        rows = iter(self._wire.answers())
        pools = pool_rows.pools_of(next(rows)) if needs.pools else {}
        tallies = tallies_of(next(rows)) if needs.tallies else {}
        users = users_of(next(rows)) if needs.users else {}
        missing = [key for key in needs.tallies if key not in tallies]
        return ReadMore(pools, tallies | self._begin_to_count(missing), users)

    def _begin_to_count(self, users: Sequence[Key]) -> dict[Key, KeptTally]:
        """From what they have running now."""
        if not users:
            return {}
        self._send_keys(self._say.running, users)
        (rows,) = self._wire.answers()
        return {(org_id, user_id): KeptTally(Tally(count, held), 0) for org_id, user_id, count, held in rows}

    def _send_keys(self, statement: Statement, keys: Sequence[Key]) -> None:
        if keys:
            org_ids, rest = zip(*keys, strict=True)
            self._wire.send(statement, longs(org_ids), texts(rest))

    def _closed(self, lots: Sequence[Key]) -> Sequence[Row]:
        self._send_keys(self._say.closed_lots, lots)
        (rows,) = self._wire.answers()
        return rows

    def record(self, changes: Changes) -> None:
        """Accounts first and in order: each is the lock of all that is below it, and numbers its entries."""
        if changes == NOTHING:
            self._wire.send(self._say.mark)
            return
        balances = touched(changes)
        if balances:
            self._move(balances, changes.lots)
        if changes.changed:
            self._change(changes.changed)
        self._insert(OPEN_CALLS, CALL_TYPES, [_call_row(call) for call in changes.opened])
        self._send_judged(changes)
        if balances or changes.blocks or changes.usage:
            # Here, and only when something ends or grows, we wait for the database a second time.
            self._record_rest(changes, self._told(changes, bool(balances)))

    def _send_judged(self, changes: Changes) -> None:
        """What somebody else may have changed meanwhile."""
        self._move_pools(changes.pools)
        self._change_tallies(changes.tallies)
        if changes.blocks:
            org_ids, user_ids, ats, reasons = zip(*map(_block_fields, changes.blocks), strict=True)
            self._wire.send(self._say.block, longs(org_ids), texts(user_ids), longs(ats), texts(reasons))

    def _told(self, changes: Changes, moved: bool) -> Told:
        """What the database says of the changes; some of them may no longer have been possible."""
        rows = iter(self._wire.answers())
        after: dict[int, After] = {org_id: tuple(rest) for org_id, *rest in next(rows)} if moved else {}
        kept = [one for one in changes.tallies if one[1].version]
        if changes.changed and len(next(rows)) != len(changes.changed):
            raise Busy("a call was changed meanwhile")
        pools = next(rows) if changes.pools else []
        if len(pools) != len(changes.pools):
            raise Busy("the minutes of a pool went meanwhile")
        if kept and len(next(rows)) != len(kept):
            raise Busy("more was counted of a user meanwhile")
        if changes.blocks and len(next(rows)) != len(changes.blocks):
            raise Busy("a user was blocked meanwhile")
        return after, {(org_id, pool_id, month): (first, second) for org_id, pool_id, month, first, second in pools}

    def _record_rest(self, changes: Changes, told: Told) -> None:
        after, used = told
        self._insert(APPEND, ENTRY_TYPES, [_entry_row(row) for row in entry_rows(changes.entries, after)])
        self._send_keys(self._say.unreport, changes.unreported)
        self._insert(REPORT, USAGE_TYPES, [_usage_row(row) for row in changes.usage])
        self._insert(LOG_BLOCKS, BLOCK_TYPES, [_raw(notice_rows.block_row(block)) for block in changes.blocks])
        notices = [*map(notice_rows.block_notice, changes.blocks), *notice_rows.pool_notices(changes.pools, used)]
        notices += notice_rows.shortfall_notices(changes.entries)
        notices += self._wake(woken(changes.balances, after))
        self._insert(TELL, NOTICE_TYPES, [_raw(notice) for notice in notices], UNLESS_THERE)

    def _wake(self, fallen: Sequence[Woken]) -> list[notice_rows.Notice]:
        """Only where a balance is below what somebody cares about, we wait for the database once more."""
        if not fallen:
            return []
        org_ids = longs([one.org_id for one in fallen])
        self._wire.send(
            self._say.look_soon, org_ids, longs([one.fall.after for one in fallen]), longs([one.at for one in fallen])
        )
        self._wire.send(self._say.alerts, org_ids)
        levels = {org_id: levels_of(settings) for org_id, settings in next(iter(self._wire.answers()))}
        return [told for one in fallen for told in notice_rows.balance_notices(one, levels.get(one.org_id, ()))]

    def _move_pools(self, pools: Sequence[MovedPool]) -> None:
        if not pools:
            return
        new = [_raw(pool.key) for pool in pools if not pool.is_kept]
        self._insert(OPEN_MONTHS, MONTH_TYPES, new, UNLESS_THERE)
        rows = [(*pool.key, *pool_rows.steps(pool), *pool_rows.judged(pool, self._locked)) for pool in pools]
        org_ids, pool_ids, months, *counts = zip(*rows, strict=True)
        self._wire.send(self._say.move_pools, longs(org_ids), texts(pool_ids), texts(months), *map(longs, counts))

    def _change_tallies(self, tallies: Sequence[tuple[Key, KeptTally]]) -> None:
        rows = [(*key, kept.version, encode_tally(kept.tally)) for key, kept in tallies]
        if kept := [row for row in rows if row[2]]:
            org_ids, user_ids, versions, stories = zip(*kept, strict=True)
            self._wire.send(self._say.change_tallies, longs(org_ids), texts(user_ids), longs(versions), texts(stories))
        new = [
            (long(org_id), user_id.encode(), long(1), story) for org_id, user_id, version, story in rows if not version
        ]
        self._insert(OPEN_TALLIES, TALLY_TYPES, new)

    def _move(self, balances: Mapping[int, Balance], lots: Sequence[MovedLot]) -> None:
        by = balances.values()
        columns = (
            [one.posted for one in by],
            [one.held for one in by],
            [one.entries for one in by],
            [one.at for one in by],
        )
        self._wire.send(self._say.move_accounts, longs([*balances]), *map(longs, columns))
        if lots:
            org_ids, lot_ids, posted, held, when_empty = zip(*map(_lot_fields, lots), strict=True)
            self._wire.send(
                self._say.move_lots, longs(org_ids), texts(lot_ids), longs(posted), longs(held), texts(when_empty)
            )

    def _change(self, changed: Sequence[tuple[int, Call]]) -> None:
        rows = [(call.org_id, call.call_id, read, *call_values(call)) for read, call in changed]
        columns = zip(*rows, strict=True)
        self._wire.send(
            self._say.change_calls, *[write(column) for write, column in zip(_CHANGED, columns, strict=True)]
        )

    def _insert(
        self, into: str, types: Sequence[int], rows: Sequence[Sequence[bytes | None]], otherwise: str = ""
    ) -> None:
        """In pieces of d * 8**k rows: few pieces, and few statements to keep prepared."""
        start = 0
        while start < len(rows):
            size = leading_octal(len(rows) - start)
            self._wire.send(
                insert_of(into, tuple(types), size, otherwise), *chain.from_iterable(rows[start : start + size])
            )
            start += size

    def commit(self) -> None:
        self._wire.send(self._say.commit)
        self._wire.answers()
        if self._wire.in_transaction:
            raise StoreUnavailable("the transaction did not end")


_CHANGED: Sequence[Callable[[Sequence[Any]], bytes]] = (
    longs, texts, longs, longs, texts, longs, longs, longs, texts
)  # fmt: skip


def _lot_fields(lot: Any) -> tuple[int, str, int, int, str]:
    return lot.org_id, lot.lot_id, lot.posted, lot.held, lot.when_empty


def _call_row(call: Call) -> tuple[bytes | None, ...]:
    version, state, held, charge, due_at, story = call_values(call)
    key = (long(call.org_id), call.call_id.encode(), long(version), state.encode(), long(held), long(charge))
    about = (_word(call.switch), _word(call.caller), b"\x01" if call.is_emergency else b"\x00")
    return *key, long(due_at), story, long(call.opened_at), *about


def _word(value: str | None) -> bytes | None:
    return None if value is None else value.encode()


def _raw(row: Sequence[Any]) -> tuple[bytes | None, ...]:
    """Whole numbers and words as they are sent."""
    return tuple([long(value) if isinstance(value, int) else _word(value) for value in row])


def _usage_row(row: Usage) -> tuple[bytes | None, ...]:
    return _raw(astuple(row))


def _block_fields(block: Block) -> tuple[int, str, int, str]:
    return block.org_id, block.user_id, block.at, block.reason


def _entry_row(row: Row) -> tuple[bytes | None, ...]:
    org_id, entry_id, entry_no, key, kind, at, amount, balance, postings, by, note = row
    numbers = (long(at), long(amount), long(balance))
    words = (by.encode(), note.encode())
    return long(org_id), entry_id.encode(), long(entry_no), key.encode(), kind.encode(), *numbers, postings, *words


def _scope(org_ids: Sequence[int]) -> Statement:
    return Statement(f"SET LOCAL app.orgs = '{','.join(map(str, org_ids))}'", often=False)
