"""When everything is quiet: what the provider has really taken beside what the product has booked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import select

from talktime.core.gateway import Told
from talktime.core.ids import org_name
from talktime.core.months import month_of
from talktime.core.recharges import RECHARGES_PER_24H, Setting, State
from talktime.core.time import DAY
from talktime.storage import org_store, recharge_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.payment_store import FAILED, INVOICE, RECHARGE, SUCCEEDED, Payment
from tests.gateway.bank import ASKS, DECLINED, DECLINED_LATER, LIES, SOMEBODY_ELSE, Fault
from tests.gateway.stage import Stage
from tests.gateway.templates import TRIGGER

LOOKED_AT = "taken_twice"
REASONS = {
    Fault.OTHER_AMOUNT: "other_amount",
    Fault.OTHER_CURRENCY: "other_currency",
    Fault.OTHER_ORGANIZATION: "unknown_payment",
    Fault.OTHER_MODE: "other_mode",
}
"""Why people look at a message that does not fit."""


ONE_NEED = {"recharge", "recharge with a backup", "settings saved while below", "retry after a pause"}


class Books(NamedTuple):
    """What stands in the product's books of one organization."""

    posted: int
    setting: Setting
    entries: list[tuple[str, str, int]]
    """Key, kind and amount."""
    items: list[tuple[str | None, str]]
    """Payment and reason."""
    refunds: list[tuple[str, str, int]]
    told: Counter[tuple[str, str]]
    """Event, and the payment that it is about."""


def books_of(tx: ReadTx, org_id: int) -> Books:
    e, i, r, n = t.entries.c, t.reconciliation.c, t.refunds.c, t.notices.c
    entries = select(e.entry_key, e.kind, e.amount_micros).where(e.org_id == org_id)
    notices = tx.execute(select(n.event, n.details).where(n.org_id == org_id))
    details = [(row.event, msgspec.json.decode(row.details)) for row in notices]
    return Books(
        posted=org_store.account(tx, org_id).posted,
        setting=recharge_store.find(tx, org_id),
        entries=[tuple(row) for row in tx.execute(entries)],
        items=[tuple(row) for row in tx.execute(select(i.top_up, i.reason).where(i.org_id == org_id))],
        refunds=[
            tuple(row) for row in tx.execute(select(r.refund_id, r.state, r.amount_micros).where(r.org_id == org_id))
        ],
        told=Counter((event, found.get("top_up", found.get("payment", ""))) for event, found in details),
    )


def judge(stage: Stage) -> Iterator[str]:
    """What is wrong after one scenario, in words."""
    database = stage.house.app.database
    books = database.read(stage.org_id, books_of, stage.org_id)
    if stage.scenario.fault is Fault.OTHER_ORGANIZATION:
        # Whom the message names has it to look at.
        others = database.read(SOMEBODY_ELSE, books_of, SOMEBODY_ELSE).items
        books.items.extend(item for item in others if item[0] in {one.payment_id for one in stage.payments()})
    yield from quiet_books(stage)
    yield from _verdict(stage)
    yield from _fault(stage, stage.payments(), books)


def quiet_books(stage: Stage) -> Iterator[str]:
    """What must hold whatever has happened."""
    books = stage.house.app.database.read(stage.org_id, books_of, stage.org_id)
    payments, taken = stage.payments(), stage.house.bank.charges(org_name(stage.org_id))
    yield from _charges(payments, taken, books)
    yield from _payments(payments, books)
    yield from _refunds(stage, books)
    yield from _balance(stage, payments, books)
    yield from _brakes(stage, payments)
    yield from _setting(books)


def _charges(payments: Sequence[Payment], taken: Sequence[Told], books: Books) -> Iterator[str]:
    """Each once: credited, or looked at by people."""
    credited = Counter(key for key, _, _ in books.entries)
    looked_at = Counter(top_up for top_up, reason in books.items if reason == LOOKED_AT)
    known = {payment.payment_id for payment in payments}
    for told in taken:
        if told.payment not in known:
            yield f"missing: {told.order} was taken and nobody knows of it"
    for payment in payments:
        mine = [told for told in taken if told.payment == payment.payment_id]
        booked = credited[f"pay:{payment.payment_id}"]
        if payment.provider != INVOICE and booked > len(mine):
            yield f"double: {payment.payment_id} is credited {booked} times and was taken {len(mine)} times"
        if len(mine) > booked + looked_at[payment.payment_id]:
            yield f"missing: {payment.payment_id} was taken {len(mine)} times and is credited {booked} times"
        if booked > 1 or (payment.state == SUCCEEDED) != bool(booked):
            yield f"double: {payment.payment_id} is {payment.state} and booked {booked} times"


def _payments(payments: Sequence[Payment], books: Books) -> Iterator[str]:
    for payment in payments:
        if payment.state not in (SUCCEEDED, FAILED):
            yield f"{payment.payment_id} is still {payment.state}"
        event = "recharge_succeeded" if payment.kind == RECHARGE else "funds_added"
        if (told := books.told[event, payment.payment_id]) != (payment.state == SUCCEEDED):
            yield f"{payment.payment_id} is {payment.state}, and {event} was told {told} times"


def _refunds(stage: Stage, books: Books) -> Iterator[str]:
    given = dict(stage.house.bank.refunds(org_name(stage.org_id)))
    for refund_id, state, amount in books.refunds:
        if state == "pending" or (state == SUCCEEDED) != (given.pop(refund_id, None) == amount):
            yield f"{refund_id} is {state}, and the provider has given back {given}"
    if given:
        yield f"missing: {given} was given back and is not booked"


def _balance(stage: Stage, payments: Sequence[Payment], books: Books) -> Iterator[str]:
    given = sum(amount for key, _, amount in books.entries if key.startswith("grant:"))
    wanted = given - stage.spent + sum(one.amount_micros for one in payments if one.state == SUCCEEDED)
    wanted -= sum(amount for _, state, amount in books.refunds if state == SUCCEEDED)
    wanted -= sum(one.amount_micros - one.refunded_micros for one in payments if one.dispute == "lost")
    if books.posted != wanted:
        yield f"the balance is {books.posted} and should be {wanted}"


def _verdict(stage: Stage) -> Iterator[str]:
    heard = {one.dispute for one in stage.payments()}
    if stage.verdicts and heard != {stage.verdicts[-1].value}:
        yield f"a bank has said {stage.verdicts}, and the payments are {heard}"


def _brakes(stage: Stage, payments: Sequence[Payment]) -> Iterator[str]:
    done = [one for one in payments if one.kind == RECHARGE and one.state == SUCCEEDED and one.settled_at]
    at = sorted(one.settled_at or 0 for one in done)
    for first, fourth in zip(at, at[RECHARGES_PER_24H:], strict=False):
        if fourth - first < DAY:
            yield "I7: more recharges in 24 hours than may be"
    limit = stage.house.app.database.read(stage.org_id, recharge_store.find, stage.org_id).monthly_limit
    months = Counter[str]()
    for one in done:
        months[month_of(one.settled_at or 0, "UTC")] += one.amount_micros
    if limit is not None and max(months.values(), default=0) > limit:
        yield f"I7: {months} was recharged, the monthly limit is {limit}"


def _setting(books: Books) -> Iterator[str]:
    """It is not left below its trigger without a reason that people can see."""
    setting = books.setting
    if setting.enabled and setting.state in (State.ON, State.CHARGING) and books.posted < TRIGGER:
        yield f"I19: auto-recharge is {setting.state}, and the balance is {books.posted}"
    if setting.enabled and books.posted >= TRIGGER and setting.state not in (State.ON, State.PAUSED):
        yield f"I19: auto-recharge is {setting.state}, though the balance is {books.posted}"


def _fault(stage: Stage, payments: Sequence[Payment], books: Books) -> Iterator[str]:
    fault, bank = stage.scenario.fault, stage.house.bank
    mine = [one for one in payments if one.created_at >= bank.begun]
    if fault not in DECLINED | DECLINED_LATER and (bad := [one for one in mine if one.state == FAILED]):
        yield f"an outage is no decline: {bad[0].payment_id} has failed with {bad[0].failure_code}"
    if fault not in DECLINED | DECLINED_LATER and stage.scenario.flow in ONE_NEED and len(mine) != 1:
        yield f"double: {len(mine)} recharges were begun for one need"
    if fault in REASONS and bank.keys and REASONS[fault] not in {reason for _, reason in books.items}:
        yield f"nobody looks at {fault}: {books.items}"
    if books.items and fault not in (*LIES, Fault.AFTER_ALL):
        yield f"people must look at {books.items}, and nothing is strange"
    for one in mine:
        asked = one.kind == RECHARGE and bank.asked & {f"{one.payment_id}-1", f"{one.payment_id}-2"}
        if (told := books.told["recharge_requires_action", one.payment_id]) != bool(asked):
            yield f"{one.payment_id}: its holder was told {told} times"
    if fault in ASKS and len(mine) != len(bank.keys):
        yield f"a holder was to be asked, and {len(bank.keys)} orders came of {len(mine)} payments"
