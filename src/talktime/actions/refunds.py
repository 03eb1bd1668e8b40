"""Money that goes back: by an administrator's wish, by the provider's own doing, by a bank's verdict."""

from __future__ import annotations

from msgspec.structs import replace

from talktime.actions import audit, payments, receipts, recharges
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.actions.organizations import locked
from talktime.actions.tender import Terms
from talktime.core.currencies import fits
from talktime.core.funds import Cashier, Cause, NotLeft
from talktime.core.gateway import DisputeState, Event, State, Told
from talktime.core.ledger import DISPUTES, REFUNDS, EntryKind, lot_of
from talktime.core.lots import Part, Parts
from talktime.core.money import decimal
from talktime.core.receipts import Paid, ReceiptKind
from talktime.storage import ledger_store, lot_store, notice_store, org_store, payment_store, refund_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.lot_store import FROZEN
from talktime.storage.notice_rows import notice
from talktime.storage.org_store import Organization
from talktime.storage.payment_store import INVOICE, SUCCEEDED, Payment
from talktime.storage.refund_store import FAILED, PENDING, Refund

OPENED, WON, LOST = (state.value for state in DisputeState)
CONCLUDED = frozenset({"provider_error", "no_answer"})
"""Failures that we concluded ourselves. One that the provider has told is final, whatever is heard of it later."""


def begin(tx: Tx, terms: Terms, org_id: int, refund_id: str, payment_id: str, amount: int, actor: Actor) -> Refund:
    """It leaves the lot at once, so that nobody spends it while the provider is asked."""
    org, payment = locked(tx, org_id), payments.found(tx, org_id, payment_id)
    if payment.state != SUCCEEDED:
        raise StateConflict("not_paid")
    if not fits(amount, payment.currency):
        raise Invalid("too_many_decimals", "amount", currency=payment.currency)
    now = org.now(actor.now)
    refund = Refund(
        org_id=org_id,
        refund_id=refund_id,
        payment_id=payment_id,
        state=PENDING,
        amount_micros=amount,
        asked_by=actor.by,
        created_at=now,
        due_at=now,
    )
    cashier = _cashier(tx, org, payment, now)
    if payment.dispute == LOST or _is_frozen(tx, payment):
        raise StateConflict("disputed")
    try:
        cashier.pay_back(payment.lot_id, amount, Cause(f"refund:{refund_id}", actor.by, payment_id))
    except NotLeft as error:
        raise StateConflict("more_than_left", "amount") from error

    ledger_store.record(tx, org_id, cashier.movement(), may_recharge=False)
    refund_store.add(tx, refund)
    payment_store.change(tx, payment, refunded_micros=payment.refunded_micros + amount)
    audit.note(tx, org_id, actor, "refund.asked", refund_id, None, {"top_up": payment_id, "amount": decimal(amount)})
    if payment.provider == INVOICE:
        # Nobody to ask: the operator pays it back as he was paid.
        return _done(tx, terms, org, payment, refund, None, now)
    return refund


def _cashier(tx: ReadTx, org: Organization, payment: Payment, now: int) -> Cashier:
    return Cashier(org.org_id, org_store.account(tx, org.org_id, [payment.lot_id]), now)


def _is_frozen(tx: ReadTx, payment: Payment) -> bool:
    lot = lot_store.find(tx, payment.org_id, payment.lot_id)
    return lot is not None and lot.state == FROZEN


def book(tx: Tx, terms: Terms, org: Organization, refund_id: str, told: Told, now: int) -> None:
    """How it ended, by whoever hears first."""
    refund = refund_store.find(tx, org.org_id, refund_id)
    if refund is None:
        return
    payment = payments.found(tx, org.org_id, refund.payment_id)
    if refund.state == FAILED:
        if told.state is State.SUCCEEDED and refund.failure_code in CONCLUDED:
            _after_all(tx, terms, org, payment, refund, told, now)
    elif told.state is State.DECLINED:
        # Also of one that had succeeded: a bank may send it back days later.
        if refund.state == refund_store.SUCCEEDED:
            _came_back(tx, terms, org, payment, refund, now)
        _undo(tx, org, payment, refund, told, now)
    elif refund.state != PENDING:
        return
    elif told.state is State.SUCCEEDED:
        _done(tx, terms, org, payment, refund, told.reference, now)
    else:
        tries = refund.tries + 1
        at = now + payments.ASK_AGAIN[min(refund.tries, len(payments.ASK_AGAIN) - 1)]
        values = {"due_at": at, "tries": tries, "claimed_until": None, "reference": told.reference or refund.reference}
        refund_store.change(tx, refund, **values)


def _done(
    tx: Tx, terms: Terms, org: Organization, payment: Payment, refund: Refund, reference: str | None, now: int
) -> Refund:
    ended = {"state": refund_store.SUCCEEDED, "ended_at": now, "reference": reference, "failure_code": None}
    done = refund_store.change(tx, refund, **ended, **payments.NOT_DUE)
    receipts.issue(tx, org, terms.seller, _given_back(payment, done))
    _tell(tx, org, "refund", done.refund_id, payment, done.amount_micros, now)
    return done


def _given_back(payment: Payment, refund: Refund) -> Paid:
    return Paid(
        payment_id=payment.payment_id,
        kind=ReceiptKind.CREDIT_NOTE,
        amount=refund.amount_micros,
        currency=payment.currency,
        at=refund.ended_at or refund.created_at,
        agreement=payment.agreement,
        po_number=payment.po_number,
    )


def _came_back(tx: Tx, terms: Terms, org: Organization, payment: Payment, refund: Refund, now: int) -> None:
    """Its credit note no longer holds: another document says so, and people hear of it."""
    receipts.issue(tx, org, terms.seller, replace(_given_back(payment, refund), kind=_kind(payment), at=now))
    _tell(tx, org, "refund", f"{refund.refund_id}:back", payment, refund.amount_micros, now, state="failed")


def _kind(payment: Payment) -> ReceiptKind:
    return ReceiptKind.INVOICE if payment.provider == INVOICE else ReceiptKind.RECEIPT


def _undo(tx: Tx, org: Organization, payment: Payment, refund: Refund, told: Told, now: int) -> None:
    """The provider would not: the money is where it was."""
    back = _taken(tx, payment, refund)
    cashier = Cashier(org.org_id, org_store.account(tx, org.org_id, [part.lot_id for part in back]), now)
    how = "came_back" if refund.state == refund_store.SUCCEEDED else "undone"
    cause = Cause(f"refund:{refund.refund_id}:{how}", refund.asked_by, payment.payment_id)
    cashier.take_again(back, cause)
    ledger_store.record(tx, org.org_id, cashier.movement(), may_recharge=False)
    payment_store.change(tx, payment, refunded_micros=payment.refunded_micros - refund.amount_micros)
    refund_store.change(tx, refund, state=FAILED, failure_code=told.code, ended_at=now, **payments.NOT_DUE)


def _taken(tx: ReadTx, payment: Payment, refund: Refund) -> Parts:
    """From which lots it was taken, what was owed for it first: that belongs to the lot of its payment."""
    org_id, key = refund.org_id, f"refund:{refund.refund_id}"
    moved = ledger_store.postings_of(tx, org_id, f"{key}:after_all") or ledger_store.postings_of(tx, org_id, key)
    gone = [one for one in reversed(moved) if one.destination == REFUNDS]
    return tuple([Part(lot_of(one.source) or payment.lot_id, one.amount) for one in gone])


def _after_all(tx: Tx, terms: Terms, org: Organization, payment: Payment, refund: Refund, told: Told, now: int) -> None:
    """The provider has given it back, though we had concluded that he would not."""
    if _goes_back(tx, org, payment, refund, f"refund:{refund.refund_id}:after_all", now):
        _done(tx, terms, org, payment, refund, told.reference, now)


def from_outside(
    tx: Tx, terms: Terms, org: Organization, payment: Payment, reference: str, amount: int, now: int
) -> None:
    """Somebody has given it back at the provider's own desk."""
    if refund_store.by_reference(tx, org.org_id, reference):
        return
    refund = Refund(
        org_id=org.org_id,
        refund_id=f"ref_{reference}",
        payment_id=payment.payment_id,
        state=PENDING,
        amount_micros=amount,
        reference=reference,
        asked_by=f"provider:{payment.provider}",
        created_at=now,
    )
    if _goes_back(tx, org, payment, refund, f"refund:{refund.refund_id}", now):
        refund_store.add(tx, refund)
        _done(tx, terms, org, payment, refund, reference, now)


def _goes_back(tx: Tx, org: Organization, payment: Payment, refund: Refund, key: str, now: int) -> bool:
    """It is gone, whatever we think of it: what is spent of it is owed. False: people look at it."""
    amount = refund.amount_micros
    if payment.dispute == LOST or amount > payment.amount_micros - payment.refunded_micros:
        told = Told(state=State.SUCCEEDED, reference=refund.reference or refund.refund_id, amount=amount)
        payments.open_item(tx, org.org_id, payment.payment_id, "refunded_too_much", told, now)
        return False
    cashier = _cashier(tx, org, payment, now)
    cause = Cause(key, refund.asked_by, payment.payment_id)
    cashier.claw_back(payment.lot_id, amount, REFUNDS, EntryKind.REFUND, cause)
    ledger_store.record(tx, org.org_id, cashier.movement(), may_recharge=False)
    payment_store.change(tx, payment, refunded_micros=payment.refunded_micros + amount)
    return True


# ---------------------------------------------------------------- disputes


def dispute(tx: Tx, org: Organization, payment: Payment, event: Event, state: DisputeState, now: int) -> None:
    """What is left of its lot is frozen while the bank decides. A verdict stands, whenever it was heard."""
    if payment.dispute in (WON, LOST) or payment.dispute == state.value:
        _heard_again(tx, org, payment, event, state, now)
        return
    if state is DisputeState.OPENED:
        lot_store.freeze(tx, org.org_id, payment.lot_id)
        recharges.pause(tx, org, "dispute", now)
    elif state is DisputeState.WON:
        lot_store.thaw(tx, org.org_id, payment.lot_id)
    else:
        _lost(tx, org, payment, now)
    payment_store.change(tx, payment, dispute=state.value)
    once = f"{event.dispute_id or payment.payment_id}:{state}"
    _tell(tx, org, "dispute", once, payment, payment.amount_micros - payment.refunded_micros, now, state=state.value)


def _heard_again(tx: Tx, org: Organization, payment: Payment, event: Event, state: DisputeState, now: int) -> None:
    """One dispute of a payment is followed; another one, or another verdict about it, is looked at by people."""
    if event.dispute_id is None or _was_told(tx, org.org_id, event.dispute_id, state):
        return
    reason = "disputed_again" if state is DisputeState.OPENED else "another_verdict"
    told = replace(event.told, reference=event.dispute_id, code=state.value)
    payments.open_item(tx, org.org_id, payment.payment_id, reason, told, now)


def _was_told(tx: ReadTx, org_id: int, dispute_id: str, state: DisputeState) -> bool:
    """Of a dispute whose verdict was told, the opening is known as well: it comes late."""
    states = DisputeState if state is DisputeState.OPENED else [state]
    return any(notice_store.was_told(tx, org_id, "dispute", f"{dispute_id}:{one}") for one in states)


def _lost(tx: Tx, org: Organization, payment: Payment, now: int) -> None:
    """What was paid less what was refunded goes back; the balance may become negative."""
    amount = payment.amount_micros - payment.refunded_micros
    if amount:
        cashier = _cashier(tx, org, payment, now)
        cause = Cause(f"dispute:{payment.payment_id}", f"provider:{payment.provider}", payment.payment_id)
        cashier.claw_back(payment.lot_id, amount, DISPUTES, EntryKind.DISPUTE, cause)
        ledger_store.record(tx, org.org_id, cashier.movement(), may_recharge=False)
    # What calls still hold of it is the organization's: it has given all of it back.
    lot_store.thaw(tx, org.org_id, payment.lot_id)
    recharges.pause(tx, org, "dispute", now)


def _tell(
    tx: Tx, org: Organization, event: str, once: str, payment: Payment, amount: int, now: int, **more: str
) -> None:
    details = {"top_up": payment.payment_id, "amount": decimal(amount), "currency": payment.currency, **more}
    notice_store.add(tx, org.org_id, [notice(org.org_id, event, once, now, **details)])


def found(tx: ReadTx, org_id: int, refund_id: str) -> Refund:
    refund = refund_store.find(tx, org_id, refund_id)
    if refund is None:
        raise NotFound
    return refund
