"""Our books beside the providers': what they took and we do not know, what we know and they did not take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from msgspec import Struct

from talktime.actions import audit, inbox, methods, payments
from talktime.actions.audit import Actor
from talktime.actions.errors import NotFound
from talktime.actions.organizations import locked
from talktime.actions.till import Till
from talktime.core.gateway import Event, EventKind, ProviderError, State, Told
from talktime.core.ids import org_number
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.time import DAY
from talktime.storage import control_store, method_store, org_store, payment_store, reconciliation_store, refund_store
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.payment_store import SUCCEEDED, Payment
from talktime.storage.reconciliation_store import Item
from talktime.storage.refund_store import Refund

BACK = 3 * DAY
"""So far a nightly run looks back; after a restore, as far as the backup may be old."""
BACK_AFTER_RESTORE = 40 * DAY
BY = "reconciler"
PAYMENTS_MAX = 100_000
ENDS = {State.SUCCEEDED: refund_store.SUCCEEDED, State.DECLINED: refund_store.FAILED}
"""Of refunds."""
log = structlog.get_logger("talktime.reconciler")


class Reconciled(Struct, frozen=True):
    """What one run has found."""

    looked_at: int = 0
    settled: int = 0
    """Taken, and booked only now."""
    differences: int = 0


@dataclass(frozen=True, slots=True)
class Reconciler:
    database: Database
    till: Till

    def after_restore(self) -> Reconciled:
        """At once, where nothing may be charged before."""
        unasked = [name for name in self.till.providers if self.database.read((), control_store.is_restored, name)]
        return self.run() if unasked else Reconciled()

    def run(self) -> Reconciled:
        """Everything, of every provider. After it, whoever was restored may charge again."""
        total = Reconciled()
        for name in self.till.providers:
            total = _sum(total, self._provider(name, self._since(name)))
        self._let_charge()
        self._finish_cards()
        return total

    def _since(self, name: str) -> int:
        """From when on he has to be asked, where he was not when others were."""
        restored = self.database.read((), control_store.found, control_store.RESTORED)
        unasked = self.database.read((), control_store.found, control_store.unasked(name))
        since = self.till.now() - (BACK_AFTER_RESTORE if restored else BACK)
        return min(since, unasked or since)

    def _let_charge(self) -> None:
        """Whoever was asked. Who is not set up was not: what would be charged through him waits until he is."""
        restored = self.database.read((), control_store.found, control_store.RESTORED)
        absent = self._absent() if restored else []
        for name in absent:
            log.error("a provider could not be asked after the restore", provider=name)
        since = self.till.now() - BACK_AFTER_RESTORE
        self.database.write((), _note_asked, [*self.till.providers], absent, since)

    def _absent(self) -> list[str]:
        known = self.database.read(EVERYBODY, method_store.providers)
        return [name for name in known if name not in self.till.providers]

    def look_at(self, org_id: int, name: str, taken: Iterable[Told]) -> Reconciled:
        """Of one organization, whose clock has passed midnight."""
        found = Reconciled()
        for told in taken:
            found = _sum(found, self.database.write(org_id, self._compare, org_id, name, told))
        return found

    def _provider(self, name: str, since: int) -> Reconciled:
        # Ours are read first: what is taken while he lists it is in his list, or in neither.
        ours = self.database.read(EVERYBODY, payment_store.succeeded_since, name, since + DAY, PAYMENTS_MAX)
        known: set[str] = set()
        found = Reconciled()
        for told in self.till.providers[name].taken_since(since):
            known.add(told.payment or "")
            found = _sum(found, self._taken(name, told))
        found = _sum(found, self._believed([payment for payment in ours if payment.payment_id not in known]))
        return _sum(found, self._given_back(name, since))

    def _taken(self, name: str, told: Told) -> Reconciled:
        org_id = org_number(told.organization or "")
        if org_id is None or self.database.read(org_id, org_store.find, org_id) is None:
            return self.database.write(OPERATOR_ORG, self._strange, OPERATOR_ORG, told, "unknown_organization")
        return self.database.write(org_id, self._compare, org_id, name, told)

    def _compare(self, tx: Tx, org_id: int, name: str, told: Told) -> Reconciled:
        payment = payment_store.find(tx, org_id, told.payment) if told.payment else None
        if payment is None or payment.provider != name:
            return self._strange(tx, org_id, told, "unknown_payment")
        org = locked(tx, org_id)
        if payment.state == SUCCEEDED and told.order in (None, payment.key):
            return Reconciled(looked_at=1)
        after = payments.settle(tx, self.till.terms, org, payment, told, org.now(self.till.now()))
        settled = payment.state != SUCCEEDED and after.state == SUCCEEDED
        return Reconciled(looked_at=1, settled=int(settled), differences=int(not settled))

    def _strange(self, tx: Tx, org_id: int, told: Told, reason: str) -> Reconciled:
        payments.open_item(tx, org_id, told.payment, reason, told, self.till.now())
        return Reconciled(looked_at=1, differences=1)

    def _believed(self, unheard: Iterable[Payment]) -> Reconciled:
        """What we credited in that time, and the provider says nothing of."""
        found = Reconciled()
        for payment in unheard:
            found = _sum(found, self.database.write(payment.org_id, self._unfounded, payment))
        return found

    def _unfounded(self, tx: Tx, payment: Payment) -> Reconciled:
        told = Told(state=State.ABSENT, reference=payment.reference, payment=payment.payment_id)
        return self._strange(tx, payment.org_id, told, "credited_but_not_taken")

    def _given_back(self, name: str, since: int) -> Reconciled:
        """What was told of refunds and disputes, and never came, is worked off as if it had come now."""
        # First here as well.
        ours = self.database.read(EVERYBODY, refund_store.succeeded_since, name, since + DAY, PAYMENTS_MAX)
        known: set[str | None] = set()
        try:
            for event in self.till.providers[name].given_back_since(since):
                known.add(event.refund)
                self._tell_inbox(name, event)
        except ProviderError as error:
            # What was taken is compared all the same.
            log.error("refunds and disputes could not be compared", provider=name, error=str(error))
            return Reconciled()
        return self._believed_given_back([refund for refund in ours if refund.refund_id not in known])

    def _tell_inbox(self, name: str, event: Event) -> None:
        org_id = org_number(event.told.organization or "") or OPERATOR_ORG
        if not self.database.read(org_id, _is_booked, org_id, event):
            inbox.keep(self.database, name, event, self.till.now())

    def _believed_given_back(self, unheard: Iterable[Refund]) -> Reconciled:
        """What we booked as given back, and the provider says nothing of."""
        found = Reconciled()
        for refund in unheard:
            found = _sum(found, self.database.write(refund.org_id, self._not_given_back, refund))
        return found

    def _not_given_back(self, tx: Tx, refund: Refund) -> Reconciled:
        reference = refund.reference or refund.refund_id
        told = Told(state=State.ABSENT, reference=reference, payment=refund.payment_id, amount=refund.amount_micros)
        return self._strange(tx, refund.org_id, told, "refunded_but_not_given_back")

    def _finish_cards(self) -> None:
        """Pages whose message was lost."""
        for org_id, method_id in self.database.read(EVERYBODY, method_store.all_waiting, PAYMENTS_MAX):
            try:
                methods.finish(self.database, self.till, org_id, method_id, Actor(BY, self.till.now()))
            except Exception:
                # The others need not wait for it.
                log.exception("nobody says whether a card was entered", method=method_id)


def _note_asked(tx: Tx, asked: Iterable[str], absent: Iterable[str], since: int) -> None:
    for mark in map(control_store.unasked, asked):
        if control_store.found(tx, mark):
            control_store.put(tx, mark, 0)
    for mark in map(control_store.unasked, absent):
        control_store.put(tx, mark, min(control_store.found(tx, mark) or since, since))
    control_store.put(tx, control_store.RESTORED, 0)


def _is_booked(tx: ReadTx, org_id: int, event: Event) -> bool:
    """Then nobody need tell it again."""
    if event.kind is EventKind.DISPUTE:
        payment = payment_store.find(tx, org_id, event.told.payment or "")
        return payment is not None and payment.dispute == event.dispute
    name = event.refund or ""
    refund = refund_store.find(tx, org_id, name) or refund_store.by_reference(tx, org_id, name)
    end = ENDS.get(event.told.state)
    # One that failed before we have heard of it is as good as none.
    return end is None or end == (refund.state if refund else refund_store.FAILED)


def _sum(one: Reconciled, other: Reconciled) -> Reconciled:
    return Reconciled(one.looked_at + other.looked_at, one.settled + other.settled, one.differences + other.differences)


def close(tx: Tx, org_id: int, item_id: str, note: str, actor: Actor) -> Item:
    """Somebody has looked at it, and says what came of it."""
    item = found(tx, org_id, item_id)
    if item.closed_at is None:
        reconciliation_store.close(tx, org_id, item_id, actor.now)
        told = {"reason": item.reason, "top_up": item.top_up, "note": note}
        audit.note(tx, org_id, actor, "reconciliation.closed", item_id, None, told)
    return found(tx, org_id, item_id)


def found(tx: ReadTx, org_id: int, item_id: str) -> Item:
    item = reconciliation_store.find(tx, org_id, item_id)
    if item is None:
        raise NotFound
    return item
