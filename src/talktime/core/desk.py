"""The state as it moves on from one command of a batch to the next. What was read stays as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from talktime.core.call_types import PRICED_BY
from talktime.core.calls import Asked, Authorize, Call, Concerning, Funds, Key
from talktime.core.ledger import EXPIRED, Entry, EntryKind, Posting, from_lots
from talktime.core.lots import Parts, Purse
from talktime.core.organizations import Account, User
from talktime.core.prices import PriceKind, Prices
from talktime.core.rates import Rate


class State(Struct, frozen=True, gc=False):
    """All that the commands of one batch depend on."""

    prices: Prices
    accounts: Mapping[int, Account]
    calls: Mapping[Key, Call]
    users: Mapping[Key, User]


class Balance(Struct, gc=False):
    """By how much an organization moves in this batch, how many entries it gets, and when the last of them."""

    posted: int = 0
    held: int = 0
    entries: int = 0
    at: int = 0


class MovedLot(Struct, frozen=True, gc=False, array_like=True):
    org_id: int
    lot_id: str
    posted: int
    held: int
    when_empty: str


class Changes(Struct, frozen=True, gc=False):
    """Everything in the order of its key, so that two batches can never wait for each other."""

    balances: dict[int, Balance]
    lots: list[MovedLot]
    opened: list[Call]
    changed: list[tuple[int, Call]]
    """Each with the version it was read at."""
    entries: list[Entry]


class Desk:
    def __init__(self, state: State) -> None:
        self._state = state
        self._calls: dict[Key, Call] = {}
        self._purses: dict[int, Purse] = {}
        self._entries: dict[int, list[Entry]] = {}

    def has(self, org_id: int) -> bool:
        return org_id in self._state.accounts

    def account(self, command: Concerning) -> Account:
        return self._state.accounts[command.org_id]

    def now(self, command: Concerning) -> int:
        """A test organization lives by a clock of its own."""
        return self._state.accounts[command.org_id].clock_at or command.at

    def call(self, command: Concerning) -> Call | None:
        key = (command.org_id, command.call_id)
        return self._calls.get(key) or self._state.calls.get(key)

    def user(self, command: Authorize) -> User | None:
        name = command.asked.user
        return None if name is None else self._state.users.get((command.org_id, name))

    def rate(self, command: Authorize, at: int) -> Rate | None:
        """By the list in force at `at`; None for what has no price or needs none, and for what is no number."""
        account, asked = self.account(command), command.asked
        if not asked.to.startswith("+"):
            return None
        prices = self._state.prices.of(account.price_list, account.currency, at)
        return prices.find(_kinds(asked), asked.to, at, account.time_zone) if prices else None

    def purse(self, command: Concerning) -> Purse:
        """What expired before this instant is gone before anything is taken."""
        purse = self._purses.get(command.org_id)
        if purse is None:
            account = self.account(command)
            purse = self._purses[command.org_id] = Purse(account.lots, account.debt)
        self._forfeit(command, purse)
        return purse

    def expire(self, command: Concerning) -> None:
        """What has ended by now, also if an earlier command of the batch has looked."""
        self._forfeit(command, self.purse(command))

    def give_back(self, command: Concerning, parts: Parts) -> None:
        if parts:
            purse = self.purse(command)
            purse.give_back(parts)
            self._forfeit(command, purse)

    def restore(self, command: Concerning, parts: Parts) -> None:
        purse = self.purse(command)
        purse.restore(parts)
        self._forfeit(command, purse)

    def _forfeit(self, command: Concerning, purse: Purse) -> None:
        for part in purse.expire(self.now(command)):
            # Numbered, since a lot may expire in parts: what a call gives back later is one more.
            key = f"expire:{part.lot_id}:{self._next_entry_no(command.org_id)}"
            self.book(command, key, EntryKind.EXPIRY, from_lots((part,), EXPIRED), -part.amount)

    def _next_entry_no(self, org_id: int) -> int:
        return self._state.accounts[org_id].last_entry_no + len(self._entries.get(org_id, ())) + 1

    def keep(self, call: Call) -> Call:
        self._calls[call.org_id, call.call_id] = call
        return call

    def book(self, command: Concerning, key: str, kind: EntryKind, postings: Sequence[Posting], amount: int) -> None:
        if postings:
            at = self.now(command)
            entry = Entry(command.org_id, key, kind, at, tuple(postings), amount, command.by, command.call_id)
            self._entries.setdefault(command.org_id, []).append(entry)

    def funds(self, command: Concerning) -> Funds:
        account, purse = self.account(command), self.purse(command)
        posted, held = account.posted, account.held
        for move in purse.moved.values():
            posted += move.posted
            held += move.held
        return Funds(account.currency, posted, held, posted - held)

    def changes(self) -> Changes:
        read = self._state.calls
        calls = sorted(self._calls.items())
        lots = [
            MovedLot(org_id, lot_id, move.posted, move.held, move.when_empty)
            for org_id, purse in sorted(self._purses.items())
            for lot_id, move in sorted(purse.moved.items())
            if move.posted or move.held
        ]
        entries = [entry for _, mine in sorted(self._entries.items()) for entry in mine]
        return Changes(
            self._balances(lots),
            lots,
            [call for key, call in calls if key not in read],
            [(read[key].version, call) for key, call in calls if key in read],
            entries,
        )

    def _balances(self, lots: Sequence[MovedLot]) -> dict[int, Balance]:
        touched = sorted({lot.org_id for lot in lots} | set(self._entries))
        balances = {org_id: Balance() for org_id in touched}
        for lot in lots:
            balances[lot.org_id].posted += lot.posted
            balances[lot.org_id].held += lot.held
        for org_id, mine in self._entries.items():
            balances[org_id].entries = len(mine)
            balances[org_id].at = mine[-1].at
        return balances


def changed(call: Call, **fields: object) -> Call:
    return replace(call, version=call.version + 1, **fields)


def _kinds(asked: Asked) -> Sequence[PriceKind]:
    return PRICED_BY.get(asked.call_type, ())
