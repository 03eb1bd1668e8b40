"""Bugs that the harness must catch: each stands in the place of something that the product does right."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from unittest.mock import patch

from msgspec.structs import replace

from talktime.actions import payments, recharges, refunds, till
from talktime.actions.inbox import Inbox
from talktime.actions.reconciler import Reconciled, Reconciler
from talktime.actions.till import Errand, Till
from talktime.core.gateway import State, Told
from talktime.storage import payment_store, refund_store
from talktime.storage.payment_store import RECHARGE, REQUIRES_ACTION, Payment
from talktime.storage.refund_store import Refund


class Bug(NamedTuple):
    flow: str
    """Where it shows."""
    plant: Callable[[], AbstractContextManager[object]]


BUGS: dict[str, Bug] = {}


def instead_of(owner: object, name: str, flow: str, words: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(wrong: Callable[..., Any]) -> Callable[..., Any]:
        BUGS[words] = Bug(flow, lambda: patch.object(owner, name, wrong))
        return wrong

    return add


_book, _differs = payments.book, payments._differs
_what_to_ask = till.what_to_ask
_told, _requires_action, _told_of_refund = Till._told, recharges.requires_action, Till._told_of_refund


# ---------------------------------------------------------------- asking for money

BUGS["each try has a key of its own"] = Bug(
    "top-up", lambda: patch.object(Payment, "key", property(lambda one: f"{one.payment_id}-{one.leg}-{one.tries}"))
)


@instead_of(Till, "_told", "recharge", "an outage is a decline")
def _outage_declines(self: Till, errand: Errand) -> Told:
    told = _told(self, errand)
    return Told(state=State.DECLINED, code="outage") if told.state is State.UNKNOWN else told


@instead_of(till, "_refused", "recharge", "a key that is refused is a decline")
def _refusal_declines(error: Exception, first: bool) -> Told:
    return Told(state=State.DECLINED, code="provider_error")


@instead_of(payments, "book", "recharge with a backup", "the backup is asked while nobody knows of the first card")
def _backup_too_early(tx: Any, terms: Any, org: Any, payment: Payment, told: Told, now: int) -> Payment:
    unknown = told.state is State.UNKNOWN and payment.backup_method_id is not None
    return _book(tx, terms, org, payment, Told(state=State.DECLINED, code="outage") if unknown else told, now)


@instead_of(payment_store, "due", "top-up", "what was lost is never asked for again")
def _never_due(tx: Any, now: int, limit: int) -> list[Any]:
    return []


@instead_of(till, "what_to_ask", "recharge", "who does not say who he is may pay when the day is over")
def _never_cancelled(payment: Payment, now: int, restored: bool) -> str:
    return "look_up" if payment.state == REQUIRES_ACTION else _what_to_ask(payment, now, restored)


# ---------------------------------------------------------------- booking


@instead_of(payments, "book", "top-up", "what is being processed is credited")
def _credit_early(tx: Any, terms: Any, org: Any, payment: Payment, told: Told, now: int) -> Payment:
    processing = told.state is State.PROCESSING
    return _book(tx, terms, org, payment, replace(told, state=State.SUCCEEDED) if processing else told, now)


@instead_of(payments, "book", "top-up", "it is booked whatever the state is")
def _credit_all(tx: Any, terms: Any, org: Any, payment: Payment, told: Told, now: int) -> Payment:
    return payments.settle(tx, terms, org, payment, told, now)


@instead_of(payments, "_differs", "top-up", "a message is believed whatever it says")
def _believe(org: Any, payment: Payment, told: Told) -> None:
    return None


@instead_of(payments, "_differs", "recharge with a backup", "who pays by both cards is credited once")
def _one_of_two(org: Any, payment: Payment, told: Told) -> str | None:
    wrong = _differs(org, payment, told)
    return None if wrong == "taken_twice" else wrong


@instead_of(Inbox, "_of_payment", "recharge", "a message of an earlier try is a decline")
def _earlier_is_last(self: Inbox, tx: Any, org: Any, payment: Payment, told: Told, now: int) -> None:
    payments.book(tx, self.till.terms, org, payment, told, now)


@instead_of(payments, "_tell_settled", "recharge", "nobody is told that funds were added")
def _tell_nobody(*values: Any) -> None:
    return None


# ---------------------------------------------------------------- auto-recharge


@instead_of(payment_store, "has_pending", "recharge behind a top-up", "a payment on its way is forgotten")
def _forget_pending(*values: Any) -> bool:
    return False


BUGS["brakes do not hold"] = Bug(
    "recharges up to the brakes", lambda: patch("talktime.core.recharges.brake", lambda *values: None)
)


@instead_of(recharges, "requires_action", "recharge", "the card holder is not told that he is asked")
def _ask_nobody(*values: Any) -> None:
    return None


@instead_of(recharges, "requires_action", "recharge behind a top-up", "who waits for a top-up is not looked at again")
def _wait_for_ever(tx: Any, org: Any, payment: Payment, now: int) -> None:
    if payment.kind == RECHARGE:
        _requires_action(tx, org, payment, now)


@instead_of(recharges, "_look_again", "recharge", "a payment that ends wakes nobody")
def _sleep_on(*values: Any) -> None:
    return None


# ---------------------------------------------------------------- money that goes back


@instead_of(Till, "_told_of_refund", "refund", "each try of a refund has a key of its own")
def _refund_again(self: Till, refund: Refund, payment: Payment, order: Any) -> Told:
    return _told_of_refund(self, replace(refund, refund_id=f"{refund.refund_id}-{refund.tries}"), payment, order)


@instead_of(refund_store, "due", "refund", "a refund whose answer was lost is forgotten")
def _no_refund_due(tx: Any, now: int, limit: int) -> list[Any]:
    return []


@instead_of(refunds, "_lost", "dispute lost", "a lost dispute takes nothing")
def _nothing_lost(*values: Any) -> None:
    return None


@instead_of(Reconciler, "_given_back", "refund that was forgotten", "what went back is compared with nothing")
def _never_compared(*values: Any) -> Reconciled:
    return Reconciled()
