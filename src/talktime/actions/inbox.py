"""Messages of providers: kept as they came, and worked off until each has had its effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from talktime.actions import methods, payments, refunds
from talktime.actions.audit import Actor
from talktime.actions.errors import NotFound
from talktime.actions.organizations import locked
from talktime.actions.tender import Terms
from talktime.actions.till import Till
from talktime.core.gateway import Event, EventKind, State, Told
from talktime.core.ids import org_name, org_number
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.time import MINUTE, SECOND
from talktime.storage import inbox_store, org_store, payment_store, refund_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.inbox_store import DONE, PARKED, Letter
from talktime.storage.org_store import Organization
from talktime.storage.payment_store import PENDING, SUCCEEDED, Payment

LATER = (10 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE, 360 * MINUTE, 720 * MINUTE)
"""After the last of them it is parked, and people look at it."""
log = structlog.get_logger("talktime.inbox")


def receive(database: Database, till: Till, provider: str, body: bytes, headers: Mapping[str, str], now: int) -> None:
    """Answered as soon as it is kept. Whose it is shows when it is worked off, where it does not say so itself."""
    event = till.providers[provider].event(body, headers)
    if event.kind is EventKind.OTHER:
        return
    keep(database, provider, event, now)


def keep(database: Database, provider: str, event: Event, now: int) -> None:
    """Once, however often it is told."""
    org_id = _whose(database, event)
    letter = Letter(org_id, event.event_id, provider, msgspec.json.encode(event).decode(), now)
    database.write(org_id, _keep, letter, now)


def _whose(database: Database, event: Event) -> int:
    """Of nobody that we know: the operator's."""
    org_id = org_number(event.told.organization or "") or OPERATOR_ORG
    return org_id if org_id and database.read(org_id, org_store.find, org_id) else OPERATOR_ORG


def _keep(tx: Tx, letter: Letter, now: int) -> None:
    org = org_store.find(tx, letter.org_id)
    inbox_store.add(tx, letter, org.now(now) if org else now)


def replay(tx: Tx, org_id: int, event_id: str, now: int) -> Letter:
    """By somebody who has mended what stood in its way."""
    letter = inbox_store.find(tx, org_id, event_id)
    if letter is None:
        raise NotFound
    if letter.state == PARKED:
        org = org_store.find(tx, org_id)
        due_at = org.now(now) if org else now
        inbox_store.change(tx, org_id, event_id, state=inbox_store.WAITING, due_at=due_at, tries=0)
    return inbox_store.find(tx, org_id, event_id) or letter


@dataclass(frozen=True, slots=True)
class Inbox:
    database: Database
    till: Till

    def work(self, org_id: int, event_id: str) -> None:
        """One letter, once: what it says is booked together with the note that it was."""
        letter = self.database.read(org_id, inbox_store.find, org_id, event_id)
        if letter is None or letter.state != inbox_store.WAITING:
            return
        try:
            event = self._completed(letter)
            whose = _whose(self.database, event) if org_id == OPERATOR_ORG else org_id
            if event.kind is EventKind.CARD and whose != OPERATOR_ORG:
                actor = Actor(f"provider:{letter.provider}", self.till.now())
                methods.finish_page(self.database, self.till, whose, event.told.reference or "", actor)
            scope = sorted({org_id, whose})
            self.database.write(scope, self._work, letter, whose, event)
        except Exception as error:
            log.exception("a provider's message could not be worked off", message=event_id)
            self.database.write(org_id, self._postpone, letter, f"{type(error).__name__}: {error}")

    def _completed(self, letter: Letter) -> Event:
        """Some messages do not name what they are about: their provider is asked, before the transaction."""
        event = msgspec.json.decode(letter.body, type=Event)
        complete = getattr(self.till.providers[letter.provider], "complete", None)
        if complete is None or event.told.organization is not None:
            return event
        completed: Event = complete(event)
        return completed

    def _work(self, tx: Tx, letter: Letter, org_id: int, event: Event) -> None:
        real = self.till.now()
        if org_id == OPERATOR_ORG:
            self._unknown(tx, letter, event, real)
            return
        org = locked(tx, org_id)
        now = org.now(real)
        fresh = inbox_store.find(tx, letter.org_id, letter.event_id)
        if fresh is None or fresh.state != inbox_store.WAITING:
            return
        if reason := self._effect(tx, org, letter, event, now):
            self._postpone(tx, letter, reason)
            return
        self._done(tx, letter, real)
        # What waited for this one need not wait any longer.
        inbox_store.hurry(tx, org_id, now)

    def _unknown(self, tx: Tx, letter: Letter, event: Event, now: int) -> None:
        if event.kind is not EventKind.OTHER and event.told.organization is None:
            self._postpone(tx, letter, "the provider does not say whose it is")
            return
        if event.kind is not EventKind.OTHER:
            payments.open_item(tx, OPERATOR_ORG, event.told.payment, "unknown_organization", event.told, now)
        self._done(tx, letter, now)

    def _done(self, tx: Tx, letter: Letter, now: int) -> None:
        inbox_store.change(tx, letter.org_id, letter.event_id, state=DONE, done_at=now, due_at=None, error=None)

    def _postpone(self, tx: Tx, letter: Letter, reason: str) -> None:
        org = org_store.find(tx, letter.org_id)
        now = org.now(self.till.now()) if org else self.till.now()
        if letter.tries >= len(LATER):
            told = msgspec.json.decode(letter.body, type=Event).told
            payments.open_item(tx, letter.org_id, told.payment, "message_parked", told, now)
            inbox_store.change(tx, letter.org_id, letter.event_id, state=PARKED, due_at=None, error=reason)
            return
        values: dict[str, Any] = {"due_at": now + LATER[letter.tries], "tries": letter.tries + 1, "error": reason}
        inbox_store.change(tx, letter.org_id, letter.event_id, **values)

    def _effect(self, tx: Tx, org: Organization, letter: Letter, event: Event, now: int) -> str | None:
        """Why it must wait, or None when it is done."""
        told = event.told
        if told.organization not in (None, org_name(org.org_id)):
            payments.open_item(tx, org.org_id, told.payment, "other_organization", told, now)
            return None
        if event.kind is EventKind.CARD:
            return None
        payment = self._payment(tx, org.org_id, told)
        if payment is None or payment.provider != letter.provider:
            payments.open_item(tx, org.org_id, told.payment, "unknown_payment", told, now)
            return None
        match event.kind:
            case EventKind.PAYMENT:
                self._of_payment(tx, org, payment, told, now)
            case EventKind.REFUND:
                return _of_refund(tx, self.till.terms, org, payment, event, now)
            case EventKind.DISPUTE:
                return _of_dispute(tx, org, payment, event, now)
        return None

    def _payment(self, tx: ReadTx, org_id: int, told: Told) -> Payment | None:
        return payment_store.find(tx, org_id, told.payment) if told.payment else None

    def _of_payment(self, tx: Tx, org: Organization, payment: Payment, told: Told, now: int) -> None:
        """A message about the first card says nothing of the second, unless money was taken from it."""
        if told.state is not State.SUCCEEDED and told.order not in (None, payment.key):
            return
        if told.state in (State.PROCESSING, State.UNKNOWN):
            return
        if told.state is State.DECLINED and payment.state == PENDING:
            # It may be about an earlier try: who asks hears how it stands, and nobody charges a second time meanwhile.
            payment_store.change(tx, payment, due_at=now)
            return
        payments.book(tx, self.till.terms, org, payment, told, now)


def _of_refund(tx: Tx, terms: Terms, org: Organization, payment: Payment, event: Event, now: int) -> str | None:
    told = event.told
    if payment.state != SUCCEEDED:
        return "its payment has not succeeded yet"
    if _is_of_other_mode(tx, org, payment, told, now):
        return None
    if event.refund is None or not event.refund.startswith("ref_"):
        return _of_refund_outside(tx, terms, org, payment, event, now)
    if refund_store.find(tx, org.org_id, event.refund):
        refunds.book(tx, terms, org, event.refund, told, now)
    elif told.state is State.SUCCEEDED and told.amount and told.currency in (None, payment.currency):
        # We have made it, and a backup that was restored since knows nothing of it.
        refunds.from_outside(tx, terms, org, payment, event.refund.removeprefix("ref_"), told.amount, now)
    else:
        payments.open_item(tx, org.org_id, payment.payment_id, "unknown_refund", told, now)
    return None


def _of_refund_outside(tx: Tx, terms: Terms, org: Organization, payment: Payment, event: Event, now: int) -> str | None:
    """Made at the provider's own desk, and known by the provider's name of it."""
    told, reference = event.told, event.refund or event.event_id
    if told.currency not in (None, payment.currency) or told.amount is None:
        payments.open_item(tx, org.org_id, payment.payment_id, "other_currency", told, now)
    elif told.state is State.SUCCEEDED:
        refunds.from_outside(tx, terms, org, payment, reference, told.amount, now)
    elif told.state is State.DECLINED:
        known = refund_store.by_reference(tx, org.org_id, reference)
        if known is None:
            return "its refund is not known yet"
        refunds.book(tx, terms, org, known.refund_id, told, now)
    return None


def _is_of_other_mode(tx: Tx, org: Organization, payment: Payment, told: Told, now: int) -> bool:
    if told.live in (None, org.mode == "live"):
        return False
    payments.open_item(tx, org.org_id, payment.payment_id, "other_mode", told, now)
    return True


def _of_dispute(tx: Tx, org: Organization, payment: Payment, event: Event, now: int) -> str | None:
    state = event.dispute
    if payment.state != SUCCEEDED:
        return "its payment has not succeeded yet"
    if state is not None and not _is_of_other_mode(tx, org, payment, event.told, now):
        refunds.dispute(tx, org, payment, event, state, now)
    return None
