"""What people do to an organization: the product's own decisions on the database in memory, and the same in the
reference."""

from __future__ import annotations

from msgspec.structs import replace

from talktime.core.desk import Balance, MovedLot
from talktime.core.fraud import Guard
from talktime.core.funds import Cashier, Cause, MadeLot, Movement
from talktime.core.lots import Lot
from talktime.core.months import month_of
from talktime.core.organizations import User
from talktime.core.pool_sizes import Minutes, PoolName, resized
from talktime.storage.store import entry_rows
from tests.simulation import mirror
from tests.simulation.invariants import Books
from tests.simulation.reference import Reference
from tests.simulation.setting import FREEPHONE, LotPlan, OrgPlan
from tests.simulation.store import AccountRow, LotRow, Memory, Rows, before_rows, moved_account, moved_lot

BY = "administrator"


class Actions:
    def __init__(self, memory: Memory, reference: Reference, books: Books) -> None:
        self._memory = memory
        self._reference = reference
        self._books = books

    def add_org(self, plan: OrgPlan, now: int) -> None:
        org_id, memory = plan.org_id, self._memory
        mirror.add_org(self._reference, plan)
        memory.lots[org_id], memory.entries[org_id] = {}, []
        memory.accounts[org_id] = AccountRow(
            slice_seconds=plan.slice_seconds,
            max_call_seconds=plan.max_call_seconds,
            grace_seconds=plan.grace_seconds,
            price_list=plan.price_list,
            clock_at=plan.clock_at,
            time_zone=plan.time_zone,
            country=plan.country,
            postpaid=plan.postpaid,
            guard=Guard(**plan.guard),
        )
        for name, person in plan.people.items():
            memory.users[org_id, f"usr_{name}"] = User(f"usr_{name}", person.home, person.codes)
        memory.toll_free.add((org_id, FREEPHONE))
        for lot in plan.lots:
            self.grant(org_id, lot, now)

    def grant(self, org_id: int, lot: LotPlan, now: int) -> None:
        cashier = Cashier(org_id, self._memory.account(org_id), now)
        made = Lot(lot.lot_id, lot.amount, 0, lot.purchased_at, lot.expires_at, lot.priority, lot.promotional)
        cashier.grant(made, Cause(f"grant:{lot.lot_id}", BY))
        self._write(org_id, cashier.movement(), now)
        self._memory.accounts[org_id] = replace(self._memory.accounts[org_id], credits_set_up=True)
        mirror.grant(self._reference, org_id, lot, now)

    def take(self, org_id: int, adjustment: str, amount: int, now: int) -> None:
        """What is not there is a debt from now on."""
        cashier = Cashier(org_id, self._memory.account(org_id), now)
        cashier.take(amount, Cause(f"adjustment:{adjustment}", BY))
        self._write(org_id, cashier.movement(), now)
        mirror.take(self._reference, org_id, amount, now)

    def resize(self, org_id: int, name: PoolName, size: tuple[int, int], now: int) -> None:
        """As licences come and go."""
        rows = self._memory.pools.setdefault((org_id, name.pool_id), [])
        month = month_of(now, self._memory.accounts[org_id].time_zone)
        rows.append(resized(rows[-1] if rows else None, name, Minutes(*size), month))
        mirror.resize(self._reference, org_id, name.pool_id, size, now)

    def assign(self, org_id: int, user_id: str, codes: tuple[str, ...]) -> None:
        self._change_user(org_id, user_id, codes=codes)
        mirror.change_person(self._reference, org_id, user_id, codes=codes)

    def take_credits_licence(self, org_id: int, user_id: str) -> None:
        codes = self._memory.users[org_id, user_id].codes
        self.assign(org_id, user_id, tuple(code for code in codes if code != "MCOPSTNPP"))

    def restrict(self, org_id: int, user_id: str, policy: str | None) -> None:
        self._change_user(org_id, user_id, policy=policy)
        mirror.change_person(self._reference, org_id, user_id, policy=policy)

    def restrict_all(self, org_id: int, policy: str) -> None:
        self._memory.accounts[org_id] = replace(self._memory.accounts[org_id], policy=policy)
        self._reference.orgs[org_id]["policy"] = policy

    def block(self, org_id: int, user_id: str, blocked: bool, now: int) -> None:
        """By an administrator; the log tells it, too."""
        if self._memory.users[org_id, user_id].blocked != blocked:
            mode = "Blocked" if blocked else "Unblocked"
            self._memory.block_log.append((org_id, "", now, user_id, mode, "", BY))
            self._change_user(org_id, user_id, blocked=blocked)
            mirror.change_person(self._reference, org_id, user_id, blocked=blocked)

    def _change_user(self, org_id: int, user_id: str, **fields: object) -> None:
        self._memory.users[org_id, user_id] = replace(self._memory.users[org_id, user_id], **fields)

    def _write(self, org_id: int, movement: Movement, now: int) -> None:
        memory = self._memory
        by = Balance(movement.posted, movement.held, len(movement.entries), now)
        account = moved_account(memory.accounts[org_id], by)
        rows = Rows({org_id: replace(account, debt=account.debt + movement.debt)})
        rows.entries = list(
            entry_rows(movement.entries, {org_id: (account.posted, account.last_entry_no, account.last_at)})
        )
        for lot_id, move in movement.lots:
            by_lot = MovedLot(org_id, lot_id, move.posted, move.held, move.when_empty)
            rows.lots[org_id, lot_id] = moved_lot(memory.lots[org_id][lot_id], by_lot)
        if movement.made:
            memory.lots[org_id][movement.made.lot.lot_id] = _row(movement.made)
        before = before_rows(memory, rows)
        memory.apply(rows)
        self._books.committed(before)

    def close(self, org_id: int) -> None:
        self._memory.accounts[org_id] = replace(self._memory.accounts[org_id], closed=True)
        self._reference.orgs[org_id]["closed"] = True

    def set_clock(self, org_id: int, at: int) -> None:
        self._memory.accounts[org_id] = replace(self._memory.accounts[org_id], clock_at=at)
        self._reference.orgs[org_id]["clock"] = at


def _row(made: MadeLot) -> LotRow:
    lot = made.lot
    return LotRow(lot.posted, 0, lot.purchased_at, lot.expires_at, lot.priority, lot.promotional, made.state)
