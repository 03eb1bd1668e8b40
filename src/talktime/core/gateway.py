"""What we say to whoever takes the money, and what he says to us. That nothing is known is one of the answers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Order(Struct, frozen=True, kw_only=True):
    """Take this much from this card. Two orders with the same key are one."""

    key: str
    organization: str
    payment: str
    amount: int
    currency: str
    method: Mapping[str, str]
    """The provider's own names for the card and its holder."""
    live: bool
    off_session: bool
    """The card holder is not there to be asked."""
    return_url: str
    """Where his browser goes after he was asked."""


class State(StrEnum):
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    """The provider works on it; it will tell."""
    UNKNOWN = "unknown"
    """No answer, or one that says nothing about the money."""
    ABSENT = "absent"
    """The provider knows of no such payment, for certain."""


class Told(Struct, frozen=True, kw_only=True):
    """What is known of an order. Amount, currency and instant are the provider's own words."""

    state: State
    reference: str | None = None
    amount: int | None = None
    currency: str | None = None
    at: int | None = None
    """When the money was taken."""
    code: str | None = None
    url: str | None = None
    """Where the card holder says who he is."""
    organization: str | None = None
    payment: str | None = None
    order: str | None = None
    """The key of the order that it is about."""
    live: bool | None = None


class Card(Struct, frozen=True, kw_only=True):
    brand: str
    last4: str
    expires: str | None
    """Year and month, as in `2031-04`."""
    reference: Mapping[str, str]


class Hosted(Struct, frozen=True, kw_only=True):
    """A page of the provider's for what must not pass through our hands."""

    reference: str
    url: str


class EventKind(StrEnum):
    PAYMENT = "payment"
    """`state` says how it stands."""
    REFUND = "refund"
    DISPUTE = "dispute"
    CARD = "card"
    """A hosted page was filled in."""
    OTHER = "other"
    """Nothing that concerns us."""


class DisputeState(StrEnum):
    OPENED = "opened"
    WON = "won"
    LOST = "lost"


class Event(Struct, frozen=True, kw_only=True):
    """One message of a provider, its signature checked."""

    event_id: str
    kind: EventKind
    told: Told
    dispute: DisputeState | None = None
    dispute_id: str | None = None
    """The provider's name of it: one payment may be disputed again."""
    refund: str | None = None
    """Our own name of the refund; the provider's, where it was made at his desk."""


class ProviderError(Exception):
    """The provider cannot do it, and nothing was done; the message is for the operator."""


class NotLetIn(ProviderError):
    """He does not know us, so he has said nothing about a card. It goes on when the operator has seen to it."""


class BadSignature(Exception):
    """It did not come from the provider, or too late."""
