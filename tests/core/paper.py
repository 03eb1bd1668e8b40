"""Books on paper: decided as the engine decides and kept in lists, judged as the constraints of the tables judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from talktime.core.calls import Answer, Call, CallState, Command, Key
from talktime.core.decide import decide
from talktime.core.desk import Block, Changes, KeptTally, State
from talktime.core.fraud import Tally
from talktime.core.ids import entry_id
from talktime.core.knowledge import SHIPPED
from talktime.core.ledger import ADJUSTMENTS, DEBT, PROMOTION, Entry, EntryKind, Posting, lot_book
from talktime.core.lots import Lot, total
from talktime.core.money import micros as usd
from talktime.core.needs import needs
from talktime.core.organizations import Account, User
from talktime.core.pool_book import MovedPool, PoolKey, PoolMonth
from talktime.core.pool_minutes import PoolMinutes
from talktime.core.prices import Prices
from talktime.core.usage import Usage
from tests.core.audit import AccountRow, EntryRow, LotRow, Snapshot, row_of, wrong
from tests.core.switch import NOW, PAY_AS_YOU_GO, ROWS, Switch, priced


@dataclass
class Sheet:
    """One organization: its rules, and its money as it stands."""

    rules: dict[str, Any]
    posted: int = 0
    held: int = 0
    debt: int = 0
    last_at: int = 0
    lots: dict[str, Lot] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    entries: list[EntryRow] = field(default_factory=list)

    def account(self) -> Account:
        """As the stores read it: only the open lots."""
        lots = [lot for lot_id, lot in self.lots.items() if self.states[lot_id] == "open"]
        counters = {"posted": self.posted, "held": self.held, "debt": self.debt, "last_entry_no": len(self.entries)}
        return Account(**({"currency": "USD", "lots": lots} | counters | self.rules))

    def append(self, entry: Entry) -> None:
        number = len(self.entries) + 1
        self.last_at = max(self.last_at, entry.at)
        balance = (self.entries[-1].balance_after if self.entries else 0) + entry.amount
        made_id = entry_id(self.last_at, number, entry.key)
        self.entries.append(
            EntryRow(
                entry.org_id,
                made_id,
                number,
                entry.key,
                entry.kind,
                self.last_at,
                entry.amount,
                balance,
                entry.postings,
                entry.by,
                entry.note,
            )
        )


class Paper(Switch):
    def __init__(self, *lots: Lot, debt: str = "0", prices: Prices | None = None, **rules: Any) -> None:
        super().__init__()
        self.prices = prices or priced(*ROWS)
        self.users: dict[Key, User] = {}
        self.toll_free: frozenset[Key] = frozenset()
        self.knowledge = SHIPPED
        self.pool_sizes: dict[Key, tuple[int, int]] = {}
        """Minutes a month of each pool, of its first and its second kind."""
        self.pool_months: dict[PoolKey, PoolMonth] = {}
        self.tallies: dict[Key, KeptTally] = {}
        self.usage: dict[str, Usage] = {}
        self.blocks: list[Block] = []
        self._sheets: dict[int, Sheet] = {}
        self._calls: dict[Key, Call] = {}
        self.organization(*lots, debt=debt, **rules)

    def organization(self, *lots: Lot, org_id: int = 1, debt: str = "0", **rules: Any) -> None:
        self._sheets[org_id] = Sheet(rules)
        self.users[org_id, "ann"] = User(f"usr_ann_{org_id}", "GB", PAY_AS_YOU_GO)
        for lot in lots:
            self.fund(lot, org_id)
        if usd(debt):
            self.owe(debt, org_id)

    def change(self, org_id: int = 1, **rules: Any) -> None:
        self._sheets[org_id].rules |= rules

    def minutes(self, pool_id: str, org_id: int = 1) -> tuple[int, int]:
        """Used and held of its first kind, this year."""
        mine = [month.first for key, month in self.pool_months.items() if key[:2] == (org_id, pool_id)]
        return sum(pool.used for pool in mine), sum(pool.held for pool in mine)

    def owe(self, debt: str, org_id: int = 1) -> None:
        sheet = self._sheets[org_id]
        sheet.debt += usd(debt)
        sheet.posted -= usd(debt)
        postings = (Posting(DEBT, ADJUSTMENTS, usd(debt)),)
        sheet.append(Entry(org_id, "debt", EntryKind.ADJUSTMENT, NOW, postings, -usd(debt), "test"))

    def fund(self, lot: Lot, org_id: int = 1) -> None:
        sheet = self._sheets[org_id]
        sheet.lots[lot.lot_id] = lot
        sheet.states[lot.lot_id] = "open"
        sheet.posted += lot.posted
        postings = (Posting(PROMOTION, lot_book(lot.lot_id), lot.posted),)
        sheet.append(Entry(org_id, f"grant:{lot.lot_id}", EntryKind.GRANT, NOW, postings, lot.posted, "test"))

    def state(self) -> State:
        accounts = {org_id: sheet.account() for org_id, sheet in self._sheets.items()}
        return State(self.prices, accounts, dict(self._calls), self.users, self.toll_free, self.knowledge)

    def run(self, *commands: Command) -> list[Answer]:
        state = self.state()
        wanted = needs(state, commands)
        pools = {key: self.pool_month(key) for key in wanted.pools if key[:2] in self.pool_sizes}
        tallies = {key: self.tallies.get(key, self._begin_to_count(key)) for key in wanted.tallies}
        users = self.users | {key: self._user_of(key) for key in wanted.users}
        answers, changes = decide(replace(state, pools=pools, tallies=tallies, users=users), commands)
        self._keep(changes)
        assert wrong(self.snapshot()) == []
        return answers

    def pool_month(self, key: PoolKey) -> PoolMonth:
        first, second = self.pool_sizes[key[0], key[1]]
        kept = self.pool_months.get(key, PoolMonth(PoolMinutes(0), PoolMinutes(0), False))
        return PoolMonth(replace(kept.first, total=first), replace(kept.second, total=second), kept.is_kept)

    def _begin_to_count(self, key: Key) -> KeptTally:
        running = [call for call in self._calls.values() if call.caller == key[1] and call.state is CallState.OPEN]
        return KeptTally(Tally(len(running), sum(total(call.drawn) for call in running)), 0)

    def _user_of(self, key: Key) -> User:
        return next(user for (org_id, _), user in self.users.items() if (org_id, user.user_id) == key)

    def _keep_people(self, changes: Changes) -> None:
        for moved in changes.pools:
            self.pool_months[moved.key] = after(self.pool_month(moved.key), moved)
        for key, kept in changes.tallies:
            assert kept.version == (self.tallies[key].version if key in self.tallies else 0)
            self.tallies[key] = KeptTally(kept.tally, kept.version + 1)
        self.usage = {
            one: row for one, row in self.usage.items() if (row.org_id, row.call_id) not in changes.unreported
        }
        self.usage |= {row.usage_id: row for row in changes.usage}
        self.blocks += changes.blocks
        for block in changes.blocks:
            for name, user in self.users.items():
                if (name[0], user.user_id) == (block.org_id, block.user_id):
                    self.users[name] = replace(user, blocked=True)

    def _keep(self, changes: Changes) -> None:
        self._keep_people(changes)
        for org_id, by in changes.balances.items():
            sheet = self._sheets[org_id]
            sheet.posted += by.posted
            sheet.held += by.held
            assert by.entries == len([entry for entry in changes.entries if entry.org_id == org_id])
        for moved in changes.lots:
            self._move(self._sheets[moved.org_id], moved.lot_id, moved.posted, moved.held, moved.when_empty)
        for entry in changes.entries:
            self._sheets[entry.org_id].append(entry)
        self._write(changes.opened, changes.changed)

    def _move(self, sheet: Sheet, lot_id: str, posted: int, held: int, when_empty: str) -> None:
        was = sheet.lots[lot_id]
        rest = (was.purchased_at, was.expires_at, was.priority, was.promotional)
        now = sheet.lots[lot_id] = Lot(lot_id, was.posted + posted, was.held + held, *rest)
        sheet.states[lot_id] = "open" if now.posted > 0 else when_empty

    def _write(self, opened: Sequence[Call], changed: Sequence[tuple[int, Call]]) -> None:
        for call in opened:
            assert (call.org_id, call.call_id) not in self._calls
            self._calls[call.org_id, call.call_id] = call
        for version, call in changed:
            assert self._calls[call.org_id, call.call_id].version == version
            self._calls[call.org_id, call.call_id] = call

    def snapshot(self) -> Snapshot:
        sheets = self._sheets.items()
        return Snapshot(
            [AccountRow(o, s.posted, s.held, s.debt, len(s.entries), s.last_at) for o, s in sheets],
            [LotRow(o, n, lot.posted, lot.held, s.states[n]) for o, s in sheets for n, lot in s.lots.items()],
            [row_of(call) for call in self._calls.values()],
            [entry for _, sheet in sheets for entry in sheet.entries],
        )


def after(read: PoolMonth, moved: MovedPool) -> PoolMonth:
    """As the database judges: nothing below zero, nothing overdrawn."""
    first = _moved(read.first, moved.first_used, moved.first_held)
    return PoolMonth(first, _moved(read.second, moved.second_used, moved.second_held))


def _moved(was: PoolMinutes, used: int, held: int) -> PoolMinutes:
    now = PoolMinutes(was.total, was.used + used, was.held + held)
    assert now.used >= 0 and now.held >= 0 and now.available >= 0
    return now
