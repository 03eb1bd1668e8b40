"""Books on paper: decided as the engine decides and kept in lists, judged as the constraints of the tables judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from talktime.core.calls import Answer, Call, Command, Key
from talktime.core.decide import decide
from talktime.core.desk import Changes, State
from talktime.core.ids import entry_id
from talktime.core.ledger import ADJUSTMENTS, DEBT, PROMOTION, Entry, EntryKind, Posting, lot_book
from talktime.core.lots import Lot
from talktime.core.money import micros as usd
from talktime.core.organizations import Account, User
from talktime.core.prices import Prices
from tests.core.audit import AccountRow, EntryRow, LotRow, Snapshot, row_of, wrong
from tests.core.switch import NOW, ROWS, Switch, priced


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
        self._sheets: dict[int, Sheet] = {}
        self._calls: dict[Key, Call] = {}
        self.organization(*lots, debt=debt, **rules)

    def organization(self, *lots: Lot, org_id: int = 1, debt: str = "0", **rules: Any) -> None:
        self._sheets[org_id] = Sheet(rules)
        self.users[org_id, "ann"] = User(f"usr_ann_{org_id}")
        for lot in lots:
            self.fund(lot, org_id)
        if usd(debt):
            self.owe(debt, org_id)

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
        return State(self.prices, accounts, dict(self._calls), self.users)

    def run(self, *commands: Command) -> list[Answer]:
        answers, changes = decide(self.state(), commands)
        self._keep(changes)
        assert wrong(self.snapshot()) == []
        return answers

    def _keep(self, changes: Changes) -> None:
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
