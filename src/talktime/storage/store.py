"""What the engine asks of a database, and the rows that both databases are given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from talktime.core.calls import Call, CallState, Key
from talktime.core.desk import Changes
from talktime.core.ids import entry_id
from talktime.core.ledger import Entry, Posting
from talktime.core.lots import Lot, total
from talktime.core.organizations import Account, User


class Read(Struct, frozen=True, gc=False):
    """All that the commands of a batch depend on, as the database has it."""

    accounts: Mapping[int, Account]
    calls: Mapping[Key, Call]
    users: Mapping[Key, User]
    prices_revision: int
    keys_revision: int


class BatchTx(Protocol):
    def load(self, calls: Sequence[Key], names: Sequence[Key]) -> Read:
        """Sorted keys of the calls and names of the users that the commands mention."""
        ...

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


PRICES_REVISION, KEYS_REVISION = "prices", "keys"

encode_call = msgspec.json.Encoder().encode
decode_call = msgspec.json.Decoder(Call).decode
encode_postings = msgspec.json.Encoder().encode
decode_postings = msgspec.json.Decoder(tuple[Posting, ...]).decode


def call_values(call: Call) -> tuple[Any, ...]:
    """After the key: version, state, held, charge, when it is due, and the story as JSON."""
    charge = call.settled.charge if call.settled else 0
    return call.version, call.state.value, total(call.drawn), charge, call.due_at, encode_call(call)


def entry_rows(entries: Iterable[Entry], after: Mapping[int, tuple[int, int, int]]) -> Iterator[tuple[Any, ...]]:
    """`after`: the balance, the last number and the last instant that each organization has now."""
    by_org: dict[int, list[Entry]] = {}
    for entry in entries:
        by_org.setdefault(entry.org_id, []).append(entry)
    for org_id, mine in by_org.items():
        balance, last_no, last_at = after[org_id]
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
o.time_zone, o.price_list, o.clock_at"""
LOT_COLUMNS = """l.org_id, l.lot_id, l.posted_micros, l.held_micros, l.purchased_at, l.expires_at, l.priority,
l.kind = 'promotional'"""


def accounts_of(organizations: Iterable[Sequence[Any]], lots: Iterable[Sequence[Any]]) -> dict[int, Account]:
    accounts = {org_id: Account(currency, [], *rest) for org_id, currency, *rest in organizations}
    lay_out(accounts, lots)
    return accounts


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
