"""The state as it moves on from one command of a batch to the next. What was read stays as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from talktime.core.calls import Authorize, Call, Concerning, Funds, Key
from talktime.core.cases import Case, case_of
from talktime.core.fraud import Tally
from talktime.core.knowledge import SHIPPED, Knowledge
from talktime.core.ledger import EXPIRED, Entry, EntryKind, Posting, from_lots
from talktime.core.licence_terms import Caps
from talktime.core.lots import Parts, Purse
from talktime.core.months import month_of
from talktime.core.organizations import Account, User
from talktime.core.pool_book import MovedPool, PoolBook, PoolKey, PoolMonth
from talktime.core.pool_minutes import PoolMinutes
from talktime.core.prices import Prices
from talktime.core.rates import Rate
from talktime.core.usage import Usage


class KeptTally(Struct, frozen=True, gc=False):
    """What is counted of a user, and the version it was read at; 0: it was never kept."""

    tally: Tally
    version: int


class State(Struct, frozen=True, gc=False):
    """All that the commands of one batch depend on."""

    prices: Prices
    accounts: Mapping[int, Account]
    calls: Mapping[Key, Call]
    users: Mapping[Key, User]
    toll_free: frozenset[Key] = frozenset()
    """The toll-free numbers of ours that were called."""
    knowledge: Knowledge = SHIPPED
    pools: Mapping[PoolKey, PoolMonth] = {}
    tallies: Mapping[Key, KeptTally] = {}
    """Of users whose organizations count something."""
    replacing: bool = False
    """Usage rows are there already that are to be replaced."""
    cases: dict[Key, Case] = {}
    """Kept by call: asked for before the rest is read, and again to decide."""


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


class Block(Struct, frozen=True, gc=False):
    """Somebody broke a limit and may no longer call."""

    org_id: int
    user_id: str
    at: int
    now: int
    """By our clock: a test organization's may stand."""
    reason: str


class Changes(Struct, frozen=True, gc=False):
    """Everything in the order of its key, so that two batches can never wait for each other."""

    balances: dict[int, Balance]
    lots: list[MovedLot]
    opened: list[Call]
    changed: list[tuple[int, Call]]
    """Each with the version it was read at."""
    entries: list[Entry]
    pools: list[MovedPool] = []
    tallies: list[tuple[Key, KeptTally]] = []
    """Each with the version it was read at."""
    blocks: list[Block] = []
    usage: list[Usage] = []
    unreported: list[Key] = []
    """Calls whose earlier usage rows are replaced."""


class Desk:
    def __init__(self, state: State) -> None:
        self._state = state
        self._calls: dict[Key, Call] = {}
        self._purses: dict[int, Purse] = {}
        self._entries: dict[int, list[Entry]] = {}
        self._pools: dict[PoolKey, PoolBook] = {}
        self._tallies: dict[Key, Tally] = {}
        self._blocks: dict[Key, Block] = {}
        self._usage: dict[Key, list[Usage]] = {}
        self._unreported: set[Key] = set()
        self._looked_at: dict[int, int] = {}

    def has(self, org_id: int) -> bool:
        return org_id in self._state.accounts

    @property
    def knowledge(self) -> Knowledge:
        return self._state.knowledge

    def account(self, command: Concerning) -> Account:
        return self._state.accounts[command.org_id]

    def now(self, command: Concerning) -> int:
        """A test organization lives by a clock of its own."""
        return self._state.accounts[command.org_id].clock_at or command.at

    def call(self, command: Concerning) -> Call | None:
        key = (command.org_id, command.call_id)
        self._looked_at[command.org_id] = self.now(command)
        return self._calls.get(key) or self._state.calls.get(key)

    def user(self, command: Authorize) -> User | None:
        name = command.asked.user
        return None if name is None else self.user_called(command.org_id, name)

    def user_of(self, call: Call) -> User | None:
        """Who was responsible when it began, as he is now; None: he is no more."""
        if call.terms is None or call.asked is None or call.terms.user_id is None:
            return None
        # Read by his id, or under the name by which a command of the same batch called him.
        named = (self.user_called(call.org_id, name) for name in (call.terms.user_id, call.asked.user) if name)
        return next((user for user in named if user and user.user_id == call.terms.user_id), None)

    def user_called(self, org_id: int, name: str) -> User | None:
        user = self._state.users.get((org_id, name))
        if user and (org_id, user.user_id) in self._blocks:
            return replace(user, blocked=True)
        return user

    def case(self, command: Authorize) -> Case:
        key = (command.org_id, command.call_id)
        case = self._state.cases.get(key)
        if case is None:
            toll_free = (command.org_id, command.asked.to) in self._state.toll_free
            account, user = self.account(command), self.user(command)
            case = self._state.cases[key] = case_of(command.asked, account, user, self._state.knowledge, toll_free)
        return case

    def rate(self, command: Authorize, at: int) -> Rate | None:
        """By the list in force at `at`; None for what has no price or needs none, and for what is no number."""
        account, asked, case = self.account(command), command.asked, self.case(command)
        if case.free or not asked.to.startswith("+"):
            return None
        prices = self._state.prices.of(account.price_list, account.currency, at)
        return prices.find(case.kinds, asked.to, at, account.time_zone) if prices else None

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

    def month(self, command: Concerning, at: int) -> str:
        return month_of(at, self.account(command).time_zone)

    def pool(self, key: PoolKey) -> PoolBook:
        book = self._pools.get(key)
        if book is None:
            # A pool that nobody sized has no minutes.
            read = self._state.pools.get(key, PoolMonth(PoolMinutes(0), PoolMinutes(0)))
            book = self._pools[key] = PoolBook(read, self._caps(key[1]))
        return book

    def _caps(self, pool_id: str) -> Caps | None:
        licence = self._state.knowledge.catalogue.get(pool_id.partition("/")[0])
        return licence.caps if licence else None

    def counts(self, command: Concerning) -> bool:
        return self.account(command).guard.counts

    def tally(self, command: Concerning, user_id: str | None) -> Tally | None:
        """None: nothing is counted of him."""
        if user_id is None or not self.counts(command):
            return None
        key = (command.org_id, user_id)
        tally = self._tallies.get(key)
        return tally or (self._state.tallies[key].tally if key in self._state.tallies else None)

    def count(self, command: Concerning, user_id: str, tally: Tally) -> None:
        self._tallies[command.org_id, user_id] = tally

    def block(self, command: Concerning, user_id: str, reason: str) -> None:
        self._blocks[command.org_id, user_id] = Block(command.org_id, user_id, self.now(command), command.at, reason)

    def report(self, call: Call, rows: Sequence[Usage]) -> None:
        """In place of what was reported of this call before."""
        key = (call.org_id, call.call_id)
        read = self._state.calls.get(key)
        if self._state.replacing or (read is not None and read.settled is not None and read.settled.rows):
            self._unreported.add(key)
        self._usage[key] = list(rows)

    def keep(self, call: Call) -> Call:
        self._calls[call.org_id, call.call_id] = call
        return call

    def book(self, command: Concerning, key: str, kind: EntryKind, postings: Sequence[Posting], amount: int) -> None:
        if postings:
            at = self.now(command)
            entry = Entry(command.org_id, key, kind, at, tuple(postings), amount, command.by, command.call_id)
            self._entries.setdefault(command.org_id, []).append(entry)

    def funds(self, command: Concerning) -> Funds:
        """All of it as the account says, read in one look. What a dispute has frozen is in the balance, and not to be
        had: then the lots say it, which may be an instant younger."""
        account, purse = self.account(command), self.purse(command)
        posted, held = account.posted, account.held
        for move in purse.moved.values():
            posted += move.posted
            held += move.held
        if account.has_frozen:
            held = posted - purse.available(self.now(command))
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
            self._moved_pools(),
            [(key, self._kept(key, tally)) for key, tally in sorted(self._tallies.items())],
            [block for _, block in sorted(self._blocks.items())],
            [row for _, rows in sorted(self._usage.items()) for row in rows],
            sorted(self._unreported),
        )

    def _moved_pools(self) -> list[MovedPool]:
        moved = [book.moved(key, self._looked_at[key[0]]) for key, book in sorted(self._pools.items())]
        return [one for one in moved if one]

    def _kept(self, key: Key, tally: Tally) -> KeptTally:
        return KeptTally(tally, self._state.tallies[key].version)

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
