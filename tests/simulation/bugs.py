"""Mistakes of the kind that people make, put in on purpose: a harness that lets one of them pass proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from talktime.charging import engine
from talktime.charging.engine import Engine
from talktime.core import asking, billing, cases, checks, decide, desk, endings, grants, lots, pools, rates, reach
from talktime.core.billing import Bill, cost_of
from talktime.core.calls import (
    Answer,
    Answered,
    Asked,
    Authorize,
    Call,
    CallState,
    Command,
    Concerning,
    Ended,
    Extend,
    Lapse,
    Refusal,
    Release,
    Settle,
    Settled,
)
from talktime.core.cases import Case
from talktime.core.checks import Question, Verdict
from talktime.core.desk import Balance, Changes, Desk, MovedLot, State
from talktime.core.fraud import Tally
from talktime.core.licence_terms import Licence
from talktime.core.lots import Lot, Parts, Purse, split
from talktime.core.numbers import Number
from talktime.core.organizations import Account, User
from talktime.core.pool_book import PoolBook
from talktime.core.pool_minutes import PoolMinutes
from talktime.core.pools import Pool
from talktime.core.rates import Rate, price, whole_increments
from talktime.core.reach import Means
from talktime.core.usage import Payer, Usage
from talktime.storage import pool_rows
from talktime.storage.errors import Conflict, StoreUnavailable
from tests.simulation import store
from tests.simulation.store import AccountRow, Memory, MemoryTx

Plant = Callable[[], AbstractContextManager[object]]
BUGS: dict[str, Plant] = {}


def instead_of(owner: object, name: str, words: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The bug that `words` tell: this function stands in the place of that one."""

    def add(wrong: Callable[..., Any]) -> Callable[..., Any]:
        BUGS[words] = lambda: patch.object(owner, name, wrong)
        return wrong

    return add


# What is replaced, for those that do nearly the same.
_authorize, _extend, _answered = grants.authorize, grants.extend, grants.answered
_settle, _release, _lapse = endings.settle, endings.release, endings.lapse
_charge_ended, _book_charge, _balances, _run = endings.charge_ended, endings._book_charge, Desk._balances, Engine._run
_purse, _available, _hold, _expire = Purse.__init__, Purse.available, Purse.hold, Purse.expire
_moved_account, _commit = store.moved_account, MemoryTx.commit
_bill, _means_to_go_on, _paying_pool, _month = billing._bill, grants._means_to_go_on, pools.paying_pool, Desk.month
_who_pays, _case_of, _verdict = checks.who_pays, cases.case_of, checks.verdict


# ---------------------------------------------------------------- prices and grants


@instead_of(rates, "round_half_up", "prices are rounded down")
def _rounded_down(numerator: int, denominator: int) -> int:
    return numerator // denominator


@instead_of(reach, "price", "the hold is made without the fee")
def _without_fee(rate: Rate, seconds: int) -> int:
    return price(replace(rate, connection_fee=0), seconds)


@instead_of(reach, "affordable_seconds", "time is granted without looking at the money")
def _unaffordable(rate: Rate, funds: int, seconds_max: int) -> int:
    return whole_increments(rate, seconds_max)


@instead_of(decide, "extend", "an extend said twice grows twice")
def _extend_twice(desk: Desk, command: Extend, call: Call | None) -> Answer:
    seconds = max(call.seconds, command.granted_seconds) if call else 0
    return _extend(desk, replace(command, granted_seconds=seconds), call)


@instead_of(grants, "other_field", "another body under the same id is taken for the same")
def _no_other_field(earlier: object, later: object) -> None:
    return None


@instead_of(decide, "authorize", "who was refused may ask again")
def _ask_again(desk: Desk, command: Authorize, call: Call | None) -> Answer:
    refused = call is not None and call.state is CallState.REFUSED
    return _authorize(desk, command, None if refused else call)


@instead_of(decide, "answered", "the last word about the answer counts")
def _answered_again(desk: Desk, command: Answered, call: Call | None) -> Answer:
    return _answered(desk, command, replace(call, answered_at=None) if call else None)


BUGS["a closed organization calls"] = lambda: patch.object(checks, "MAY_CALL", checks.MAY_CALL[1:])
BUGS["credits need not be set up"] = lambda: patch.object(
    checks, "CREDITS_PAY", (checks.CREDITS_PAY[0], *checks.CREDITS_PAY[2:])
)


# ---------------------------------------------------------------- ends


@instead_of(Desk, "give_back", "what is left of a hold is not given back")
def _keep_it(desk: Desk, command: Concerning, parts: Parts) -> None:
    return None


@instead_of(endings, "_book_charge", "a shortfall is taken from the balance")
def _shortfall_too(desk: Desk, command: Concerning, key: str, spent: Parts, shortfall: int) -> None:
    _book_charge(desk, command, key, spent, shortfall)
    mine = desk._entries.get(command.org_id)
    if mine and mine[-1].key == key:
        mine[-1] = replace(mine[-1], amount=mine[-1].amount - shortfall)


@instead_of(decide, "settle", "a settle said twice charges twice")
def _settle_twice(desk: Desk, command: Settle, call: Call | None) -> Answer:
    if call and call.state is CallState.SETTLED and call.charged:
        charged = _charge_ended(desk, command, call, command.seconds, key=f"settle-{call.version}")
        call = desk.keep(replace(charged, talked_seconds=command.seconds))
    return _settle(desk, command, call)


@instead_of(endings, "charge_ended", "a settle after the release is free")
def _free_when_late(desk: Desk, command: Concerning, call: Call, seconds: int, key: str = "settle") -> Call:
    return _charge_ended(desk, command, call, 0 if call.state is CallState.RELEASED else seconds, key)


@instead_of(decide, "settle", "an end that came first is forgotten")
def _forget(desk: Desk, command: Settle, call: Call | None) -> Answer:
    return _settle(desk, command, call) if call else Ended(Settled(), desk.funds(command))


@instead_of(decide, "release", "a release after the end gives back again")
def _release_twice(desk: Desk, command: Release, call: Call | None) -> Answer:
    if call and call.charged:
        desk.restore(command, call.charged)
    return _release(desk, command, call)


@instead_of(decide, "lapse", "a call dies before it is due")
def _too_early(desk: Desk, command: Lapse, call: Call | None) -> Answer:
    return _lapse(desk, replace(command, lost=True), call)


@instead_of(endings, "split_last", "a correction gives back to the lot that was drawn first")
def _split_first(parts: Sequence[lots.Part], amount: int) -> tuple[Parts, Parts]:
    return split(parts, amount)


@instead_of(endings, "charge_ended", "a call is priced when it ends")
def _price_of_today(desk: Desk, command: Concerning, call: Call, seconds: int, key: str = "settle") -> Call:
    if call.asked and call.answer:
        asking = Authorize(call.org_id, call.call_id, command.at, command.by, call.asked)
        call = replace(call, answer=replace(call.answer, rate=desk.rate(asking, desk.now(command))))
    return _charge_ended(desk, command, call, seconds, key)


# ---------------------------------------------------------------- pools


@instead_of(billing, "whole_minutes", "minutes of a pool are rounded down")
def _minutes_rounded_down(seconds: int) -> int:
    return seconds // 60


@instead_of(PoolBook, "give_back", "a released call keeps its minutes")
def _keep_minutes(book: PoolBook, second: bool, minutes: int) -> None:
    return None


@instead_of(PoolBook, "unuse", "a late end gives no minutes back")
def _stay_used(book: PoolBook, second: bool, minutes: int) -> None:
    return None


@instead_of(billing, "_bill", "what comes after the pool is priced from the beginning of the call")
def _price_of_all(desk: Desk, command: Concerning, call: Call, seconds: int, minutes: int) -> Bill:
    bill = _bill(desk, command, call, seconds, minutes)
    return bill._replace(cost=cost_of(call, seconds)) if bill.cost else bill


@instead_of(grants, "_means_to_go_on", "a call that has gone over to credits takes minutes again")
def _back_to_the_pool(desk: Desk, command: Extend, call: Call) -> tuple[Payer | None, Means]:
    return _means_to_go_on(desk, command, replace(call, over=False))


@instead_of(cases, "paying_pool", "Zone A is judged by where the organizer is")
def _zone_of_the_organizer(licence: Licence, number: Number, user: str, home: str | None, meeting: bool) -> Pool | None:
    return _paying_pool(licence, number._replace(country=home) if meeting else number, user, home, meeting)


@instead_of(Desk, "_caps", "the two caps of a combined plan know nothing of each other")
def _independent(desk: Desk, pool_id: str) -> None:
    return None


@instead_of(Desk, "month", "a call belongs to the month in which it is reported")
def _month_of_the_report(desk: Desk, command: Concerning, at: int) -> str:
    return _month(desk, command, desk.now(command))


BUGS["a pool is judged without what is held"] = lambda: patch.object(
    PoolMinutes, "available", property(lambda pool: pool.total - pool.used)
)


@instead_of(pool_rows, "judged", "minutes that went meanwhile are granted again")
def _not_judged(moved: object, locked: bool) -> tuple[int, int, int]:
    return pool_rows.NO_END, pool_rows.NO_END, 0


@instead_of(pool_rows, "effective", "a pool shrinks at once")
def _size_of_now(total: int, high: int, month: str, this_month: str) -> int:
    return total


@instead_of(asking, "who_pays", "the credits licence is not asked when the pool ends")
def _everybody_pays(question: Question) -> Verdict:
    case = replace(question.case, rights=question.case.rights._replace(credits=True))
    return _who_pays(replace(question, case=case))


@instead_of(desk, "case_of", "an emergency call takes minutes of a pool")
def _pool_of_emergencies(asked: Asked, account: Account, user: User | None, *more: Any) -> Case:
    case = _case_of(asked, account, user, *more)
    return replace(case, pool=cases._pool(asked, user, case.licence, case.number))


# ---------------------------------------------------------------- users, and what is reported of them


@instead_of(grants, "verdict", "the policy is asked before emergencies")
def _policy_first(question: Question) -> Verdict:
    known = question.case.number is None or question.user is None
    ordinary = replace(question, case=replace(question.case, emergency=False))
    if known or checks.policy_allows(ordinary):
        return _verdict(question)
    return Verdict(Refusal.POLICY_RESTRICTED)


@instead_of(Tally, "ended", "calls that have ended are still counted")
def _still_counted(tally: Tally, held: int) -> Tally:
    return tally


@instead_of(store, "must_not_be_blocked", "a user is blocked twice when two lanes find him at once")
def _blocked_again(memory: object, block: object) -> None:
    return None


@instead_of(store, "must_be_counted_once", "versions of what is counted are not compared")
def _counted_again(memory: object, key: object, kept: object) -> None:
    return None


@instead_of(Desk, "report", "a corrected call is reported twice")
def _report_again(desk: Desk, call: Call, rows: Sequence[Usage]) -> None:
    desk._usage[call.org_id, call.call_id] = list(rows)


# ---------------------------------------------------------------- lots


@instead_of(Purse, "__init__", "debt is ignored")
def _no_debt(purse: Purse, lots: Sequence[Lot], debt: int = 0) -> None:
    _purse(purse, lots)


@instead_of(Purse, "__init__", "what one call holds another may spend")
def _nothing_held(purse: Purse, lots: Iterable[Lot], debt: int = 0) -> None:
    _purse(purse, [replace(lot, held=0) for lot in lots], debt)


def _expired_is_spent() -> AbstractContextManager[object]:
    return patch.multiple(
        Purse,
        available=lambda purse, now: _available(purse, 0),
        hold=lambda purse, amount, now: _hold(purse, amount, 0),
        expire=lambda purse, now: (),
    )


BUGS["a lot is spent after its end"] = _expired_is_spent


@instead_of(Purse, "expire", "a lot ends a minute early")
def _expire_early(purse: Purse, now: int) -> Parts:
    return _expire(purse, now + 60_000_000)


@instead_of(lots, "spending_order", "the oldest lot is spent first")
def _oldest_first(lot: Lot) -> tuple[int, str]:
    return lot.purchased_at, lot.lot_id


# ---------------------------------------------------------------- batches and transactions


@instead_of(Desk, "_balances", "an entry gets no number")
def _one_entry_less(desk: Desk, lots: Sequence[MovedLot]) -> dict[int, Balance]:
    balances = _balances(desk, lots)
    for balance in balances.values():
        balance.entries = max(balance.entries - 1, 0)
    return balances


@instead_of(Engine, "_run", "it is answered although the commit failed")
def _answer_anyway(engine: Engine, commands: Sequence[Command], locked: bool) -> list[Answer]:
    return _run_with_answers(engine, commands, locked, StoreUnavailable)


@instead_of(Engine, "_run", "a conflict is passed over")
def _pass_over(engine: Engine, commands: Sequence[Command], locked: bool) -> list[Answer]:
    return _run_with_answers(engine, commands, locked, Conflict)


def _run_with_answers(
    engine: Engine, commands: Sequence[Command], locked: bool, passed_over: type[Exception]
) -> list[Answer]:
    answers: list[Answer] = []

    def listening(state: State, asked: Sequence[Command]) -> tuple[list[Answer], Changes]:
        found, changes = decide.decide(state, asked)
        answers.extend(found)
        return found, changes

    with patch("talktime.charging.engine.decide", listening):
        try:
            return _run(engine, commands, locked)
        except passed_over:
            if not answers:
                raise
            return answers


@instead_of(engine, "_is_owing", "organizations in debt are not locked")
def _owes_nothing(read: object) -> bool:
    return False


@instead_of(Memory, "spent_lots", "what comes back to a spent lot does not expire")
def _no_spent_lots(memory: object, call: object) -> list[Lot]:
    return []


@instead_of(store, "must_be_unchanged", "versions of calls are not compared")
def _unchanged(memory: object, call: object, read: int) -> None:
    return None


@instead_of(store, "judge", "the constraints of lots and accounts are not there")
def _no_judge(rows: object) -> None:
    return None


@instead_of(store, "moved_account", "the time of entries goes back")
def _time_goes_back(row: AccountRow, by: Balance) -> AccountRow:
    return replace(_moved_account(row, by), last_at=by.at or row.last_at)


@instead_of(MemoryTx, "commit", "calls are committed before their money")
def _in_two_parts(tx: MemoryTx) -> None:
    memory, changes = tx._memory, tx._changes
    assert changes is not None
    calls = Changes({}, [], changes.opened, changes.changed, [])
    memory.apply(store.changed_rows(memory, calls))
    tx._watch.pause("half of it is committed")
    tx._changes = Changes(changes.balances, changes.lots, [], [], changes.entries)
    _commit(tx)
