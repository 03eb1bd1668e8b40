"""PostgreSQL: a batch is a few reads and a short list of array writes in one transaction, sent down a pipeline.

The texts stand here and not in SQLAlchemy's language: compiling and binding there costs more than deciding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from queue import SimpleQueue
from typing import Any

from talktime.core.calls import Call, Key
from talktime.core.desk import Balance, Changes, MovedLot
from talktime.core.organizations import User
from talktime.storage.errors import Busy, StoreError, StoreUnavailable
from talktime.storage.store import (
    ACCOUNT_COLUMNS,
    KEYS_REVISION,
    LOT_COLUMNS,
    PRICES_REVISION,
    Read,
    accounts_of,
    call_values,
    closed_lots,
    decode_call,
    entry_rows,
    lay_out,
)
from talktime.storage.wire import INT8, INT8_ARRAY, MARK, TEXT, TEXT_ARRAY, Statement, Wire, long, longs, texts

# Every statement is one probe of an index for each key, in the order of the arrays: so two batches never wait for each
# other, and no plan made for empty tables can live on as a scan. They are given at connect; behind a pooler that drops
# them they belong to the role.
PLANS = " ".join(
    f"-c {setting}"
    for setting in (
        "enable_seqscan=off",
        "enable_bitmapscan=off",
        "enable_hashjoin=off",
        "enable_mergejoin=off",
        "enable_material=off",
        "jit=off",
        "lock_timeout=2000",
    )
)

Row = tuple[Any, ...]


class Statements:
    """`everywhere` names the organizations beside the join key, too: where rows are spread by organization a plan needs
    that to stay in one place. Elsewhere it is left out, since the array would be sorted anew at every probe."""

    def __init__(self, everywhere: bool) -> None:
        def also(alias: str) -> str:
            return f" AND {alias}.org_id = ANY($1)" if everywhere else ""

        self.begin = Statement("BEGIN")
        self.commit = Statement("COMMIT")
        self.rollback = Statement("ROLLBACK")
        self.mark = Statement(MARK)
        accounts = f"""SELECT {ACCOUNT_COLUMNS} FROM accounts a JOIN organizations o ON o.org_id = a.org_id{also("o")}
WHERE a.org_id = ANY($1)"""
        self.accounts = Statement(accounts, [INT8_ARRAY], rows=True)
        self.lock = Statement("SELECT 1 FROM accounts WHERE org_id = ANY($1) ORDER BY org_id FOR UPDATE", [INT8_ARRAY])
        self.lots = Statement(
            f"SELECT {LOT_COLUMNS} FROM lots l WHERE l.org_id = ANY($1) AND l.state = 'open'", [INT8_ARRAY], rows=True
        )
        self.closed_lots = Statement(
            f"""SELECT {LOT_COLUMNS} FROM unnest($1::bigint[], $2::text[]) AS k(org_id, lot_id)
JOIN lots l ON l.org_id = k.org_id AND l.lot_id = k.lot_id{also("l")} WHERE l.state IN ('spent', 'expired')""",
            [INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.calls = Statement(
            f"""SELECT c.story FROM unnest($1::bigint[], $2::text[]) AS k(org_id, call_id)
JOIN calls c ON c.org_id = k.org_id AND c.call_id = k.call_id{also("c")}""",
            [INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.users = Statement(
            f"""SELECT u.org_id, u.name, u.user_id FROM unnest($1::bigint[], $2::text[]) AS k(org_id, name)
JOIN user_names u ON u.org_id = k.org_id AND u.name = k.name{also("u")}""",
            [INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.revisions = Statement("SELECT name, value FROM control", rows=True)
        self.move_accounts = Statement(
            f"""UPDATE accounts a SET posted_micros = a.posted_micros + m.posted, held_micros = a.held_micros + m.held,
last_entry_no = a.last_entry_no + m.entries, last_at = GREATEST(a.last_at, m.at)
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
AS m(org_id, posted, held, entries, at)
WHERE a.org_id = m.org_id{also("a")} RETURNING a.org_id, a.posted_micros, a.last_entry_no, a.last_at""",
            [INT8_ARRAY] * 5,
            rows=True,
        )
        self.move_lots = Statement(
            f"""UPDATE lots l SET posted_micros = l.posted_micros + m.posted, held_micros = l.held_micros + m.held,
state = CASE WHEN l.posted_micros + m.posted = 0 THEN m.when_empty WHEN l.state = 'frozen' THEN l.state ELSE 'open' END
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
AS m(org_id, lot_id, posted, held, when_empty)
WHERE l.org_id = m.org_id AND l.lot_id = m.lot_id{also("l")}""",
            [INT8_ARRAY, TEXT_ARRAY, INT8_ARRAY, INT8_ARRAY, TEXT_ARRAY],
        )
        self.change_calls = Statement(
            f"""UPDATE calls c SET version = m.version, state = m.state, held_micros = m.held, charge_micros = m.charge,
due_at = m.due, story = m.story FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[],
$6::bigint[], $7::bigint[], $8::bigint[], $9::text[])
AS m(org_id, call_id, read, version, state, held, charge, due, story)
WHERE c.org_id = m.org_id AND c.call_id = m.call_id{also("c")} AND c.version = m.read RETURNING 1""",
            [
                INT8_ARRAY,
                TEXT_ARRAY,
                INT8_ARRAY,
                INT8_ARRAY,
                TEXT_ARRAY,
                INT8_ARRAY,
                INT8_ARRAY,
                INT8_ARRAY,
                TEXT_ARRAY,
            ],
            rows=True,
        )


OPEN_CALLS = """INSERT INTO calls (org_id, call_id, version, state, held_micros, charge_micros, due_at, story,
opened_at, switch) VALUES """
CALL_TYPES = [INT8, TEXT, INT8, TEXT, INT8, INT8, INT8, TEXT, INT8, TEXT]
APPEND = """INSERT INTO entries (org_id, entry_id, entry_no, entry_key, kind, at, amount_micros, balance_after,
postings, by, note) VALUES """
ENTRY_TYPES = [INT8, TEXT, INT8, TEXT, TEXT, INT8, INT8, INT8, TEXT, TEXT, TEXT]


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
                wire = Wire(self._dsn, PLANS, prepare=self._prepare)
            tx = PostgresTx(wire, self._statements, org_ids, locked)
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
    def __init__(self, wire: Wire, statements: Statements, org_ids: Sequence[int], locked: bool) -> None:
        self._wire = wire
        self._say = statements
        self._orgs = longs(org_ids)
        self._locked = locked
        wire.send(statements.begin)
        wire.send(_scope(org_ids))

    def load(self, calls: Sequence[Key], names: Sequence[Key]) -> Read:
        """Calls before money: what went meanwhile is found by a constraint, what came is welcome."""
        send, say = self._wire.send, self._say
        if self._locked:
            send(say.lock, self._orgs)
        self._send_keys(say.calls, calls)
        self._send_keys(say.users, names)
        send(say.accounts, self._orgs)
        send(say.revisions)
        send(say.lots, self._orgs)
        rows = iter(self._wire.answers())
        stories = [decode_call(story) for (story,) in next(rows)] if calls else []
        users = {(org_id, name): User(user_id) for org_id, name, user_id in next(rows)} if names else {}
        known = {(call.org_id, call.call_id): call for call in stories}
        organizations, revisions = next(rows), dict(next(rows))
        accounts = accounts_of(organizations, next(rows))
        if closed := closed_lots(stories, accounts):
            lay_out(accounts, self._closed(closed))
        return Read(accounts, known, users, revisions[PRICES_REVISION], revisions[KEYS_REVISION])

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
        if not (changes.balances or changes.changed or changes.opened):
            self._wire.send(self._say.mark)
            return
        balances = _touched(changes)
        if balances:
            self._move(balances, changes.lots)
        if changes.changed:
            self._change(changes.changed)
        self._insert(OPEN_CALLS, CALL_TYPES, [_call_row(call) for call in changes.opened])
        if not changes.entries and not changes.changed:
            return
        # Here, and only when something ends or grows, we wait for the database a second time.
        rows = iter(self._wire.answers())
        after = {org_id: (posted, no, at) for org_id, posted, no, at in next(rows)} if balances else {}
        if changes.changed and len(next(rows)) != len(changes.changed):
            raise Busy("a call was changed meanwhile")
        self._insert(APPEND, ENTRY_TYPES, [_entry_row(row) for row in entry_rows(changes.entries, after)])

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

    def _insert(self, into: str, types: Sequence[int], rows: Sequence[Sequence[bytes | None]]) -> None:
        """In pieces of d * 8**k rows: few pieces, and few statements to keep prepared."""
        start = 0
        while start < len(rows):
            size = leading_octal(len(rows) - start)
            self._wire.send(_insert_of(into, tuple(types), size), *chain.from_iterable(rows[start : start + size]))
            start += size

    def commit(self) -> None:
        self._wire.send(self._say.commit)
        self._wire.answers()
        if self._wire.in_transaction:
            raise StoreUnavailable("the transaction did not end")


_CHANGED: Sequence[Callable[[Sequence[Any]], bytes]] = (
    longs, texts, longs, longs, texts, longs, longs, longs, texts
)  # fmt: skip


def _touched(changes: Changes) -> Mapping[int, Balance]:
    """Whoever changes a call has the lock of its account, though no money moves: an extend when nothing is left."""
    without = {call.org_id for _, call in changes.changed} - changes.balances.keys()
    return (
        dict(sorted([*changes.balances.items(), *[(one, Balance()) for one in without]]))
        if without
        else changes.balances
    )


def _lot_fields(lot: Any) -> tuple[int, str, int, int, str]:
    return lot.org_id, lot.lot_id, lot.posted, lot.held, lot.when_empty


def _call_row(call: Call) -> tuple[bytes | None, ...]:
    version, state, held, charge, due_at, story = call_values(call)
    key = (long(call.org_id), call.call_id.encode(), long(version), state.encode(), long(held), long(charge))
    return *key, long(due_at), story, long(call.opened_at), call.switch.encode() if call.switch else None


def _entry_row(row: Row) -> tuple[bytes | None, ...]:
    org_id, entry_id, entry_no, key, kind, at, amount, balance, postings, by, note = row
    numbers = (long(at), long(amount), long(balance))
    words = (by.encode(), note.encode())
    return long(org_id), entry_id.encode(), long(entry_no), key.encode(), kind.encode(), *numbers, postings, *words


def leading_octal(number: int) -> int:
    unit = 1 << (number.bit_length() - 1) // 3 * 3
    return number // unit * unit


@cache
def _insert_of(into: str, types: tuple[int, ...], rows: int) -> Statement:
    width = len(types)
    places = [f"({', '.join(f'${row * width + n}' for n in range(1, width + 1))})" for row in range(rows)]
    return Statement(into + ", ".join(places), types * rows)


def _scope(org_ids: Sequence[int]) -> Statement:
    return Statement(f"SET LOCAL app.orgs = '{','.join(map(str, org_ids))}'", often=False)
