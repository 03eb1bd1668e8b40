"""Organizations on a real database, with the engine, the sweep and the actions of the product, beside the reference."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import insert

from talktime.actions import blocking, funds, organizations, people
from talktime.actions.audit import Actor
from talktime.actions.test_clocks import move
from talktime.charging import due
from talktime.charging.engine import Engine, Shelf
from talktime.core.calls import Answer, Command, Key, Touch
from talktime.core.money import decimal
from talktime.core.months import month_of
from talktime.core.policies import DEFAULT_POLICY
from talktime.core.pool_sizes import Minutes, PoolName, resized
from talktime.storage import org_store, pool_store, schema, user_store, verify_pools
from talktime.storage import tables as t
from talktime.storage.adjustment_store import BOOKED, Adjustment
from talktime.storage.database import EVERYBODY, Database, PostgresDatabase, SqliteDatabase, Tx
from talktime.storage.errors import StoreUnavailable
from talktime.storage.org_store import Organization
from talktime.storage.postgres_store import PostgresStore
from talktime.storage.sqlite_store import SqliteStore
from talktime.storage.store import BatchTx, Store, decode_call, decode_postings, decode_tally
from talktime.storage.user_store import UserRow
from talktime.storage.verify import verify
from tests.core.switch import NO_GUARD
from tests.simulation import mirror
from tests.simulation.mirror import expect
from tests.simulation.reference import Dict, Reference
from tests.simulation.setting import FREEPHONE, START, LotPlan, OrgPlan, as_prices, price_lists
from tests.support.postgres import Cluster

BY = "administrator"
# Where there is such a place: nothing here is meant to survive.
IN_MEMORY = Path("/dev/shm")
FOR_EVER = 30 * 365 * 86_400_000_000


Look = Callable[[str], Sequence[Any]]
"""Rows by a query."""


class Forgetful:
    """A store that may lose the connection while it commits: it was committed, and nobody has heard of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.lanes = store.lanes
        self.shard_of = store.shard_of
        self.close = store.close
        self.loses_next = False

    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[BatchTx]:
        with self._store.transaction(org_ids, locked) as tx:
            yield tx
        if self.loses_next:
            self.loses_next = False
            raise StoreUnavailable("the connection is lost in COMMIT")


class Rows(Struct):
    """What the database has of one organization."""

    money: Dict
    calls: dict[str, Dict | None]


class Shop:
    def __init__(self, database: Database, store: Store, look: Look) -> None:
        self._database = database
        self._look = look
        self._store = Forgetful(store)
        self._price_lists = price_lists()
        self._engine = Engine(self._store, Shelf(lambda: as_prices(self._price_lists)))
        self._numbers = count(1)
        self.commands = 0

    def new_reference(self) -> Reference:
        return Reference(self._price_lists)

    def close(self) -> None:
        self._store.close()
        self._database.close()

    # ---------------------------------------------------------------- calls

    def run(self, reference: Reference, commands: Sequence[Command], lost: bool = False) -> list[Answer]:
        """Both do it. A commit of which nobody has heard is done again, in both."""
        self._store.loses_next = lost
        answers = self._engine.run(commands)
        for _ in range(1 + lost):
            wanted = [reference.do(command) for command in commands]
        for command, answer, told in zip(commands, answers, wanted, strict=True):
            expect(f"the answer to {command}", mirror.said(answer), told)
        self.commands += len(commands)
        self.compare(reference, {(command.org_id, command.call_id) for command in commands})
        return answers

    def sweep(self, reference: Reference, now: int) -> None:
        due.sweep(self._database, lambda commands: self._run_mine(reference, commands), now)

    def move_clock(self, reference: Reference, org_id: int, to: int) -> None:
        """What falls due on the way happens at its instant."""

        def at_its_instant(commands: Sequence[Command]) -> list[Answer]:
            reference.orgs[org_id]["clock"] = commands[0].at
            return self.run(reference, commands)

        move(self._database, org_id, to, [partial(due.next_step, self._database, at_its_instant)])
        reference.orgs[org_id]["clock"] = to

    def _run_mine(self, reference: Reference, commands: Sequence[Command]) -> list[Answer]:
        """Others may have left something behind that is due."""
        mine = [command for command in commands if command.org_id in reference.orgs]
        return self.run(reference, mine) if mine else []

    # ---------------------------------------------------------------- actions

    def add_org(self, reference: Reference, plan: OrgPlan) -> int:
        org_id = next(self._numbers)
        self._database.write(org_id, _add_org, org_id, plan)
        mirror.add_org(reference, replace(plan, org_id=org_id))
        return org_id

    def grant(self, reference: Reference, org_id: int, amount: int, expires_at: int, priority: int, now: int) -> None:
        name = f"{next(self._numbers):032x}"
        command = funds.Grant(name, amount, expires_at, priority)
        self._database.write(org_id, funds.grant, org_id, command, Actor(BY, now))
        at = reference.orgs[org_id]["clock"] or now
        lot = LotPlan(f"lot_{name}", amount, at, expires_at, priority, promotional=True)
        mirror.grant(reference, org_id, lot, at)
        self.compare(reference, {(org_id, "")})

    def take(self, reference: Reference, org_id: int, amount: int, now: int) -> None:
        name = f"adj_{next(self._numbers):032x}"
        adjustment = Adjustment(name, -amount, "", BOOKED, BY, None, now)
        self._database.write(org_id, funds.adjust, org_id, adjustment, amount, Actor(BY, now))
        mirror.take(reference, org_id, amount, reference.orgs[org_id]["clock"] or now)
        self.compare(reference, {(org_id, "")})

    def close_org(self, reference: Reference, org_id: int, now: int) -> None:
        self._database.write(org_id, organizations.close, org_id, Actor(BY, now))
        reference.orgs[org_id]["closed"] = True

    # ---------------------------------------------------------------- people

    def resize(self, reference: Reference, org_id: int, name: PoolName, size: tuple[int, int], now: int) -> None:
        """As licences come and go."""
        at = reference.orgs[org_id]["clock"] or now
        self._database.write(org_id, _resize, org_id, name, Minutes(*size), at)
        mirror.resize(reference, org_id, name.pool_id, size, at)

    def assign(self, reference: Reference, org_id: int, user_id: str, codes: tuple[str, ...]) -> None:
        self._database.write(org_id, _assign, org_id, user_id, codes)
        mirror.change_person(reference, org_id, user_id, codes=codes)

    def restrict(self, reference: Reference, org_id: int, user_id: str, policy: str | None, now: int) -> None:
        self._database.write(org_id, people.set_policy, org_id, user_id, policy, Actor(BY, now))
        mirror.change_person(reference, org_id, user_id, policy=policy)

    def block(self, reference: Reference, org_id: int, user_id: str, blocked: bool, now: int) -> None:
        if blocked:
            self._database.write(org_id, blocking.block, org_id, user_id, "Tenant Requested", Actor(BY, now))
        else:
            self._database.write(org_id, blocking.unblock, org_id, user_id, Actor(BY, now))
        mirror.change_person(reference, org_id, user_id, blocked=blocked)

    # ---------------------------------------------------------------- comparing

    def compare(self, reference: Reference, keys: set[Key]) -> None:
        for org_id in sorted({org_id for org_id, _ in keys} & set(reference.orgs)):
            call_ids = [call_id for org, call_id in keys if org == org_id]
            rows = _rows(self._look, org_id, call_ids)
            expect(f"money of {org_id}", rows.money, mirror.amounts(reference.orgs[org_id]))
            wanted = {call_id: mirror.told_call(reference.calls.get((org_id, call_id))) for call_id in call_ids}
            expect(f"calls of {org_id}", rows.calls, wanted)
            self._compare_people(reference.orgs[org_id], org_id)

    def _compare_people(self, org: Dict, org_id: int) -> None:
        expect(f"minutes of {org_id}", _minutes(self._look, org_id), mirror.minutes(org))
        expect(f"counted in {org_id}", _counted(self._look, org_id), mirror.counted(org))
        rows = self._look(f"SELECT user_id FROM users WHERE org_id = {org_id} AND blocked_at IS NOT NULL")
        blocked = {user_id for user_id, person in org["people"].items() if person["blocked"]}
        expect(f"blocked in {org_id}", {user_id for (user_id,) in rows}, blocked)

    def finish(self, reference: Reference, now: int) -> None:
        """Long after the last call: nothing is held, what could expire has, and all books are as they should be."""
        later = now + FOR_EVER
        for org_id, org in reference.orgs.items():
            if org["clock"]:
                self.move_clock(reference, org_id, later)
        self.sweep(reference, later)
        for org_id, org in reference.orgs.items():
            self.run(reference, [Touch(org_id, "", later, "clock")])
            expect(f"held by {org_id}", org["held"], 0)
            found = _entries(self._look, org_id)
            wanted = {key: postings for (org, key), postings in reference.entries.items() if org == org_id}
            expect(f"entries of {org_id}", found, {key: mirror.summed(one) for key, one in wanted.items()})
            expect(f"usage of {org_id}", _usage(self._look, org_id), _told_usage(reference, org_id))
        self.compare(reference, set(reference.calls))

    def verify(self) -> None:
        """By the product's own check, of everything that was ever done here."""
        # Pools are as large as a test says, whatever licences there are.
        with patch.object(verify_pools, "check_sizes", lambda *_: None):
            expect("findings of `talktime verify`", verify(self._database).findings, [])
        for what, query in NEVER.items():
            expect(what, list(self._look(query)), [])


# ---------------------------------------------------------------- steps


def _add_org(tx: Tx, org_id: int, plan: OrgPlan) -> None:
    mode, account = "test" if plan.clock_at else "live", "postpaid" if plan.postpaid else "prepaid"
    fixed = ("Example", plan.country, "USD", plan.time_zone, "en", mode, account, DEFAULT_POLICY.value)
    limits = (plan.slice_seconds, plan.max_call_seconds, plan.grace_seconds, _limits(plan.guard))
    org_store.add(tx, Organization(org_id, *fixed, plan.price_list, *limits, "open", START, plan.clock_at))
    for name, person in plan.people.items():
        about = (name, name, person.home, None, "person", "en", json.dumps(person.codes), START)
        user_store.add(tx, org_id, [UserRow(f"usr_{name}", *about)])
    number = {"number": FREEPHONE, "number_id": "num_1", "type": "toll_free", "serves": "queue", "created_at": START}
    tx.execute(insert(t.service_numbers), number | {"org_id": org_id})


def _limits(guard: Dict) -> str:
    """Money is told as a decimal."""
    given = {name: decimal(value) if name.startswith("spend") else value for name, value in guard.items()}
    return json.dumps({"fraud": NO_GUARD | given})


def _resize(tx: Tx, org_id: int, name: PoolName, minutes: Minutes, now: int) -> None:
    org = org_store.lock(tx, org_id)
    assert org is not None
    old = pool_store.find(tx, org_id, name.pool_id)
    write = pool_store.change if old else pool_store.add
    write(tx, org_id, [resized(old, name, minutes, month_of(now, org.time_zone))])


def _assign(tx: Tx, org_id: int, user_id: str, codes: tuple[str, ...]) -> None:
    """Without a look at what was bought: pools are sized by themselves here."""
    user = user_store.find(tx, org_id, user_id)
    assert user is not None
    user_store.change(tx, org_id, [replace(user, licences=json.dumps(codes))])


def _rows(look: Look, org_id: int, call_ids: Sequence[str]) -> Rows:
    """Past SQLAlchemy: this is asked after every batch."""

    def of(table: str, columns: str) -> Sequence[Any]:
        return look(f"SELECT {columns} FROM {table} WHERE org_id = {org_id}")

    ((posted, held, debt),) = of("accounts", "posted_micros, held_micros, debt_micros")
    lots = {row[0]: tuple(row[1:]) for row in of("lots", "lot_id, posted_micros, held_micros")}
    calls = {call_id: mirror.said_call(decode_call(story)) for call_id, story in of("calls", "call_id, story")}
    money = {"posted": posted, "held": held, "debt": debt, "lots": lots}
    return Rows(money, {call_id: calls.get(call_id) for call_id in call_ids})


def _minutes(look: Look, org_id: int) -> Counter[tuple[str, str, int, str]]:
    found: Counter[tuple[str, str, int, str]] = Counter()
    rows = look(f"""SELECT pool_id, month, first_used, first_held, second_used, second_held FROM pool_months
WHERE org_id = {org_id}""")
    for pool, month, *counts in rows:
        for place, number in enumerate(counts):
            found[pool, month, place // 2, ("used", "held")[place % 2]] = number
    return +found


def _counted(look: Look, org_id: int) -> Dict:
    rows = look(f"SELECT user_id, story FROM tallies WHERE org_id = {org_id}")
    tallies = {user_id: decode_tally(story) for user_id, story in rows}
    return {user_id: (one.open_calls, one.held, one.seen) for user_id, one in tallies.items()}


def _usage(look: Look, org_id: int) -> dict[str, list[tuple[Any, ...]]]:
    """By calls: capability, payer, minutes, charge."""
    rows = look(f"""SELECT call_id, capability, payer, minutes, charge_micros FROM usage WHERE org_id = {org_id}
ORDER BY call_id, part""")
    found: dict[str, list[tuple[Any, ...]]] = {}
    for call_id, *about in rows:
        found.setdefault(call_id, []).append(tuple(about))
    return found


def _told_usage(reference: Reference, org_id: int) -> dict[str, list[tuple[Any, ...]]]:
    settled = {one: call["settled"] for (org, one), call in reference.calls.items() if org == org_id}
    return {call_id: list(said[4]) for call_id, said in settled.items() if said and said[4]}


NEVER = {
    "minutes held when all is over": "SELECT * FROM pool_months WHERE first_held <> 0 OR second_held <> 0",
    "pools that were overdrawn": """SELECT m.* FROM pool_months m JOIN pools p USING (org_id, pool_id)
WHERE m.month = p.month AND (m.first_used > p.first_high OR m.second_used > p.second_high)""",
    "months of no pool": """SELECT m.* FROM pool_months m LEFT JOIN pools p USING (org_id, pool_id)
WHERE p.pool_id IS NULL""",
    "pools of which nobody was told that they are used up": """SELECT p.* FROM pool_months m
JOIN pools p USING (org_id, pool_id) WHERE m.month = p.month AND p.first_total = p.first_high AND p.first_high > 0
AND m.first_used = p.first_high AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.org_id = p.org_id
AND n.once = 'pool_100_percent:' || p.pool_id || ':first:' || m.month)""",
    "who is blocked without a row in the log": """SELECT u.user_id FROM users u WHERE u.blocked_at IS NOT NULL
AND (SELECT b.mode FROM user_blocks b WHERE b.org_id = u.org_id AND b.user_id = u.user_id
ORDER BY b.block_id DESC LIMIT 1) <> 'Blocked'""",
    "usage that does not add up": """SELECT c.call_id FROM calls c WHERE c.charge_micros <>
(SELECT COALESCE(sum(u.charge_micros), 0) FROM usage u WHERE u.org_id = c.org_id AND u.call_id = c.call_id)""",
}
"""What these queries find is wrong."""


def _entries(look: Look, org_id: int) -> Dict:
    rows = look(f"SELECT entry_key, postings FROM entries WHERE org_id = {org_id} AND kind = 'charge'")
    return {key: mirror.summed(decode_postings(postings)) for key, postings in rows}


# ---------------------------------------------------------------- on both databases


@contextmanager
def sqlite_shop() -> Iterator[Shop]:
    place = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="talktime-shop-", dir=place) as folder:
        database = SqliteDatabase(Path(folder) / "talktime.db")
        schema.prepare(database)
        with closing(
            Shop(database, SqliteStore(database), lambda sql: database.connection.execute(sql).fetchall())
        ) as shop:
            yield shop


@contextmanager
def postgres_shop(cluster: Cluster) -> Iterator[Shop]:
    url = cluster.fresh_database()
    database = PostgresDatabase(url)
    schema.prepare(database)
    with psycopg.connect(url, autocommit=True, options=f"-c app.orgs={EVERYBODY}") as connection:
        shop = Shop(database, PostgresStore(url), lambda sql: connection.execute(sql.encode()).fetchall())
        with closing(shop):
            yield shop
    cluster.drop_database(url)
