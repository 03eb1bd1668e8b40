"""What money waits for: messages, payments, refunds, recharges, reminders. By our clock, or a test organization's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog

from talktime.actions import recharges, reminders
from talktime.actions.inbox import Inbox
from talktime.actions.organizations import found
from talktime.actions.patience import Patience
from talktime.actions.till import Till
from talktime.core.time import DAY
from talktime.storage import inbox_store, method_store, payment_store, recharge_store, refund_store, reminder_store
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx

PORTION = 256
ASKING_MAX = 100_000
log = structlog.get_logger("talktime.money")


class Step(NamedTuple):
    """Something that is due at an instant, and how it is done."""

    at: int
    do: Callable[[], None]


@dataclass(frozen=True, slots=True)
class MoneyDue:
    database: Database
    till: Till
    inbox: Inbox
    patience: Patience = field(default_factory=Patience)
    threads: int = 8
    """So many providers' answers are waited for at once."""

    # ------------------------------------------------------------ by our clock, for everybody

    def sweep(self) -> int:
        """Work off what is due; how much it was. Any number of processes may do it at the same time."""
        return self._letters() + self._payments() + self._refunds() + self._recharges()

    def _letters(self) -> int:
        due = self.database.read(EVERYBODY, inbox_store.due, self.till.now(), PORTION)
        return sum([self._try(self.inbox.work, org_id, event_id) for org_id, event_id in due])

    def _try(self, do: Callable[..., object], *what: Any) -> int:
        """What cannot be done keeps nothing else waiting, and is tried again after a while that grows."""
        if not self.patience.may(what, self.till.now()):
            return 0
        try:
            do(*what)
        except Exception:
            log.exception("something that was due could not be done", what=what)
            self.patience.failed(what, self.till.now())
            return 0
        self.patience.done(what)
        return 1

    def letters_of(self, org_id: int) -> None:
        """At once, where somebody waits to see what they do."""
        until = self.database.read(org_id, lambda tx: found(tx, org_id).now(self.till.now()))
        while letter := self.database.read(org_id, inbox_store.next_due, org_id, until):
            self.inbox.work(org_id, letter[1])

    def _payments(self) -> int:
        due = self.database.read(EVERYBODY, payment_store.due, self.till.now(), PORTION)
        return self._at_once(self.till.decide, due)

    def look_at_asked(self) -> int:
        """At payments whose card holders are asked: what is told of them may have been lost."""
        return self._at_once(self.till.look_at, self.database.read(EVERYBODY, payment_store.asking, ASKING_MAX))

    def _refunds(self) -> int:
        due = self.database.read(EVERYBODY, refund_store.due, self.till.now(), PORTION)
        return self._at_once(self.till.refund, due)

    def _at_once(self, do: Callable[..., object], due: Sequence[tuple[int, str]]) -> int:
        """A provider that is slow for one keeps no other waiting."""
        if self.threads == 1 or len(due) < 2:
            return sum([self._try(do, *one) for one in due])
        with ThreadPoolExecutor(min(self.threads, len(due)), "till") as threads:
            return sum(threads.map(lambda one: self._try(do, *one), due))

    def _recharges(self) -> int:
        due = self.database.read(EVERYBODY, recharge_store.due, self.till.now(), PORTION)
        return sum([self._try(self._look, org_id) for org_id in due])

    def _look(self, org_id: int) -> None:
        self.database.write(org_id, _look, org_id, self.till.now())

    def remind(self) -> int:
        """Of funds and cards that end soon, and of what was spent."""
        now, org_ids = self.till.now(), set[int]()
        for days in reminders.LOT_DAYS:
            least, most = reminders.NEXT_DAYS[days] * DAY, days * DAY
            ending = self.database.read(EVERYBODY, reminder_store.with_ending_lots, days, now, least, most, PORTION)
            org_ids.update(ending)
        org_ids.update(self._with_ending_cards(now))
        reminded = sum([self._try(self._remind_once, org_id) for org_id in sorted(org_ids)])
        for org_id in self._watching():
            self._try(self.watch_spending, org_id)
        return reminded

    def _with_ending_cards(self, now: int) -> Iterator[int]:
        month, after = reminders.month_soon(now), ""
        while cards := self.database.read(EVERYBODY, method_store.expiring, month, after, PORTION):
            yield from [card.org_id for card in cards]
            after = cards[-1].method_id

    def _watching(self) -> Iterator[int]:
        after = 0
        while org_ids := self.database.read(EVERYBODY, reminder_store.watching, after, PORTION):
            yield from org_ids
            after = org_ids[-1]

    def watch_spending(self, org_id: int) -> None:
        self.database.write(org_id, _watch, org_id, self.till.now())

    # ------------------------------------------------------------ by the clock of a test organization

    def next_step(self, org_id: int, until: int) -> Step | None:
        """What is due first by then; of two at the same instant, what was heard before what is to be done."""
        return self.database.read(org_id, self._next, org_id, until)

    def _next(self, tx: ReadTx, org_id: int, until: int) -> Step | None:
        steps: list[Step] = []
        if letter := inbox_store.next_due(tx, org_id, until):
            steps.append(Step(letter[0], lambda: self.inbox.work(org_id, letter[1])))
        if payment := payment_store.next_due(tx, org_id, until):
            steps.append(Step(payment[0], lambda: self.till.decide(org_id, payment[1])))
        if refund := refund_store.next_due(tx, org_id, until):
            steps.append(Step(refund[0], lambda: self.till.refund(org_id, refund[1])))
        if (at := recharge_store.next_due(tx, org_id, until)) is not None:
            steps.append(Step(at, lambda: self._look(org_id)))
        if due := reminders.next_due(tx, org_id, until):
            steps.append(Step(due.at, lambda: self._remind_once(org_id)))
        return min(steps, key=lambda step: step.at, default=None)

    def _remind_once(self, org_id: int) -> None:
        self.database.write(org_id, _remind, org_id, self.till.now())


def _look(tx: Tx, org_id: int, real: int) -> None:
    recharges.look(tx, org_id, real)


def _remind(tx: Tx, org_id: int, real: int) -> int:
    now, count = found(tx, org_id).now(real), 0
    while due := reminders.next_due(tx, org_id, now):
        reminders.remind(tx, org_id, due, now)
        count += 1
    return count


def _watch(tx: Tx, org_id: int, real: int) -> None:
    reminders.watch_spending(tx, org_id, found(tx, org_id).now(real))
