"""What the engine asks of a database, and the rows that both databases are given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from talktime.core.calls import Call, CallState, Key
from talktime.core.desk import Balance, Changes, KeptTally
from talktime.core.fraud import Tally, guard_of
from talktime.core.ids import entry_id
from talktime.core.ledger import Entry, Posting
from talktime.core.lots import Lot, total
from talktime.core.needs import Needs
from talktime.core.organizations import Account, User
from talktime.core.pool_book import PoolKey, PoolMonth
from talktime.core.watch import Fall


class Read(Struct, frozen=True, gc=False):
    """What the commands of a batch name, as the database has it."""

    accounts: Mapping[int, Account]
    calls: Mapping[Key, Call]
    users: Mapping[Key, User]
    prices_revision: int
    keys_revision: int
    knowledge_revision: int = 0
    toll_free: frozenset[Key] = frozenset()


class ReadMore(Struct, frozen=True, gc=False):
    """What follows from that."""

    pools: Mapping[PoolKey, PoolMonth]
    tallies: Mapping[Key, KeptTally]
    users: Mapping[Key, User]


class BatchTx(Protocol):
    def load(self, calls: Sequence[Key], names: Sequence[Key], numbers: Sequence[Key] = ()) -> Read:
        """Sorted keys: of the calls, names of users and numbers of ours that the commands mention."""
        ...

    def load_more(self, needs: Needs) -> ReadMore: ...

    def record(self, changes: Changes) -> None: ...


class Store(Protocol):
    lanes: int
    """Batches in flight: one where there is one writer, two where others can work while one waits for the disk."""

    def transaction(self, org_ids: Sequence[int], locked: bool) -> AbstractContextManager[BatchTx]:
        """Committed when the block ends well. `locked`: these organizations stand still meanwhile."""
        ...

    def shard_of(self, org_id: int) -> int:
        """A batch carries organizations of one shard."""
        ...

    def close(self) -> None: ...


PRICES_REVISION, KEYS_REVISION, KNOWLEDGE_REVISION = "prices", "keys", "knowledge"

encode_call = msgspec.json.Encoder().encode
decode_call = msgspec.json.Decoder(Call).decode
encode_postings = msgspec.json.Encoder().encode
decode_postings = msgspec.json.Decoder(tuple[Posting, ...]).decode
encode_tally = msgspec.json.Encoder().encode
decode_tally = msgspec.json.Decoder(Tally).decode
decode_codes = msgspec.json.Decoder(tuple[str, ...]).decode


def call_values(call: Call) -> tuple[Any, ...]:
    """After the key: version, state, held, charge, when it is due, and the story as JSON."""
    charge = call.settled.charge if call.settled else 0
    return call.version, call.state.value, total(call.drawn), charge, call.due_at, encode_call(call)


After = tuple[int, int, int, int]
"""What an organization has now: the balance, the last entry's number and instant, and where people begin to care."""


class Woken(NamedTuple):
    """Somebody's balance has fallen to where it matters."""

    org_id: int
    fall: Fall
    at: int


def woken(balances: Mapping[int, Balance], after: Mapping[int, After]) -> list[Woken]:
    """Asked under the lock of the account, so that no level is ever passed unseen."""
    return [
        Woken(org_id, Fall(after[org_id][0] - by.posted, after[org_id][0]), after[org_id][2])
        for org_id, by in balances.items()
        if by.posted < 0 and after[org_id][0] < after[org_id][3]
    ]


def entry_rows(entries: Iterable[Entry], after: Mapping[int, tuple[int, ...]]) -> Iterator[tuple[Any, ...]]:
    by_org: dict[int, list[Entry]] = {}
    for entry in entries:
        by_org.setdefault(entry.org_id, []).append(entry)
    for org_id, mine in by_org.items():
        balance, last_no, last_at = after[org_id][:3]
        balance -= sum([entry.amount for entry in mine])
        for entry_no, entry in enumerate(mine, last_no - len(mine) + 1):
            balance += entry.amount
            yield _entry_row(entry, entry_no, last_at, balance)


def _entry_row(entry: Entry, entry_no: int, at: int, balance: int) -> tuple[Any, ...]:
    made_id = entry_id(at, entry_no, entry.key)
    postings = encode_postings(entry.postings)
    kind = entry.kind.value
    return entry.org_id, made_id, entry_no, entry.key, kind, at, entry.amount, balance, postings, entry.by, entry.note


# In the order of these columns both databases are asked for an organization and its open lots.
ACCOUNT_COLUMNS = """a.org_id, o.currency, a.posted_micros, a.held_micros, a.debt_micros,
a.last_entry_no, a.credits_set_up, o.state = 'closed', o.slice_seconds, o.max_call_seconds, o.grace_seconds,
o.time_zone, o.price_list, o.clock_at, o.country, o.policy, o.billing_account = 'postpaid',
a.has_frozen, o.limits, o.mode"""
LOT_COLUMNS = """l.org_id, l.lot_id, l.posted_micros, l.held_micros, l.purchased_at, l.expires_at, l.priority,
l.kind = 'promotional'"""
USER_COLUMNS = "u.user_id, u.usage_location, u.licences, u.policy, u.number, u.blocked_at IS NOT NULL"


def accounts_of(organizations: Iterable[Sequence[Any]], lots: Iterable[Sequence[Any]]) -> dict[int, Account]:
    accounts = {
        org_id: Account(currency, [], *[*rest, guard_of(limits, mode, currency)])
        for org_id, currency, *rest, limits, mode in organizations
    }
    lay_out(accounts, lots)
    return accounts


def users_of(rows: Iterable[Sequence[Any]]) -> dict[Key, User]:
    """Organization and the name that was asked for, then the columns of a user."""
    return {
        (org_id, name): User(user_id, location, _codes(licences), policy, number, bool(blocked))
        for org_id, name, user_id, location, licences, policy, number, blocked in rows
    }


@lru_cache(maxsize=4096)
def _codes(licences: str) -> tuple[str, ...]:
    """Few combinations are held by many."""
    return decode_codes(licences)


def tallies_of(rows: Iterable[Sequence[Any]]) -> dict[Key, KeptTally]:
    return {(org_id, user_id): KeptTally(decode_tally(story), version) for org_id, user_id, version, story in rows}


def touched(changes: Changes) -> Mapping[int, Balance]:
    """Whoever changes a call, a pool or what is counted has the lock of its account, though no money moves."""
    org_ids = {call.org_id for _, call in changes.changed}
    org_ids.update([pool.org_id for pool in changes.pools])
    org_ids.update([key[0] for key, _ in changes.tallies])
    without = org_ids - changes.balances.keys()
    if not without:
        return changes.balances
    return dict(sorted([*changes.balances.items(), *[(one, Balance()) for one in without]]))


def closed_lots(calls: Iterable[Call], accounts: Mapping[int, Account]) -> list[Key]:
    """Of what is no longer open: lots that get money back if the end of such a call is reported after all."""
    paid = {
        (call.org_id, part.lot_id)
        for call in calls
        if call.state is CallState.STALE and call.talked_seconds is None
        for part in call.charged
    }
    return sorted(paid - {(org_id, lot.lot_id) for org_id, account in accounts.items() for lot in account.lots})


def lay_out(accounts: Mapping[int, Account], lots: Iterable[Sequence[Any]]) -> None:
    for org_id, *lot in lots:
        # An organization that came between the two reads is none yet.
        if account := accounts.get(org_id):
            account.lots.append(Lot(*lot))
