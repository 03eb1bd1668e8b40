"""What must hold after every commit, whatever the rules say: `I` and a number are those of the design's list."""

from __future__ import annotations

from collections import defaultdict

from talktime.core.calls import CallState, Key
from talktime.core.lots import total
from talktime.storage.store import decode_call, decode_postings
from tests.simulation.mirror import Wrong, expect
from tests.simulation.store import (
    AMOUNT,
    AT,
    BALANCE,
    ENTRY_ID,
    ENTRY_KEY,
    ENTRY_NO,
    KIND,
    POSTINGS,
    CallRow,
    EntryRow,
    Memory,
    Rows,
)

OWN_BOOKS = ("lot:", "debt")


class Books:
    """The ledger added up entry by entry, and the holds call by call, to be compared with what is stored."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._books: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._held: defaultdict[int, int] = defaultdict(int)
        self._last: dict[int, EntryRow] = {}

    def committed(self, before: Rows) -> None:
        """`before`: the rows that were changed, as they were, and the entries that were added."""
        for entry in before.entries:
            self._add(entry)
        for key, row in before.calls.items():
            self._held[key[0]] += self._memory.calls[key].held - (row.held if row else 0)
            expect(f"{key}: held, by its story", self._story_held(key), self._memory.calls[key].held)
        for org_id in {*before.accounts, *(org_id for org_id, _ in before.calls)}:
            self._check(org_id)
        for org_id, lot_id in before.lots:
            posted = self._memory.lots[org_id][lot_id].posted
            expect(f"I2, lot {lot_id}: posted, by its entries", self._books[org_id][f"lot:{lot_id}"], posted)

    def _add(self, entry: EntryRow) -> None:
        org_id, books, own = entry[0], self._books[entry[0]], 0
        for posting in decode_postings(entry[POSTINGS]):
            books[posting.source] -= posting.amount
            books[posting.destination] += posting.amount
            own += posting.amount * (posting.destination.startswith(OWN_BOOKS) - posting.source.startswith(OWN_BOOKS))
        last = self._last.get(org_id)
        expect(f"{entry[ENTRY_KEY]}: amount, by its postings", entry[AMOUNT], own)
        expect(f"{entry[ENTRY_KEY]}: its number", entry[ENTRY_NO], last[ENTRY_NO] + 1 if last else 1)
        expect(f"{entry[ENTRY_KEY]}: balance after it", entry[BALANCE], (last[BALANCE] if last else 0) + entry[AMOUNT])
        if last and not (last[AT] <= entry[AT] and last[ENTRY_ID] < entry[ENTRY_ID]):
            raise Wrong(f"I17, {entry[ENTRY_KEY]}: its time or id goes back")
        self._last[org_id] = entry

    def _story_held(self, key: Key) -> int:
        return sum(part.amount for part in decode_call(self._memory.calls[key].story).drawn)

    def _check(self, org_id: int) -> None:
        account, lots = self._memory.accounts[org_id], self._memory.lots[org_id].values()
        expect(f"I1, {org_id}: sum of all books", sum(self._books[org_id].values()), 0)
        expect(f"I2, {org_id}: posted, by its last entry", account.posted, self._balance(org_id))
        expect(f"I2, {org_id}: held, by its calls", account.held, self._held[org_id])
        expect(f"I2, {org_id}: held, by its lots", account.held, sum(lot.held for lot in lots))
        expect(f"I9, {org_id}: posted", account.posted, sum(lot.posted for lot in lots) - account.debt)
        expect(f"{org_id}: its last number", account.last_entry_no, self._number(org_id))
        if account.debt < 0 or any(not 0 <= lot.held <= lot.posted for lot in lots):
            raise Wrong(f"I3, {org_id}: {account}, {lots}")
        if account.posted < account.held and not account.debt:
            raise Wrong(f"I3, {org_id}: available is negative without a debt")

    def _balance(self, org_id: int) -> int:
        return int(self._last[org_id][BALANCE]) if org_id in self._last else 0

    def _number(self, org_id: int) -> int:
        return int(self._last[org_id][ENTRY_NO]) if org_id in self._last else 0


def is_covered(memory: Memory, before: Rows, at: dict[int, int]) -> None:
    """I5: what a transaction takes for its calls was there when it was committed, or came back in it. `at`: when it
    began, by the clock of each organization."""
    for org_id in before.accounts:
        there = {**memory.lots[org_id], **{lot_id: row for (org, lot_id), row in before.lots.items() if org == org_id}}
        available = sum(lot.posted - lot.held for lot in there.values() if at[org_id] < lot.expires_at)
        available -= before.accounts[org_id].debt
        mine = [(row, memory.calls[key]) for key, row in before.calls.items() if key[0] == org_id]
        moved = [_taken(after) - _taken(row) for row, after in mine]
        if any(one > 0 for one in moved) and sum(moved) > available:
            taken = [one for one in moved if one > 0]
            raise Wrong(f"I5, {org_id}: {taken} was taken while {available} was available: {before.accounts[org_id]}")


def _taken(row: CallRow | None) -> int:
    """What is paid later is on the bill, and was never taken."""
    return row.held + total(decode_call(row.story).charged) if row else 0


def nothing_is_open(memory: Memory) -> None:
    """I19: when faults stop, holds are released."""
    expect("I19: calls that are due", memory.due, {})
    for key, row in memory.calls.items():
        expect(f"I19, {key}: held", (row.held, row.state == CallState.OPEN), (0, False))


def expired_money_is_gone(memory: Memory, org_id: int, now: int, patience: int) -> None:
    """I9: what is left of a lot expires, but not before its end."""
    ends = {lot_id: lot.expires_at for lot_id, lot in memory.lots[org_id].items()}
    left = {one: memory.lots[org_id][one].posted for one, end in ends.items() if end <= now - patience}
    expect(f"I9, {org_id}: money in lots that have ended", left, dict.fromkeys(left, 0))
    for entry in memory.entries[org_id]:
        if entry[KIND] == "expiry":
            (posting,) = decode_postings(entry[POSTINGS])
            if entry[AT] < ends[posting.source.removeprefix("lot:")]:
                raise Wrong(f"I9, {entry[ENTRY_KEY]}: its lot had not ended")
