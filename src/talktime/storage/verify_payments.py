"""Payments of one organization beside its books: what succeeded was credited once, and nothing else was."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import select

from talktime.core.ledger import EntryKind
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.payment_store import FAILED, PENDING, RECHARGE, REQUIRES_ACTION, SUCCEEDED
from talktime.storage.verify_books import Tell, streamed

FUNDED = (EntryKind.TOP_UP.value, EntryKind.RECHARGE.value)
IN_FLIGHT = (PENDING, REQUIRES_ACTION)
p, e, lot, r, s = t.payments.c, t.entries.c, t.lots.c, t.refunds.c, t.recharges.c


def check_payments(tx: ReadTx, org_id: int, tell: Tell) -> None:
    credited = {row.entry_key: row for row in tx.execute(_credits(org_id))}
    lots = dict(tx.execute(select(lot.lot_id, lot.amount_micros).where(lot.org_id == org_id, lot.kind == "paid")).all())
    refunded, debited = _refunded(tx, org_id), _debited(tx, org_id)
    flying = 0
    rows = select(p.payment_id, p.kind, p.state, p.amount_micros, p.refunded_micros, p.due_at, p.dispute)
    for payment in streamed(tx, rows.where(p.org_id == org_id).order_by(p.payment_id)):
        entry = credited.pop(f"pay:{payment.payment_id}", None)
        _check_credit(payment, entry, lots.get(_lot_of(payment.payment_id)), tell)
        _check_back(payment, refunded.pop(payment.payment_id, 0), tell)
        if payment.dispute == "lost" and f"dispute:{payment.payment_id}" not in debited:
            _check_dispute(payment, tell)
        flying += payment.kind == RECHARGE and payment.state in IN_FLIGHT
    if flying > 1:
        tell("I7", f"{flying} recharges are in flight")
    for key in credited:
        tell("I6", f"entry {key}: there is no such payment")
    for payment_id in refunded:
        tell("I6", f"refunds of {payment_id}, which does not exist")
    _check_setting(tx, org_id, flying, tell)


def _credits(org_id: int) -> Any:
    return select(e.entry_key, e.kind, e.amount_micros).where(e.org_id == org_id, e.kind.in_(FUNDED))


def _lot_of(payment_id: str) -> str:
    return f"lot_{payment_id.partition('_')[2]}"


def _check_credit(payment: Any, entry: Any, lot_amount: int | None, tell: Tell) -> None:
    name = f"payment {payment.payment_id}"
    if payment.state != SUCCEEDED:
        if entry is not None or lot_amount is not None:
            tell("I6", f"{name} is {payment.state}, and its money is there")
        if payment.state in IN_FLIGHT and payment.due_at is None:
            tell("I19", f"{name} is {payment.state}, and nobody will look after it")
        return
    if entry is None:
        tell("I6", f"{name} has succeeded, and was not credited")
    elif (entry.kind, entry.amount_micros) != (payment.kind, payment.amount_micros):
        tell("I6", f"{name}: {payment.kind} of {payment.amount_micros}, credited {entry.kind} of {entry.amount_micros}")
    if lot_amount != payment.amount_micros:
        tell("I6", f"{name}: {payment.amount_micros} were paid, and its lot began with {lot_amount}")


def _refunded(tx: ReadTx, org_id: int) -> dict[str, int]:
    """By the payment: what went back or is on its way."""
    sums: dict[str, int] = defaultdict(int)
    rows = select(r.payment_id, r.amount_micros).where(r.org_id == org_id, r.state != FAILED)
    for payment_id, amount in tx.execute(rows):
        sums[payment_id] += amount
    return sums


def _debited(tx: ReadTx, org_id: int) -> set[str]:
    rows = select(e.entry_key).where(e.org_id == org_id, e.kind == EntryKind.DISPUTE.value)
    return set(tx.scalars(rows).all())


def _check_back(payment: Any, refunded: int, tell: Tell) -> None:
    if payment.refunded_micros != refunded or refunded > payment.amount_micros:
        said = f"{payment.refunded_micros} of {payment.amount_micros} were given back, and its refunds are {refunded}"
        tell("I6", f"payment {payment.payment_id}: {said}")


def _check_dispute(payment: Any, tell: Tell) -> None:
    if payment.amount_micros > payment.refunded_micros:
        tell("I6", f"payment {payment.payment_id}: its dispute is lost, and nothing was clawed back")


def _check_setting(tx: ReadTx, org_id: int, flying: int, tell: Tell) -> None:
    """Where it says that a recharge is on its way, one is; and where it waits, somebody will look."""
    setting = tx.execute(select(s.enabled, s.state, s.look_at).where(s.org_id == org_id)).first()
    if setting is None or not setting.enabled:
        return
    if (setting.state in ("charging", "requires_action")) and not flying:
        tell("I7", f"auto-recharge is {setting.state}, and no recharge is on its way")
    if setting.state in ("retrying", "limit_reached") and setting.look_at is None:
        tell("I19", f"auto-recharge is {setting.state}, and nobody will look at it")
