"""What every payment provider can do. All of them speak over a network, so none is called inside a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from talktime.core.gateway import Card, Event, Hosted, Order, Told

CARD_METHOD = Mapping[str, str]


class Provider(Protocol):
    """An outage, a time-out and a 5xx are no exceptions but `State.UNKNOWN`: money may have moved.

    `ProviderError` is raised where certainly nothing has happened, and repeating it would not help; `NotLetIn` where it
    would help, once the operator has seen to it.
    """

    @property
    def name(self) -> str: ...

    def charge(self, order: Order) -> Told: ...

    def look_up(self, order: Order, reference: str | None) -> Told:
        """How an order stands, found by our own names when no answer ever came. Takes no money."""
        ...

    def cancel(self, order: Order, reference: str | None) -> Told:
        """Make sure that it can no longer succeed; what it then is. It may have succeeded before."""
        ...

    def authenticate(self, order: Order, reference: str, return_url: str) -> Told:
        """A page where the card holder says who he is, for a payment that asked for it."""
        ...

    def refund(self, order: Order, reference: str, refund: str, amount: int) -> Told:
        """`refund`: our own name of it, and the key under which it happens once."""
        ...

    def look_up_refund(self, order: Order, reference: str, refund: str) -> Told: ...

    def begin_card(self, organization: str, method: CARD_METHOD | None, return_url: str, cancel_url: str) -> Hosted:
        """`method`: another card of the same holder, if there is one."""
        ...

    def finish_card(self, reference: str) -> Card | None:
        """The card that was entered on the hosted page; None: not yet."""
        ...

    def forget_card(self, method: CARD_METHOD) -> None: ...

    def event(self, body: bytes, headers: Mapping[str, str]) -> Event:
        """`headers` with small names. Raises `BadSignature`."""
        ...

    def taken_since(self, at: int) -> Iterable[Told]:
        """Everything that succeeded since, for the reconciler."""
        ...

    def given_back_since(self, at: int) -> Iterable[Event]:
        """Refunds and disputes as they stand, as if it were told of them just now: messages may have been lost. The
        same state has the same `event_id` each time. What is not ours is left out."""
        ...

    def check(self) -> str:
        """Whether we are known there; a sentence about the account."""
        ...
