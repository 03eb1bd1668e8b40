"""Payments: written before anybody is asked for money, and booked by whatever is heard first about how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from talktime.actions import audit, receipts, recharges, tender
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.actions.organizations import limits_of, locked
from talktime.actions.tender import Terms
from talktime.core.funds import Cashier, Cause
from talktime.core.gateway import State, Told
from talktime.core.ids import org_name, uuid7_of
from talktime.core.ledger import EntryKind, clearing_book
from talktime.core.lots import Lot
from talktime.core.money import AMOUNT_MAX, decimal, micros
from talktime.core.receipts import Paid, ReceiptKind, card_text
from talktime.core.recharges import a_year_after
from talktime.core.time import DAY, MINUTE, SECOND
from talktime.storage import (
    agreement_store,
    ledger_store,
    method_store,
    notice_store,
    org_store,
    payment_store,
    reconciliation_store,
)
from talktime.storage.database import ReadTx, Tx
from talktime.storage.notice_rows import notice
from talktime.storage.org_store import Organization
from talktime.storage.payment_store import (
    AWAITING,
    FAILED,
    INVOICE,
    PENDING,
    REQUIRES_ACTION,
    SUCCEEDED,
    TOP_UP,
    UNDECIDED,
    Payment,
)
from talktime.storage.reconciliation_store import Item

HOLDER_HAS = 1 * DAY
"""So long a card holder may take to say who he is."""
ASK_AGAIN = (10 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE)
CHARGES_MAX = 3
"""So often a key is sent again before we only look; providers forget keys after a day."""
KEYS_LIVE = 20 * 60 * MINUTE
PROCESSING_TAKES = 15 * MINUTE
UNDECIDED_AFTER = 3 * DAY
"""Then people hear of it, and the operator may end it."""


class TopUp(Struct, frozen=True):
    """Funds that somebody adds by hand."""

    payment_id: str
    amount: int
    method_id: str | None
    agreement: str | None
    po_number: str | None


def begin(tx: Tx, org_id: int, asked: TopUp, terms: Terms, actor: Actor) -> Payment:
    """Nothing is taken yet, but from now on it will be known how it ended."""
    org = locked(tx, org_id)
    check(tx, org, asked, terms)
    now = org.now(actor.now)
    payment = _by_invoice(org, asked, actor, now) if asked.agreement else _by_card(tx, org, asked, actor, now)

    payment_store.add(tx, payment)
    audit.note(tx, org_id, actor, "top_up.asked", payment.payment_id, None, _told(payment))
    if payment.provider == INVOICE and _credits_at_once(tx, org, payment):
        return settle(tx, terms, org, payment, _paid(payment, now), now)
    return payment


def check(tx: ReadTx, org: Organization, asked: TopUp, terms: Terms) -> None:
    """Whether a payment would be begun, so that somebody can be told before he pays."""
    tender.may_fund(org)
    tender.check_amount(org, terms, "amount", asked.amount)
    posted = org_store.account(tx, org.org_id).posted
    if payment_store.undecided_total(tx, org.org_id) + posted + asked.amount > AMOUNT_MAX:
        raise StateConflict("balance_too_large", "amount")
    if asked.agreement:
        _check_invoice(tx, org, asked)
    else:
        _check_card(tx, org, asked)


def _check_card(tx: ReadTx, org: Organization, asked: TopUp) -> None:
    if asked.po_number is not None:
        raise Invalid("only_with_agreement", "po_number")
    tender.usable(tx, org.org_id, asked.method_id, "payment_method")


def _check_invoice(tx: ReadTx, org: Organization, asked: TopUp) -> None:
    if asked.method_id is not None:
        raise Invalid("card_or_agreement", "payment_method")
    if agreement_store.numbered(tx, org.org_id, asked.agreement or "") is None:
        raise Invalid("unknown_agreement", "agreement")


def _by_card(tx: ReadTx, org: Organization, asked: TopUp, actor: Actor, now: int) -> Payment:
    method = tender.usable(tx, org.org_id, asked.method_id, "payment_method")
    made = _written(org, asked, actor, now)
    return msgspec.structs.replace(made, provider=method.provider, method_id=method.method_id, due_at=now)


def _by_invoice(org: Organization, asked: TopUp, actor: Actor, now: int) -> Payment:
    made = _written(org, asked, actor, now)
    return msgspec.structs.replace(
        made, state=AWAITING, provider=INVOICE, agreement=asked.agreement, po_number=asked.po_number
    )


def _written(org: Organization, asked: TopUp, actor: Actor, now: int) -> Payment:
    return Payment(
        org_id=org.org_id,
        payment_id=asked.payment_id,
        kind=TOP_UP,
        state=PENDING,
        amount_micros=asked.amount,
        currency=org.currency,
        provider="",
        asked_by=actor.by,
        created_at=now,
    )


def _credits_at_once(tx: ReadTx, org: Organization, payment: Payment) -> bool:
    """Up to what the operator trusts it with before he has the money."""
    limit = limits_of(org).invoice_limit
    if not isinstance(limit, str):
        return False
    return payment_store.unpaid_invoices(tx, org.org_id) + payment.amount_micros <= micros(limit)


def _paid(payment: Payment, at: int) -> Told:
    return Told(state=State.SUCCEEDED, amount=payment.amount_micros, currency=payment.currency, at=at)


def confirm(tx: Tx, terms: Terms, org_id: int, payment_id: str, actor: Actor) -> Payment:
    """The operator has the money of an invoice."""
    org, payment = locked(tx, org_id), found(tx, org_id, payment_id)
    if payment.provider != INVOICE or payment.state == FAILED:
        raise StateConflict("not_awaited")
    if payment.confirmed_at is None:
        audit.note(tx, org_id, actor, "payment.confirmed", payment_id, None, _told(payment))
        payment = payment_store.change(tx, payment, confirmed_at=actor.now)
    now = org.now(actor.now)
    return settle(tx, terms, org, payment, _paid(payment, now), now) if payment.state == AWAITING else payment


def reject(tx: Tx, org_id: int, payment_id: str, actor: Actor) -> Payment:
    """The money of an invoice will not come, or nobody could say for days how a payment stands."""
    org, payment = locked(tx, org_id), found(tx, org_id, payment_id)
    now = org.now(actor.now)
    if payment.state not in UNDECIDED:
        raise StateConflict("not_awaited")
    if payment.state != AWAITING and not is_undecided(payment, now):
        raise StateConflict("on_its_way")
    audit.note(tx, org_id, actor, "payment.rejected", payment_id, None, _told(payment))
    return _given_up(tx, org, payment, "rejected", now)


def is_undecided(payment: Payment, now: int) -> bool:
    """For so long that no answer is to be expected any more."""
    return payment.state in (PENDING, REQUIRES_ACTION) and now - payment.created_at >= UNDECIDED_AFTER


def found(tx: ReadTx, org_id: int, payment_id: str) -> Payment:
    payment = payment_store.find(tx, org_id, payment_id)
    if payment is None:
        raise NotFound
    return payment


# ---------------------------------------------------------------- what is heard of it


def book(tx: Tx, terms: Terms, org: Organization, payment: Payment, told: Told, now: int) -> Payment:
    """Under the lock of the account. Whoever hears first books; what is heard again changes nothing."""
    if told.state is State.SUCCEEDED:
        return settle(tx, terms, org, payment, told, now)
    if payment.state not in (PENDING, REQUIRES_ACTION):
        return payment
    match told.state:
        case State.DECLINED:
            return _declined(tx, org, payment, told.code or "declined", now)
        case State.REQUIRES_ACTION:
            return _ask_holder(tx, org, payment, told, now)
        case State.ABSENT if now - payment.created_at >= KEYS_LIVE:
            return _given_up(tx, org, payment, "no_answer", now)
        case State.PROCESSING:
            return _later(tx, payment, told, now + PROCESSING_TAKES)
    return _later(tx, payment, told, now + ASK_AGAIN[min(payment.tries, len(ASK_AGAIN) - 1)])


def _later(tx: Tx, payment: Payment, told: Told, at: int) -> Payment:
    """A card holder keeps the day that he was given, whatever is not known meanwhile."""
    if payment.state == REQUIRES_ACTION and payment.due_at is not None:
        at = max(at, payment.due_at)
    values: dict[str, Any] = {"due_at": at, "claimed_until": None, "tries": payment.tries + 1}
    return payment_store.change(tx, payment, reference=told.reference or payment.reference, **values)


def _look_soon(tx: Tx, payment: Payment, now: int) -> Payment:
    """A stranger's word changes nothing: who knows is asked as he would have been."""
    due_at = payment.due_at if payment.due_at and payment.due_at > now else now + PROCESSING_TAKES
    return payment_store.change(tx, payment, due_at=due_at, claimed_until=None)


def settle(tx: Tx, terms: Terms, org: Organization, payment: Payment, told: Told, now: int) -> Payment:
    """Money that was taken becomes a lot, whatever we believed before. What does not fit is looked at by people."""
    if wrong := _differs(org, payment, told):
        open_item(tx, org.org_id, payment.payment_id, wrong, told, now)
        return _look_soon(tx, payment, now) if payment.state == PENDING else payment
    if payment.state == SUCCEEDED:
        return payment
    taken_at = now if told.at is None else told.at
    ends_at = a_year_after(taken_at, org.time_zone)
    cashier = Cashier(org.org_id, org_store.account(tx, org.org_id), now)
    lot = Lot(payment.lot_id, payment.amount_micros, 0, taken_at, ends_at)
    kind = EntryKind(payment.kind)
    cashier.fund(lot, clearing_book(payment.provider), kind, Cause(f"pay:{payment.payment_id}", payment.asked_by))

    ledger_store.record(tx, org.org_id, cashier.movement(), sets_up_credits=True)
    settled = payment_store.change(
        tx,
        payment,
        state=SUCCEEDED,
        leg=payment.leg_of(told.order),
        settled_at=taken_at,
        ended_at=now,
        # Refunds name it by something.
        reference=told.reference or payment.reference or told.order or payment.payment_id,
        failure_code=None,
        redirect_url=None,
        **NOT_DUE,
    )
    receipts.issue(tx, org, terms.seller, _receipted(tx, settled, ends_at))
    _tell_settled(tx, org, settled, ends_at, now)
    recharges.succeeded(tx, org, settled, now)
    return settled


NOT_DUE: Mapping[str, Any] = {"due_at": None, "claimed_until": None}


def _receipted(tx: ReadTx, payment: Payment, ends_at: int) -> Paid:
    kind = ReceiptKind.INVOICE if payment.provider == INVOICE else ReceiptKind.RECEIPT
    method = method_store.find(tx, payment.org_id, payment.asked_method) if payment.asked_method else None
    return Paid(
        payment_id=payment.payment_id,
        kind=kind,
        amount=payment.amount_micros,
        currency=payment.currency,
        at=payment.settled_at or payment.created_at,
        expires_at=ends_at,
        card=card_text(method.brand, method.last4) if method else None,
        agreement=payment.agreement,
        po_number=payment.po_number,
    )


def _tell_settled(tx: Tx, org: Organization, payment: Payment, ends_at: int, now: int) -> None:
    event = "funds_added" if payment.kind == TOP_UP else "recharge_succeeded"
    details = {
        "top_up": payment.payment_id,
        "amount": decimal(payment.amount_micros),
        "currency": payment.currency,
        "card": recharges.card_of(tx, payment),
        "balance": decimal(org_store.account(tx, org.org_id).posted),
        "expires_at": str(ends_at),
    }
    notice_store.add(tx, org.org_id, [notice(org.org_id, event, payment.payment_id, now, **details)])


def _differs(org: Organization, payment: Payment, told: Told) -> str | None:
    """Why money is not delivered on somebody's word. What he does not say cannot differ."""
    checks = {
        "other_amount": told.amount in (None, payment.amount_micros),
        "other_currency": payment.currency == org.currency and told.currency in (None, payment.currency),
        "other_organization": told.organization in (None, org_name(org.org_id)),
        "other_payment": told.payment in (None, payment.payment_id),
        "other_mode": told.live in (None, org.mode == "live"),
        "taken_twice": payment.state != SUCCEEDED or told.order in (None, payment.key),
    }
    return next((reason for reason, fits in checks.items() if not fits), None)


def open_item(tx: Tx, org_id: int, top_up: str | None, reason: str, told: Told, now: int) -> None:
    """For people: nothing is credited by it."""
    details = msgspec.json.encode(told).decode()
    once = f"{reason}:{top_up}:{told.reference or details}"
    item = Item(org_id, f"rec_{uuid7_of(now, once)}", once, top_up, reason, details, now)
    reconciliation_store.add(tx, item)


def _declined(tx: Tx, org: Organization, payment: Payment, code: str, now: int) -> Payment:
    """The backup is asked at once; only both together are a decline."""
    if payment.leg == 1 and payment.backup_method_id is not None and payment.state == PENDING:
        second = {"leg": 2, "first_failure": code, "reference": None, "due_at": now, "claimed_until": None, "tries": 0}
        return payment_store.change(tx, payment, **second)
    return fail(tx, org, payment, code, now)


def fail(tx: Tx, org: Organization, payment: Payment, code: str, now: int) -> Payment:
    codes = (code,) if payment.leg == 1 else (payment.first_failure, code)
    failed = _failed(tx, payment, code, now)
    recharges.declined(tx, org, failed, codes, now)
    return failed


def _given_up(tx: Tx, org: Organization, payment: Payment, code: str, now: int) -> Payment:
    """Nobody has said that a card declined."""
    failed = _failed(tx, payment, code, now)
    recharges.unanswered(tx, org, failed, now)
    return failed


def _failed(tx: Tx, payment: Payment, code: str, now: int) -> Payment:
    ended = {"state": FAILED, "failure_code": code, "ended_at": now, "redirect_url": None, **NOT_DUE}
    return payment_store.change(tx, payment, **ended)


def note_undecided(tx: Tx, payment: Payment, now: int) -> None:
    """People hear once of what nobody can say."""
    if is_undecided(payment, now):
        told = Told(state=State.UNKNOWN, payment=payment.payment_id)
        open_item(tx, payment.org_id, payment.payment_id, "undecided", told, now)


def _ask_holder(tx: Tx, org: Organization, payment: Payment, told: Told, now: int) -> Payment:
    if payment.state == REQUIRES_ACTION:
        return payment
    values = {"state": REQUIRES_ACTION, "reference": told.reference, "redirect_url": told.url}
    asked = payment_store.change(tx, payment, **values, due_at=now + HOLDER_HAS, claimed_until=None)
    recharges.requires_action(tx, org, asked, now)
    return asked


def given_up(tx: Tx, org: Organization, payment: Payment, now: int) -> Payment:
    """The card holder did not say who he is in time, and the provider takes nothing any more."""
    failed = _failed(tx, payment, "authentication_expired", now)
    recharges.not_authenticated(tx, org, failed, now)
    return failed


def _told(payment: Payment) -> dict[str, Any]:
    about = {"method": payment.method_id, "agreement": payment.agreement, "po_number": payment.po_number}
    return {"amount": decimal(payment.amount_micros), "state": payment.state, **about}
