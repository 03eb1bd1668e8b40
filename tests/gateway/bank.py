"""The provider outside: what it has taken stands in its own notebook, which no crash of the product touches, and what
goes wrong between it and us goes wrong here.

It is the product's simulator of a provider, with a notebook of its own and a line that cannot be trusted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from talktime.core.gateway import Card, Event, EventKind, Hosted, NotLetIn, Order, State, Told
from talktime.core.ids import org_name
from talktime.core.time import MINUTE, SECOND
from talktime.payments.simulator import CHARGE, OPEN, REFUND, SCRIPT, Script, Simulator
from tests.gateway.fuse import Fuse

HOUR = 60 * MINUTE
AHEAD = 5 * SECOND
"""The provider's clock is not ours."""
OUTAGE = 5 * HOUR
PROCESSING = 40 * MINUTE
CALLS_STRUCK = 2
"""So often in a row a line that fails fails."""


class Fault(StrEnum):
    NONE = "none"
    SOFT = "declined, soft"
    HARD = "declined, hard"
    ALL_SOFT = "every card declined, soft"
    ALL_HARD = "every card declined, hard"
    LOST_BEFORE = "question lost"
    LOST_AFTER = "answer lost"
    ERROR_BEFORE = "error before"
    ERROR_AFTER = "error after"
    AUTHENTICATED = "holder asked, says yes"
    REFUSED = "holder asked, says no"
    NOBODY = "holder asked, never comes"
    LOST_THEN_REFUSED = "answer lost, then key refused"
    LOST_THEN_ASKED = "question lost, then holder asked, never comes"
    PROCESSING = "processing, then paid"
    PROCESSING_DECLINED = "processing, then declined"
    DUPLICATE = "asked and answered twice"
    OUTAGE = "outage of hours"
    OTHER_AMOUNT = "a message of another amount"
    OTHER_CURRENCY = "a message of another currency"
    OTHER_ORGANIZATION = "a message of another organization"
    OTHER_MODE = "a message of another mode"
    EARLIER = "a message of an earlier try"
    AFTER_ALL = "declined, and taken after all"


DECLINED = {
    Fault.SOFT,
    Fault.HARD,
    Fault.ALL_SOFT,
    Fault.ALL_HARD,
    Fault.REFUSED,
    Fault.NOBODY,
    Fault.LOST_THEN_ASKED,
    Fault.AFTER_ALL,
}
DECLINED_LATER = {Fault.PROCESSING_DECLINED}
ASKS = {Fault.AUTHENTICATED, Fault.REFUSED, Fault.NOBODY, Fault.LOST_THEN_ASKED}
SOMEBODY_ELSE = 1
"""The first organization that was made."""
LIES: Mapping[Fault, Mapping[str, Any]] = {
    Fault.OTHER_AMOUNT: {"amount": 1_000_000},
    Fault.OTHER_CURRENCY: {"currency": "EUR"},
    Fault.OTHER_ORGANIZATION: {"organization": org_name(SOMEBODY_ELSE)},
    Fault.OTHER_MODE: {"live": True},
}
CODES = dict.fromkeys((Fault.SOFT, Fault.ALL_SOFT, Fault.AFTER_ALL), "insufficient_funds")


class Sheet:
    """What stands in the notebook of one organization."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._rows: dict[tuple[str, str], list[Any]] = {}

    @property
    def now(self) -> int:
        return self._bank.clock() + AHEAD

    def find(self, kind: str, name: str) -> Mapping[str, Any] | None:
        row = self._rows.get((kind, name))
        return row[1] if row else None

    def first(self, kind: str, state: str) -> tuple[str, Mapping[str, Any]] | None:
        return next(((name, body) for name, now, body in self.all(kind) if now == state), None)

    def all(self, kind: str) -> list[tuple[str, str, Mapping[str, Any]]]:
        return [(name, row[0], row[1]) for (of, name), row in self._rows.items() if of == kind]

    def add(self, kind: str, name: str, state: str, body: Mapping[str, Any]) -> None:
        assert (kind, name) not in self._rows
        self._rows[kind, name] = [state, body]

    def change(self, kind: str, name: str, state: str) -> None:
        if (kind, name) in self._rows:
            self._rows[kind, name][0] = state

    def remove(self, kind: str, name: str) -> None:
        del self._rows[kind, name]

    def send(self, event: Event) -> None:
        self._bank.post(event)


class Bank:
    """A provider as the product sees it, during one scenario."""

    name = "simulator"

    def __init__(self, fuse: Fuse, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.simulator = Simulator(self, "https://pay.example.com", b"secret")
        self.post: Callable[[Event], None] = lambda event: None
        """How a message of it goes on its way."""
        self.aside: Callable[[Event], None] = lambda event: None
        """A message that is there, and worked off, before the answer is."""
        self._fuse = fuse
        self._sheets: dict[str, Sheet] = {}
        self.begin(Fault.NONE)

    def begin(self, fault: Fault) -> None:
        self.fault = fault
        self.begun = self.clock()
        self.asked: set[str] = set()
        """Orders whose holder was asked."""
        self.keys: Counter[str] = Counter()
        self._after_all: Order | None = None
        self._calls = 0
        self._first: str | None = None

    # ---------------------------------------------------------------- its notebook

    @contextmanager
    def open(self, organization: str) -> Iterator[Sheet]:
        yield self._sheets.setdefault(organization, Sheet(self))

    def organizations(self) -> Iterable[str]:
        return list(self._sheets)

    def forget(self) -> None:
        self._sheets.clear()

    def charges(self, organization: str) -> list[Told]:
        with self.open(organization) as sheet:
            return [msgspec.convert(body, Told) for _, _, body in sheet.all(CHARGE)]

    def refunds(self, organization: str) -> dict[str, int]:
        """What it has given back, by our names."""
        with self.open(organization) as sheet:
            return {name: body["amount"] for name, _, body in sheet.all(REFUND)}

    # ---------------------------------------------------------------- what it does

    def charge(self, order: Order) -> Told:
        self.keys[order.key] += 1
        return self._over_the_line(lambda: self._charge(order))

    def take_after_all(self) -> None:
        """What it has declined before."""
        if order := self._after_all:
            with self.open(order.organization) as sheet:
                sheet.remove("declined", order.key)
            self.simulator.charge(order)

    def look_up(self, order: Order, reference: str | None) -> Told:
        return self._over_the_line(lambda: self._still_at_it() or self.simulator.look_up(order, reference))

    def cancel(self, order: Order, reference: str | None) -> Told:
        return self._over_the_line(lambda: self.simulator.cancel(order, reference))

    def refund(self, order: Order, reference: str, refund: str, amount: int) -> Told:
        return self._over_the_line(lambda: self._refund(order, reference, refund, amount))

    def look_up_refund(self, order: Order, reference: str, refund: str) -> Told:
        return self._over_the_line(lambda: self.simulator.look_up_refund(order, reference, refund))

    def begin_card(
        self, organization: str, method: Mapping[str, str] | None, return_url: str, cancel_url: str
    ) -> Hosted:
        self._fuse.pass_by()
        return self.simulator.begin_card(organization, method, return_url, cancel_url)

    def finish_card(self, reference: str) -> Card | None:
        self._fuse.pass_by()
        return self.simulator.finish_card(reference)

    def authenticate(self, order: Order, reference: str, return_url: str) -> Told:
        return self.simulator.authenticate(order, reference, return_url)

    def forget_card(self, method: Mapping[str, str]) -> None:
        self.simulator.forget_card(method)

    def event(self, body: bytes, headers: Mapping[str, str]) -> Event:
        return self.simulator.event(body, headers)

    def taken_since(self, at: int) -> Iterable[Told]:
        return self.simulator.taken_since(at)

    def given_back_since(self, at: int) -> Iterable[Event]:
        return self.simulator.given_back_since(at)

    def check(self) -> str:
        return self.simulator.check()

    # ---------------------------------------------------------------- how it fails

    def _over_the_line(self, do: Callable[[], Told]) -> Told:
        self._fuse.pass_by()
        told = self._struck(do)
        self._fuse.pass_by()
        return told

    def _struck(self, do: Callable[[], Told]) -> Told:
        self._calls += 1
        if self.fault is Fault.OUTAGE and self.clock() < self.begun + OUTAGE:
            return Told(state=State.UNKNOWN)
        if self._calls > CALLS_STRUCK:
            return do()
        match self.fault:
            case Fault.LOST_BEFORE | Fault.LOST_THEN_ASKED:
                return Told(state=State.UNKNOWN)
            case Fault.LOST_AFTER | Fault.EARLIER:
                do()
                return Told(state=State.UNKNOWN)
            case Fault.LOST_THEN_REFUSED if self._calls > 1:
                raise NotLetIn("the key is refused")
            case Fault.LOST_THEN_REFUSED:
                do()
                return Told(state=State.UNKNOWN)
            case Fault.ERROR_BEFORE:
                raise ConnectionError("nobody there")
            case Fault.ERROR_AFTER:
                do()
                raise ConnectionError("cut off")
            case Fault.DUPLICATE:
                do()
        return do()

    def _charge(self, order: Order) -> Told:
        self._first = self._first or order.key
        if waits := self._still_at_it():
            return waits
        if self.simulator.look_up(order, None).state is State.ABSENT:
            self._prepare(order)
        told = self.simulator.charge(order)
        if self.fault in LIES or self.fault is Fault.EARLIER:
            self._tell_something_else(order)
        if told.state is State.REQUIRES_ACTION:
            self.asked.add(order.key)
        if told.state is State.DECLINED and self.fault is Fault.AFTER_ALL:
            self._after_all = order
        return Told(state=State.UNKNOWN) if self.fault in LIES and self._calls == 1 else told

    def _prepare(self, order: Order) -> None:
        with self.open(order.organization) as sheet:
            sheet.add(SCRIPT, f"{len(sheet.all(SCRIPT)):06d}", OPEN, msgspec.to_builtins(self._script(order)))

    def _script(self, order: Order) -> Script:
        """The first order only is struck, or all of the first hours."""
        first = order.key == self._first
        match self.fault:
            case Fault.SOFT | Fault.HARD | Fault.PROCESSING_DECLINED | Fault.AFTER_ALL if first:
                return Script(result="declined", code=CODES.get(self.fault, "lost_card"))
            case Fault.ALL_SOFT | Fault.ALL_HARD if self.clock() < self.begun + 30 * MINUTE:
                return Script(result="declined", code=CODES.get(self.fault, "lost_card"))
            case _ if self.fault in ASKS and first:
                return Script(result="requires_action")
        return Script()

    def _still_at_it(self) -> Told | None:
        slow = self.fault in (Fault.PROCESSING, Fault.PROCESSING_DECLINED)
        return Told(state=State.PROCESSING) if slow and self.clock() < self.begun + PROCESSING else None

    def _tell_something_else(self, order: Order) -> None:
        """Something that does not fit, or does not hold any more."""
        if order.key != self._first or self._calls > 1:
            return
        if self.fault is Fault.EARLIER:
            told = self._told(order, state=State.DECLINED, code="processing_error")
        else:
            told = replace(self._told(order, state=State.SUCCEEDED), **LIES[self.fault])
        self.aside(Event(event_id=f"evt_{order.key}_lie", kind=EventKind.PAYMENT, told=told))

    def _told(self, order: Order, **values: Any) -> Told:
        names: dict[str, Any] = {
            "organization": order.organization,
            "payment": order.payment,
            "order": order.key,
            "live": False,
        }
        return Told(**names, amount=order.amount, currency=order.currency, **values)

    def _refund(self, order: Order, reference: str, refund: str, amount: int) -> Told:
        is_new = self.simulator.look_up_refund(order, reference, refund).state is State.ABSENT
        if is_new and self.fault in DECLINED:
            return Told(state=State.DECLINED, code="refund_refused")
        return self.simulator.refund(order, reference, refund, amount)
