"""A payment provider to try things out with: no money, but a memory of its own and moods that can be scripted.

It lives in our process and behaves as if it did not: what it has charged stands in its own notebook, its messages are
signed and go through the inbox, an answer can be lost after the card was charged.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from talktime.core.gateway import (
    BadSignature,
    Card,
    DisputeState,
    Event,
    EventKind,
    Hosted,
    Order,
    ProviderError,
    State,
    Told,
)
from talktime.core.ids import uuid7_of
from talktime.core.time import moment
from talktime.core.trial_cards import BY_TOKEN, EXPIRES_IN_YEARS, TRIAL_CARDS

NAME = "simulator"
ATTEMPT, CHARGE, SCRIPT, EVENT, REFUND, WAITING, CARD = (
    *("attempt", "charge", "script", "event", "refund", "waiting", "card"),
)
OPEN, USED, HELD, SENT = "open", "used", "held", "sent"


class Script(Struct, frozen=True, kw_only=True):
    """What it does with one charge."""

    result: str = "succeeded"
    code: str | None = None
    charged: bool = False
    webhook: str = "now"


class Page(Protocol):
    """The notebook of one organization's test money, open for writing."""

    @property
    def now(self) -> int: ...

    def find(self, kind: str, name: str) -> Mapping[str, Any] | None: ...

    def first(self, kind: str, state: str) -> tuple[str, Mapping[str, Any]] | None: ...

    def all(self, kind: str) -> list[tuple[str, str, Mapping[str, Any]]]:
        """Name, state and content, oldest first."""
        ...

    def add(self, kind: str, name: str, state: str, body: Mapping[str, Any]) -> None: ...

    def change(self, kind: str, name: str, state: str) -> None: ...

    def send(self, event: Event) -> None:
        """Into our inbox, as if it came over the network."""
        ...


class Notebook(Protocol):
    def open(self, organization: str) -> AbstractContextManager[Page]: ...

    def organizations(self) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True)
class Simulator:
    notebook: Notebook
    public_url: str
    secret: bytes
    name: str = NAME

    def charge(self, order: Order) -> Told:
        with self.notebook.open(order.organization) as page:
            return _Desk(self, page, order).charge()

    def look_up(self, order: Order, reference: str | None) -> Told:
        with self.notebook.open(order.organization) as page:
            return _Desk(self, page, order).standing() or Told(state=State.ABSENT)

    def cancel(self, order: Order, reference: str | None) -> Told:
        with self.notebook.open(order.organization) as page:
            desk = _Desk(self, page, order)
            if (told := desk.standing()) and told.state is State.SUCCEEDED:
                return told
            page.change(WAITING, order.key, USED)
            return Told(state=State.DECLINED, code="canceled")

    def authenticate(self, order: Order, reference: str, return_url: str) -> Told:
        url = self.page_url(order.organization, "authenticate", order.key)
        return Told(state=State.REQUIRES_ACTION, reference=reference, url=url)

    def authenticated(self, order: Order) -> None:
        """The card holder said who he is: the money is taken, and we are told so."""
        with self.notebook.open(order.organization) as page:
            desk = _Desk(self, page, order)
            if desk.is_waiting():
                page.change(WAITING, order.key, USED)
                desk.tell(desk.take())

    def not_authenticated(self, order: Order) -> None:
        """He did not."""
        with self.notebook.open(order.organization) as page:
            desk = _Desk(self, page, order)
            if desk.is_waiting():
                page.change(WAITING, order.key, USED)
                desk.tell(desk.decline("authentication_failed"))

    def refund(self, order: Order, reference: str, refund: str, amount: int) -> Told:
        with self.notebook.open(order.organization) as page:
            kept = page.find(REFUND, refund)
            if kept is None:
                kept = {"reference": f"sim_{refund}", "amount": amount, "charge": reference}
                page.add(REFUND, refund, USED, kept | {"payment": order.payment, "at": page.now})
            return Told(state=State.SUCCEEDED, reference=kept["reference"], amount=kept["amount"])

    def look_up_refund(self, order: Order, reference: str, refund: str) -> Told:
        with self.notebook.open(order.organization) as page:
            kept = page.find(REFUND, refund)
        if kept is None:
            return Told(state=State.ABSENT)
        return Told(state=State.SUCCEEDED, reference=kept["reference"], amount=kept["amount"])

    def begin_card(
        self, organization: str, method: Mapping[str, str] | None, return_url: str, cancel_url: str
    ) -> Hosted:
        with self.notebook.open(organization) as page:
            name = f"{organization}.{uuid7_of(page.now, f'{return_url}:{len(page.all(CARD))}')}"
            page.add(CARD, name, OPEN, {"return_url": return_url, "cancel_url": cancel_url})
        return Hosted(reference=name, url=self.page_url(organization, "card", name))

    def enter_card(self, organization: str, name: str, number: str) -> str | None:
        """On the hosted page. Where the browser goes on to; None: this is no card of ours."""
        card = TRIAL_CARDS.get(number)
        with self.notebook.open(organization) as page:
            asked = page.find(CARD, name)
            if card is None or asked is None:
                return None
            if page.find("entered", name):
                return str(asked["return_url"])
            page.add("entered", name, USED, {"token": card.token, "last4": number[-4:], "at": page.now})
            told = Told(state=State.SUCCEEDED, organization=organization, reference=name)
            page.send(Event(event_id=f"evt_{name}", kind=EventKind.CARD, told=told))
        return str(asked["return_url"])

    def finish_card(self, reference: str) -> Card | None:
        with self.notebook.open(reference.partition(".")[0]) as page:
            entered = page.find("entered", reference)
        return card_of(entered["token"], entered["last4"], entered["at"]) if entered else None

    def forget_card(self, method: Mapping[str, str]) -> None:
        """It never knew more of it than we do."""

    def page_url(self, organization: str, what: str, name: str) -> str:
        signature = self.sign(f"{what}:{organization}:{name}".encode())
        return f"{self.public_url}/simulator/{what}/{organization}/{name}/{signature}"

    def is_signed(self, organization: str, what: str, name: str, signature: str) -> bool:
        return self._is(f"{what}:{organization}:{name}".encode(), signature)

    def _is(self, body: bytes, signature: str) -> bool:
        return hmac.compare_digest(self.sign(body).encode(), signature.encode())

    def sign(self, body: bytes) -> str:
        return hmac.new(self.secret, body, sha256).hexdigest()

    def event(self, body: bytes, headers: Mapping[str, str]) -> Event:
        if not self._is(body, headers.get("simulator-signature", "")):
            raise BadSignature
        return msgspec.json.decode(body, type=Event)

    def taken_since(self, at: int) -> Iterable[Told]:
        for organization in self.notebook.organizations():
            yield from self.taken_of(organization, at)

    def taken_of(self, organization: str, at: int) -> Iterable[Told]:
        with self.notebook.open(organization) as page:
            charges = [msgspec.convert(body, Told) for _, _, body in page.all(CHARGE)]
        return [told for told in charges if (told.at or 0) >= at]

    def given_back_since(self, at: int) -> Iterable[Event]:
        """Of disputes it has no notebook: what it tells of them is never lost."""
        for organization in self.notebook.organizations():
            with self.notebook.open(organization) as page:
                refunds = [(name, body) for name, _, body in page.all(REFUND) if body.get("at", at) >= at]
            yield from [_given_back(organization, name, body) for name, body in refunds]

    def check(self) -> str:
        return "The simulator is always there, and takes no money."


@dataclass(frozen=True, slots=True)
class _Desk:
    """One order at the simulator."""

    bank: Simulator
    page: Page
    order: Order

    @property
    def names(self) -> dict[str, Any]:
        order = self.order
        return {"organization": order.organization, "payment": order.payment, "order": order.key, "live": False}

    def charge(self) -> Told:
        """Under a key that is known, what is known."""
        if self.order.live:
            raise ProviderError("the simulator has no real money")
        known = self.standing()
        if known is not None:
            self._note("succeeded" if known.state is State.SUCCEEDED else known.state.value, known.code)
            return known
        return self._do(self._script())

    def standing(self) -> Told | None:
        charged = self.page.find(CHARGE, self.order.key)
        if charged is not None:
            return msgspec.convert(charged, Told)
        if self.is_waiting():
            return self._waits()
        declined = self.page.find("declined", self.order.key)
        return Told(state=State.DECLINED, code=declined["code"], **self.names) if declined else None

    def is_waiting(self) -> bool:
        return any(name == self.order.key and state == OPEN for name, state, _ in self.page.all(WAITING))

    def _script(self) -> Script:
        first = self.page.first(SCRIPT, OPEN)
        if first:
            self.page.change(SCRIPT, first[0], USED)
            return msgspec.convert(first[1], Script)
        card = BY_TOKEN.get(self.order.method.get("payment_method", ""))
        if card is None or (card.code is None and not card.authenticates):
            return Script()
        return Script(result="requires_action") if card.authenticates else Script(result="declined", code=card.code)

    def _do(self, script: Script) -> Told:
        self._note(script.result, script.code)
        match script.result:
            case "succeeded":
                told = self._told(self.take(), script)
                self._dispute(told)
                return told
            case "declined":
                return self._told(self.decline(script.code or "generic_decline"), script)
            case "requires_action":
                self.page.add(WAITING, self.order.key, OPEN, {"payment": self.order.payment})
                return self._waits()
        if script.charged:
            self._told(self.take(), script)
        return Told(state=State.UNKNOWN)

    def _dispute(self, told: Told) -> None:
        card = BY_TOKEN.get(self.order.method.get("payment_method", ""))
        if card and card.disputed:
            names = {"event_id": f"evt_{self.order.key}_dispute", "dispute_id": dispute_name(self.order.payment)}
            self.page.send(Event(**names, kind=EventKind.DISPUTE, told=told, dispute=DisputeState.OPENED))

    def _note(self, result: str, code: str | None) -> None:
        order = self.order
        body = {
            "top_up": order.payment,
            "idempotency_key": order.key,
            "amount": order.amount,
            "result": result,
            "code": code,
        }
        number = len(self.page.all(ATTEMPT)) + 1
        self.page.add(ATTEMPT, f"{number:08d}", USED, body | {"at": self.page.now})

    def take(self) -> Told:
        order = self.order
        told = Told(
            state=State.SUCCEEDED,
            reference=f"sim_{order.key}",
            amount=order.amount,
            currency=order.currency,
            at=self.page.now,
            **self.names,
        )
        self.page.add(CHARGE, order.key, USED, msgspec.to_builtins(told))
        return told

    def decline(self, code: str) -> Told:
        told = Told(state=State.DECLINED, code=code, reference=f"sim_{self.order.key}", **self.names)
        self.page.add("declined", self.order.key, USED, {"code": code})
        return told

    def _waits(self) -> Told:
        url = self.bank.page_url(self.order.organization, "authenticate", self.order.key)
        return Told(state=State.REQUIRES_ACTION, reference=f"sim_{self.order.key}", url=url, **self.names)

    def _told(self, told: Told, script: Script) -> Told:
        self.tell(told, script.webhook)
        return told

    def tell(self, told: Told, webhook: str = "now") -> None:
        """The message about it: sent, held back, or never written."""
        event = Event(event_id=f"evt_{self.order.key}_{told.state}", kind=EventKind.PAYMENT, told=told)
        if webhook == "now":
            self.page.send(event)
        elif webhook == "later":
            self.page.add(EVENT, event.event_id, HELD, msgspec.to_builtins(event))


def dispute_name(payment: str) -> str:
    """A payment is disputed here at most once."""
    return f"du_{payment}"


def card_of(token: str, last4: str, at: int) -> Card:
    """Test cards never expire soon."""
    expires = moment(at)
    reference = {"customer": "sim", "payment_method": token}
    year = f"{expires.year + EXPIRES_IN_YEARS:04d}-{expires.month:02d}"
    return Card(brand=BY_TOKEN[token].brand, last4=last4, expires=year, reference=reference)


def trial_card(number: str, at: int) -> Card | None:
    """None: it is not one of the numbers for trying out."""
    card = TRIAL_CARDS.get(number)
    return card_of(card.token, number[-4:], at) if card else None


def _given_back(organization: str, refund: str, body: Mapping[str, Any]) -> Event:
    told = Told(
        state=State.SUCCEEDED,
        reference=body["reference"],
        amount=body["amount"],
        organization=organization,
        payment=body.get("payment"),
        live=False,
    )
    return Event(event_id=f"evt_{refund}_given_back", kind=EventKind.REFUND, told=told, refund=refund)
