"""Turning to the provider: outside of every transaction, with what was written before, to be booked after."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from msgspec import Struct

from talktime.actions import payments, refunds
from talktime.actions.errors import NotFound, StateConflict
from talktime.actions.organizations import locked
from talktime.actions.tender import Terms
from talktime.core.gateway import NotLetIn, Order, ProviderError, State, Told
from talktime.core.ids import org_name
from talktime.core.time import MINUTE
from talktime.payments.provider import Provider
from talktime.storage import control_store, method_store, org_store, payment_store, refund_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.payment_store import PENDING, REQUIRES_ACTION, Payment
from talktime.storage.refund_store import Refund

CLAIMED_FOR = 1 * MINUTE
"""Longer than any provider takes to answer."""
LOOK_EVERY = 0.02
WITHOUT_PROVIDER = 60 * MINUTE
"""So long what nobody can be asked for is left alone."""

log = structlog.get_logger("talktime.till")


class Errand(Struct, frozen=True):
    """What is to be asked of whom."""

    payment: Payment
    order: Order
    ask: str


@dataclass(frozen=True, slots=True)
class Till:
    database: Database
    providers: Mapping[str, Provider]
    terms: Terms
    public_url: str
    now: Callable[[], int]

    def decide(self, org_id: int, payment_id: str) -> None:
        """Until it is decided or has to wait. Whoever else is at it just now is waited for."""
        while self._someone_is_at_it(org_id, payment_id):
            time.sleep(LOOK_EVERY)
        while errand := self.database.write(org_id, self._claimed, org_id, payment_id):
            told = self._told(errand)
            payment = self.database.write(org_id, self._book, errand, told)
            if not self._is_due(payment):
                return

    def look_at(self, org_id: int, payment_id: str) -> None:
        """Has the holder of its card said who he is? The message may be lost. He keeps his day if he has not."""
        errand = self.database.read(org_id, self._waiting_for_holder, org_id, payment_id)
        if errand is None:
            return
        told = self._told(errand)
        if told.state in (State.SUCCEEDED, State.DECLINED):
            self.database.write(org_id, self._book_look, errand, told)

    def _waiting_for_holder(self, tx: ReadTx, org_id: int, payment_id: str) -> Errand | None:
        payment = payment_store.find(tx, org_id, payment_id)
        if payment is None or payment.state != REQUIRES_ACTION or payment.provider not in self.providers:
            return None
        return Errand(payment, self.order_of(tx, payment), "look_up")

    def _book_look(self, tx: Tx, errand: Errand, told: Told) -> None:
        """Whoever ends it just now hears the same, and knows why it ended."""
        payment = payments.found(tx, errand.payment.org_id, errand.payment.payment_id)
        if (payment.claimed_until or 0) <= self.now():
            self._book(tx, errand, told)

    def stop(self, org_id: int, payment_id: str) -> None:
        """Before the operator ends what nobody could decide: where its provider answers, he takes nothing any more."""
        errand = self.database.read(org_id, self._undecided, org_id, payment_id)
        told = self._told(errand) if errand else None
        if errand and told and told.state is State.SUCCEEDED:
            self.database.write(org_id, self._book, errand, told)
        if told and told.state is State.PROCESSING:
            raise StateConflict("on_its_way")

    def _undecided(self, tx: ReadTx, org_id: int, payment_id: str) -> Errand | None:
        payment, org = payment_store.find(tx, org_id, payment_id), org_store.find(tx, org_id)
        if payment is None or org is None or payment.provider not in self.providers:
            return None
        undecided = payments.is_undecided(payment, org.now(self.now()))
        return Errand(payment, self.order_of(tx, payment), "cancel") if undecided else None

    def _someone_is_at_it(self, org_id: int, payment_id: str) -> bool:
        payment = self.database.read(org_id, payment_store.find, org_id, payment_id)
        return payment is not None and (payment.claimed_until or 0) > self.now()

    def _is_due(self, payment: Payment) -> bool:
        """The backup is asked at once."""
        return payment.state == PENDING and payment.leg == 2 and payment.tries == 0

    def _claimed(self, tx: Tx, org_id: int, payment_id: str) -> Errand | None:
        payment = payment_store.find(tx, org_id, payment_id)
        org = org_store.find(tx, org_id)
        if payment is None or org is None or payment.state not in (PENDING, REQUIRES_ACTION):
            return None
        now = org.now(self.now())
        if payment.due_at is None or payment.due_at > now:
            return None
        if payment.provider not in self.providers:
            payment_store.change(tx, payment, due_at=now + WITHOUT_PROVIDER)
            payments.note_undecided(tx, payment, now)
            return None
        ask = what_to_ask(payment, now, control_store.is_restored(tx, payment.provider))
        if not payment_store.claim(tx, org_id, payment_id, self.now(), self.now() + CLAIMED_FOR):
            return None
        return Errand(payment, self._order(tx, payment, org.mode == "live"), ask)

    def order_of(self, tx: ReadTx, payment: Payment) -> Order:
        org = org_store.find(tx, payment.org_id)
        if org is None:
            raise NotFound
        return self._order(tx, payment, org.mode == "live")

    def _order(self, tx: ReadTx, payment: Payment, live: bool) -> Order:
        method_id = payment.asked_method
        method = method_store.find(tx, payment.org_id, method_id) if method_id else None
        return Order(
            key=payment.key,
            organization=org_name(payment.org_id),
            payment=payment.payment_id,
            amount=payment.amount_micros,
            currency=payment.currency,
            method=method.names if method else {},
            live=live,
            off_session=payment.kind == payment_store.RECHARGE,
            return_url=f"{self.public_url}/pay/done",
        )

    def _told(self, errand: Errand) -> Told:
        provider, payment = self.providers[errand.payment.provider], errand.payment
        try:
            if errand.ask == "charge":
                return provider.charge(errand.order)
            if errand.ask == "cancel":
                return provider.cancel(errand.order, payment.reference)
            return provider.look_up(errand.order, payment.reference)
        except ProviderError as error:
            log.error("the provider refuses", payment=payment.payment_id, error=str(error))
            return _refused(error, first=errand.ask == "charge" and payment.tries == 0)
        except Exception:
            log.exception("the provider's answer was not understood", payment=payment.payment_id)
            return Told(state=State.UNKNOWN)

    def _book(self, tx: Tx, errand: Errand, told: Told) -> Payment:
        """By how it stands now: a webhook may have been quicker."""
        org = locked(tx, errand.payment.org_id)
        payment, now = payments.found(tx, org.org_id, errand.payment.payment_id), org.now(self.now())
        if payment.leg != errand.payment.leg and told.state is not State.SUCCEEDED:
            return payment_store.change(tx, payment, claimed_until=None)
        if errand.ask == "cancel" and told.state in (State.DECLINED, State.ABSENT):
            return payments.given_up(tx, org, payment, now) if payment.state == REQUIRES_ACTION else payment
        booked = payments.book(tx, self.terms, org, payment, told, now)
        payments.note_undecided(tx, booked, now)
        return payment_store.change(tx, booked, claimed_until=None) if booked.claimed_until else booked

    # ------------------------------------------------------------ money that goes back

    def refund(self, org_id: int, refund_id: str) -> None:
        """Until the provider has said how it ended, or nobody knows."""
        asked = self.database.write(org_id, self._claimed_refund, org_id, refund_id)
        if asked is None:
            return
        refund, payment, order = asked
        told = self._told_of_refund(refund, payment, order)
        self.database.write(org_id, self._book_refund, refund, told)

    def _claimed_refund(self, tx: Tx, org_id: int, refund_id: str) -> tuple[Refund, Payment, Order] | None:
        refund, org = refund_store.find(tx, org_id, refund_id), org_store.find(tx, org_id)
        if refund is None or org is None or refund.due_at is None or refund.due_at > org.now(self.now()):
            return None
        payment = payments.found(tx, org_id, refund.payment_id)
        if payment.provider not in self.providers or payment.reference is None:
            refund_store.change(tx, refund, due_at=org.now(self.now()) + WITHOUT_PROVIDER)
            return None
        if not refund_store.claim(tx, org_id, refund_id, self.now(), self.now() + CLAIMED_FOR):
            return None
        return refund, payment, self._order(tx, payment, org.mode == "live")

    def _told_of_refund(self, refund: Refund, payment: Payment, order: Order) -> Told:
        provider, reference = self.providers[payment.provider], payment.reference or ""
        again = self.now() - refund.created_at < payments.KEYS_LIVE
        try:
            if again:
                return provider.refund(order, reference, refund.refund_id, refund.amount_micros)
            told = provider.look_up_refund(order, reference, refund.refund_id)
            absent = told.state is State.ABSENT
            return Told(state=State.DECLINED, code="no_answer") if absent else told
        except ProviderError as error:
            log.error("the provider refuses to refund", refund=refund.refund_id, error=str(error))
            return _refused(error, first=again and refund.tries == 0)
        except Exception:
            log.exception("the provider's answer was not understood", refund=refund.refund_id)
            return Told(state=State.UNKNOWN)

    def _book_refund(self, tx: Tx, refund: Refund, told: Told) -> None:
        org = locked(tx, refund.org_id)
        refunds.book(tx, self.terms, org, refund.refund_id, told, org.now(self.now()))


def _refused(error: ProviderError, first: bool) -> Told:
    """A refusal says nothing about what was asked before it, and nothing of a card where we are not even let in."""
    certain = first and not isinstance(error, NotLetIn)
    return Told(state=State.DECLINED if certain else State.UNKNOWN, code="provider_error")


def what_to_ask(payment: Payment, now: int, restored: bool) -> str:
    """`restored`: from a backup, which knows nothing of what was taken since."""
    if payment.state == REQUIRES_ACTION:
        return "cancel"
    if restored:
        return "look_up"
    again = payment.tries < payments.CHARGES_MAX or payment.tries % 2 == 0
    return "charge" if again and now - payment.created_at < payments.KEYS_LIVE else "look_up"
