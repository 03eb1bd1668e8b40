"""Load, decide, record: one transaction for all the commands of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import error as DoesNotFit
from typing import Generic, TypeVar

from msgspec.structs import replace

from talktime.charging.last_known import LastKnown
from talktime.core.call_types import OF_SERVICE_NUMBERS
from talktime.core.calls import Answer, Authorize, Command, Failed, Key, Lapse, Settle
from talktime.core.decide import decide
from talktime.core.desk import State
from talktime.core.knowledge import SHIPPED, Knowledge
from talktime.core.needs import needs
from talktime.core.pool_minutes import WrongMinutes
from talktime.core.prices import Prices
from talktime.storage.errors import Busy, Conflict, StoreUnavailable
from talktime.storage.store import BatchTx, Read, Store

# What the database says no to, what is so large that it cannot even be said to it or found in a calendar, and what was
# read with somebody else's change in between: asked again, under locks if need be, it is decided by what is there then.
IMPOSSIBLE = (Conflict, OverflowError, DoesNotFit, WrongMinutes)


LOCKED_AFTER_CONFLICT = 16
"""So many batches, then hope again."""

T = TypeVar("T")


class Shelf(Generic[T]):
    """What every batch needs and hardly ever changes, read again when the database says that it did."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        # One value, since two lanes may read at once: a revision never stands beside the content of another.
        self._kept: tuple[int, T] | None = None

    def at(self, revision: int) -> T:
        kept = self._kept
        if kept is None or kept[0] != revision:
            kept = self._kept = (revision, self._read())
        return kept[1]


class KeysChanged(Exception):
    """A key was made or revoked since the callers of this batch were looked at. Nothing was written."""


class Engine:
    def __init__(
        self,
        store: Store,
        prices: Shelf[Prices],
        keys_revision: Callable[[], int] | None = None,
        knowledge: Shelf[Knowledge] | None = None,
        last_known: LastKnown | None = None,
        blocked: Callable[[int, str], None] | None = None,
    ) -> None:
        """`blocked` hears of everybody whom a batch has blocked: organization and user."""
        self._store = store
        self._prices = prices
        self._knowledge = knowledge or Shelf(lambda: SHIPPED)
        self._keys_revision = keys_revision
        self._last_known = last_known
        self._blocked = blocked
        self._counting: set[int] = set()
        """Organizations where something is counted of users, as far as we have seen."""
        self._crowded = 0

    def run(self, commands: Sequence[Command]) -> list[Answer]:
        """Hope first, then locks, then one by one: a bad command harms no other.

        A transaction whose outcome is unknown is run again: every command is known by its call, so it happens once.
        """
        try:
            return self._run_once(commands)
        except StoreUnavailable:
            return self._run_once(commands)

    def _run_once(self, commands: Sequence[Command]) -> list[Answer]:
        if not self._waits(commands):
            try:
                return self._run(commands, locked=False)
            except IMPOSSIBLE:
                self._crowded = LOCKED_AFTER_CONFLICT
        try:
            return self._run(commands, locked=True)
        except IMPOSSIBLE:
            return [self._run_alone(command) for command in commands]

    def _waits(self, commands: Sequence[Command]) -> bool:
        """Two batches that count of one organization stand in each other's way. Where that has just happened it is
        better to wait before than to decide twice."""
        if self._crowded == 0:
            return False
        self._crowded -= 1
        return any(command.org_id in self._counting for command in commands)

    def _run_alone(self, command: Command) -> Answer:
        try:
            return self._run([command], locked=True)[0]
        except IMPOSSIBLE as error:
            return self._end_anyhow(command) or Failed(busy=isinstance(error, Busy))

    def _end_anyhow(self, command: Command) -> Answer | None:
        """A call whose id a file had brought before it was authorized: its end is booked and takes the place of the
        file's usage row, so that no hold lives for ever. That both were charged is for `verify` to tell."""
        if not isinstance(command, Settle | Lapse):
            return None
        try:
            with self._store.transaction([command.org_id], True) as tx:
                state = replace(self._state(tx, self._load(tx, [command]), [command]), replacing=True)
                answers, changes = decide(state, [command])
                tx.record(changes)
        except IMPOSSIBLE:
            return None
        return answers[0]

    def _run(self, commands: Sequence[Command], locked: bool) -> list[Answer]:
        org_ids = sorted({command.org_id for command in commands})
        with self._store.transaction(org_ids, locked) as tx:
            read = self._load(tx, commands)
            if not locked and _is_owing(read):
                raise Conflict("where there is debt, only locks keep two calls from taking the same money")

            answers, changes = decide(self._state(tx, read, commands), commands)

            tx.record(changes)
        if self._blocked:
            for block in changes.blocks:
                self._blocked(block.org_id, block.user_id)
        return answers

    def _state(self, tx: BatchTx, read: Read, commands: Sequence[Command]) -> State:
        prices = self._prices.at(read.prices_revision)
        knowledge = self._knowledge.at(read.knowledge_revision)
        if self._last_known:
            self._last_known.learn(read.accounts, read.users, knowledge.numbers)
        state = State(prices, read.accounts, read.calls, read.users, read.toll_free, knowledge)
        return _with_more(tx, state, commands)

    def _load(self, tx: BatchTx, commands: Sequence[Command]) -> Read:
        calls = sorted({(command.org_id, command.call_id) for command in commands})
        read = tx.load(calls, sorted(_names(commands)), sorted(_numbers(commands)))
        if self._keys_revision and self._keys_revision() != read.keys_revision:
            raise KeysChanged
        self._counting.update([org_id for org_id, account in read.accounts.items() if account.guard.counts])
        return read


def _with_more(tx: BatchTx, state: State, commands: Sequence[Command]) -> State:
    """Only who has a pool or is counted costs a second look."""
    wanted = needs(state, commands)
    if not wanted:
        return state
    more = tx.load_more(wanted)
    return replace(state, pools=more.pools, tallies=more.tallies, users={**state.users, **more.users})


def _is_owing(read: Read) -> bool:
    """No constraint sees what is available then: money that pays the debt first is still in the lots."""
    return any(account.debt for account in read.accounts.values())


def _names(commands: Sequence[Command]) -> set[Key]:
    asked = [command for command in commands if isinstance(command, Authorize)]
    return {(command.org_id, command.asked.user) for command in asked if command.asked.user is not None}


def _numbers(commands: Sequence[Command]) -> set[Key]:
    """Of ours, where it matters whether they are toll-free."""
    return {
        (command.org_id, command.asked.to)
        for command in commands
        if isinstance(command, Authorize) and command.asked.call_type in OF_SERVICE_NUMBERS
    }
