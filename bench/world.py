"""What stands in the books before anybody measures: organizations with money and a user, prices, and old calls.

The rows are made by the functions that make them in real life and go straight into the tables.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import Table

from talktime.actions.keys import make_key
from talktime.app import open_app
from talktime.core.call_types import CallType
from talktime.core.calls import Asked, Authorize, Call, Command, Settle
from talktime.core.decide import decide
from talktime.core.desk import Balance, State
from talktime.core.ids import uuid7
from talktime.core.ledger import PROMOTION, Entry, EntryKind, Posting, lot_book
from talktime.core.lots import Lot
from talktime.core.organizations import GRACE_SECONDS, MAX_CALL_SECONDS, SLICE_SECONDS, Account, User
from talktime.core.policies import DEFAULT_POLICY
from talktime.core.prices import PriceList, Prices, Row
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import DAY, NEVER, SECOND
from talktime.settings import Settings
from talktime.storage import price_store, usage_store
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Tx
from talktime.storage.price_store import Head, Version
from talktime.storage.store import call_values, entry_rows

CURRENCY = "USD"
LIST_ID = "plist_bench"
FUNDS = 10**12
BY = "bench"
CODES = ("MCOPSTNPP", "MCOPSTN_PAYG_1")
PLANNED = ("MCOPSTN2", "MCOPSTNPP")
"""With all rules on, every second user has a plan whose pool pays."""
PLENTY = 10**9
GUARD = (
    "international", "premium", "high_risk", "concurrent_calls", "spend_per_hour", "spend_per_day",
    "new_destinations_per_day",
)  # fmt: skip
NO_LIMITS = msgspec.json.encode({"fraud": dict.fromkeys(GUARD)}).decode()
"""The engine without pools and without a fraud guard; what they cost is a measurement of its own."""
OLD_DAYS = 30
TALKED_SECONDS = 60
CALLS_IN_A_CHUNK = 20_000

Load = Callable[[Table, Sequence[str], Iterable[Sequence[Any]]], None]
"""Puts rows into a table; JSON comes as bytes."""
Key = tuple[int, str]


WATCHED = {
    "international": True,
    "premium": False,
    "high_risk": False,
    "concurrent_calls": PLENTY,
    "spend_per_hour": str(PLENTY),
    "spend_per_day": str(PLENTY),
    "new_destinations_per_day": PLENTY,
}
ALL_LIMITS = msgspec.json.encode({"fraud": WATCHED}).decode()
"""Everything is counted, and nothing is broken."""


class World(NamedTuple):
    organizations: int = 1_000
    old_calls: int = 100_000
    rates: int = 100_000
    rules: bool = False
    """Pools, a policy for each user, and a fraud guard that counts everything."""


def begin(settings: Settings, world: World) -> str:
    """Makes the schema, the prices and the key that switches use, and returns it."""
    app = open_app(settings)
    try:
        app.database.write(EVERYBODY, _publish, world.rates)
        made = app.database.write(EVERYBODY, make_key, OPERATOR_ORG, "live", (Scope.CALLS,), app.now(), BY)
        return made.key
    finally:
        app.close()


def fill(world: World, load: Load) -> None:
    began = time.time_ns() // 1000 - OLD_DAYS * DAY
    org_ids = range(1, world.organizations + 1)
    load(t.organizations, *_organizations(org_ids, began, ALL_LIMITS if world.rules else NO_LIMITS))
    load(t.users, *_users(org_ids, began, world.rules))
    if world.rules:
        load(t.pools, *_pools(org_ids))
    load(t.user_names, ("org_id", "name", "user_id"), _names(org_ids))
    books = Books(org_ids, began, Prices([(LIST_ID, 0, PriceList(4, rows_of(world.rates)))], {CURRENCY: LIST_ID}))
    for calls, entries, usage in books.history(world.old_calls):
        load(t.calls, CALL_COLUMNS, calls)
        load(t.entries, ENTRY_COLUMNS, entries)
        load(t.usage, usage_store.COLUMNS, usage)
    load(t.lots, LOT_COLUMNS, books.lots())
    load(t.accounts, ACCOUNT_COLUMNS, books.accounts())


def rows_of(count: int) -> list[Row]:
    """As long prefixes as a list of the world has, and one that every number finds."""
    short = [str(number) for number in range(1, count * 7 // 10 + 1)]
    long = [f"44{number:05}" for number in range(count - len(short))]
    return [Row(prefix, f"Destination {prefix}", 12_000 + len(prefix), 0, 1, 1) for prefix in [*short, *long]]


def _publish(tx: Tx, rates: int) -> None:
    rows = rows_of(rates)
    price_store.add(tx, Head(LIST_ID, "Bench", CURRENCY, 4, True, 0))
    draft = Version(LIST_ID, 1, 4, None, len(rows), 0)
    price_store.replace_draft(tx, draft, price_store.packed(rows))
    price_store.publish(tx, draft, 0)


def lot_of(org_id: int) -> str:
    return f"lot_{uuid7(0, org_id)}"


def user_of(org_id: int) -> str:
    return f"usr_{uuid7(0, org_id)}"


def number_of(org_id: int) -> str:
    """The switch names a user by the number; load.lua makes the same."""
    return f"+1202{org_id:07}"


def _organizations(org_ids: Iterable[int], at: int, limits: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    fixed = {
        "country": "US",
        "currency": CURRENCY,
        "time_zone": "America/New_York",
        "language": "en",
        "mode": "live",
        "billing_account": "prepaid",
        "policy": DEFAULT_POLICY.value,
        "slice_seconds": SLICE_SECONDS,
        "max_call_seconds": MAX_CALL_SECONDS,
        "grace_seconds": GRACE_SECONDS,
        "limits": limits,
        "state": "open",
        "created_at": at,
    }
    rows = [(org_id, f"Organization {org_id}", *fixed.values()) for org_id in org_ids]
    return ["org_id", "name", *fixed], rows


def _pools(org_ids: Iterable[int]) -> tuple[list[str], list[tuple[Any, ...]]]:
    columns = ["org_id", "pool_id", "capability", "country", "first_total", "second_total", "month"]
    pool = (f"{PLANNED[0]}/US", PLANNED[0], "US", PLENTY, PLENTY, "")
    return columns, [(org_id, *pool) for org_id in org_ids if has_plan(org_id)]


def has_plan(org_id: int) -> bool:
    return org_id % 2 == 0


def _users(org_ids: Iterable[int], at: int, rules: bool) -> tuple[list[str], list[tuple[Any, ...]]]:
    columns = ["org_id", "user_id", "name", "sign_in_name", "usage_location", "number", "kind", "language", "licences"]
    policy = DEFAULT_POLICY.value if rules else None
    rows = [
        (
            org_id, user_of(org_id), "Ada", sign_in_name(org_id), "US", number_of(org_id), "person", "en",
            msgspec.json.encode(PLANNED if rules and has_plan(org_id) else CODES).decode(), at, policy,
        )
        for org_id in org_ids
    ]  # fmt: skip
    return [*columns, "created_at", "policy"], rows


def sign_in_name(org_id: int) -> str:
    return f"ada@{org_id}.example.com"


def _names(org_ids: Iterable[int]) -> Iterator[tuple[Any, ...]]:
    for org_id in org_ids:
        for name in (user_of(org_id), sign_in_name(org_id), number_of(org_id)):
            yield org_id, name, user_of(org_id)


CALL_COLUMNS = (
    "org_id", "call_id", "opened_at", "switch", "caller", "version", "state", "held_micros", "charge_micros", "due_at",
    "story",
)  # fmt: skip
ENTRY_COLUMNS = (
    "org_id", "entry_id", "entry_no", "entry_key", "kind", "at", "amount_micros", "balance_after", "postings", "by",
    "note",
)  # fmt: skip
LOT_COLUMNS = (
    "org_id", "lot_id", "kind", "amount_micros", "posted_micros", "held_micros", "purchased_at", "expires_at",
    "priority", "state",
)  # fmt: skip
ACCOUNT_COLUMNS = ("org_id", "posted_micros", "held_micros", "last_entry_no", "last_at", "credits_set_up")


class Past(NamedTuple):
    """Rows of calls, of entries and of usage."""

    calls: list[Sequence[Any]]
    entries: list[Sequence[Any]]
    usage: list[Sequence[Any]]


class Books:
    """The accounts while their old calls are made: by the engine's own rules, in the order of time."""

    def __init__(self, org_ids: Iterable[int], began: int, prices: Prices) -> None:
        self._prices = prices
        self._began = began
        self._random = random.Random(1)
        self._accounts = {org_id: _funded(org_id, began) for org_id in org_ids}
        self._users = {(org_id, number_of(org_id)): User(user_of(org_id), "US", CODES) for org_id in self._accounts}
        self._last_at = dict.fromkeys(self._accounts, began)

    def history(self, calls: int) -> Iterator[Past]:
        """A part at a time. The first entries are where the money came from."""
        funding = [_funding(org_id, self._began) for org_id in self._accounts]
        after = dict.fromkeys(self._accounts, (FUNDS, 1, self._began))
        yield Past([], list(entry_rows(funding, after)), [])
        step = (OLD_DAYS - 1) * DAY // max(calls, 1)
        for first in range(0, calls, CALLS_IN_A_CHUNK):
            numbers = range(first, min(first + CALLS_IN_A_CHUNK, calls))
            yield self._chunk([(1 + n % len(self._accounts), self._began + n * step) for n in numbers])

    def _chunk(self, whose_and_when: Sequence[tuple[int, int]]) -> Past:
        commands: list[Command] = []
        for org_id, at in whose_and_when:
            commands += self._cycle(org_id, at)
        answers, changes = decide(State(self._prices, self._accounts, {}, self._users), commands)
        assert len(answers) == len(commands) and not changes.changed
        self._move(changes.balances)
        after = {
            org_id: (self._accounts[org_id].posted, self._accounts[org_id].last_entry_no, self._last_at[org_id])
            for org_id in changes.balances
        }
        calls = sorted(changes.opened, key=lambda call: call.opened_at)
        entries = sorted(entry_rows(changes.entries, after), key=lambda row: row[2])
        usage: list[Sequence[Any]] = [*sorted(map(usage_store.values, changes.usage))]
        return Past([_call_row(call) for call in calls], list(entries), usage)

    def _cycle(self, org_id: int, at: int) -> tuple[Command, Command]:
        call_id = f"{org_id}.{self._random.getrandbits(96):024x}"
        to = f"+4420{self._random.randrange(10**7, 10**8)}"
        asked = Asked(CallType.USER_OUT, to, number_of(org_id), "+12025550101", switch="sbc-1")
        opened = Authorize(org_id, call_id, at, BY, asked, "operator:sbc-1")
        return opened, Settle(org_id, call_id, at + TALKED_SECONDS * SECOND, BY, TALKED_SECONDS)

    def _move(self, balances: Mapping[int, Balance]) -> None:
        for org_id, by in balances.items():
            account = self._accounts[org_id]
            lot = replace(account.lots[0], posted=account.lots[0].posted + by.posted)
            self._accounts[org_id] = replace(
                account, lots=[lot], posted=lot.posted, last_entry_no=account.last_entry_no + by.entries
            )
            self._last_at[org_id] = max(self._last_at[org_id], by.at)

    def lots(self) -> Iterator[Sequence[Any]]:
        for org_id, account in self._accounts.items():
            [lot] = account.lots
            # Full on the day it was bought: its entry says so.
            yield (
                org_id, lot.lot_id, "promotional", FUNDS, lot.posted, 0, lot.purchased_at, NEVER, lot.priority, "open"
            )  # fmt: skip

    def accounts(self) -> Iterator[Sequence[Any]]:
        for org_id, account in self._accounts.items():
            yield org_id, account.posted, 0, account.last_entry_no, self._last_at[org_id], True


def _funded(org_id: int, at: int) -> Account:
    lot = Lot(lot_of(org_id), FUNDS, 0, at, NEVER, promotional=True)
    return Account(CURRENCY, [lot], FUNDS, last_entry_no=1)


def _funding(org_id: int, at: int) -> Entry:
    posting = Posting(PROMOTION, lot_book(lot_of(org_id)), FUNDS)
    return Entry(org_id, f"grant:{lot_of(org_id)}", EntryKind.GRANT, at, (posting,), FUNDS, BY)


def _call_row(call: Call) -> Sequence[Any]:
    return call.org_id, call.call_id, call.opened_at, call.switch, call.caller, *call_values(call)
