"""Stripe's messages: that they are Stripe's, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace
from stripe import SignatureVerificationError, StripeObject, WebhookSignature

from talktime.core.gateway import BadSignature, DisputeState, Event, EventKind, ProviderError, State, Told
from talktime.payments.stripe.amounts import from_stripe
from talktime.payments.stripe.client import read
from talktime.payments.stripe.objects import (
    MICROS_PER_SECOND,
    Dispute,
    Intent,
    Metadata,
    Refund,
    Session,
    Whole,
    is_ours,
    told_of,
    told_of_refund,
)

TOLERANCE_SECONDS = 300

Read = TypeVar("Read")


class Data(Struct, frozen=True):
    object: Raw


class Message(Struct, frozen=True):
    id: str
    type: str
    created: Whole
    livemode: bool
    data: Data


def check_signature(body: bytes, signature: str, secrets: Iterable[str]) -> None:
    """Any of the secrets will do: while one is being replaced there are two."""
    if not any(_is_signed(body, signature, secret) for secret in secrets):
        raise BadSignature


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    try:
        return bool(WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS))
    except (SignatureVerificationError, TypeError, ValueError):
        # No text at all, or a signature in letters that no signature has.
        return False


def event_of(body: bytes) -> Event:
    message = _read(body, Message)
    return _READERS.get(message.type, _other)(message)


class Named(Struct, frozen=True):
    id: str
    metadata: Metadata = {}


class Listed(Struct, frozen=True):
    """A refund or a dispute with its payment beside it."""

    id: str
    object: str
    created: Whole
    status: str | None = None
    payment_intent: Named | None = None


def event_in_list(one: StripeObject, live: bool) -> Event:
    """What a message would tell of it as it stands; by the same name as long as it does."""
    listed = read(Listed, one)
    paid, name = listed.payment_intent, f"{listed.id}:{listed.status}"
    if paid is None or not is_ours(paid.metadata):
        return nothing(name, live)
    kind = _kind(listed)
    content = Raw(msgspec.json.encode(one.to_dict() | {"payment_intent": paid.id}))
    event = _READERS[kind](Message(name, kind, listed.created, live, Data(content)))
    names = {"organization": paid.metadata["organization"], "payment": paid.metadata["payment"]}
    return replace(event, told=replace(event.told, **names))


def _kind(listed: Listed) -> str:
    if listed.object == "refund":
        return "refund.updated"
    return "charge.dispute.closed" if listed.status in _ENDS else "charge.dispute.created"


def nothing(event_id: str, live: bool | None) -> Event:
    return Event(event_id=event_id, kind=EventKind.OTHER, told=Told(state=State.UNKNOWN, live=live))


def _read(text: bytes | Raw, kind: type[Read]) -> Read:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ProviderError(f"this message of Stripe's cannot be read: {error}") from error


def _other(message: Message) -> Event:
    return nothing(message.id, message.livemode)


def _payment(message: Message) -> Event:
    intent = _read(message.data.object, Intent)
    if not is_ours(intent.metadata):
        return _other(message)
    return Event(event_id=message.id, kind=EventKind.PAYMENT, told=told_of(intent, message.created))


def _refund(message: Message) -> Event:
    refund = _read(message.data.object, Refund)
    if refund.payment_intent is None:
        return _other(message)
    told = msgspec.structs.replace(told_of_refund(refund, message.livemode), reference=refund.payment_intent)
    # One that was made at Stripe's own desk has only Stripe's name.
    name = (refund.metadata or {}).get("refund", refund.id)
    return Event(event_id=message.id, kind=EventKind.REFUND, told=told, refund=name)


# An inquiry that ends is no dispute. What was "prevented" was given back without asking us.
_ENDS = {
    "won": DisputeState.WON,
    "warning_closed": DisputeState.WON,
    "lost": DisputeState.LOST,
    "prevented": DisputeState.LOST,
}


def _dispute_opened(message: Message) -> Event:
    return _dispute(message, _read(message.data.object, Dispute), DisputeState.OPENED)


def _dispute_closed(message: Message) -> Event:
    dispute = _read(message.data.object, Dispute)
    return _dispute(message, dispute, _ENDS.get(dispute.status))


def _dispute(message: Message, dispute: Dispute, state: DisputeState | None) -> Event:
    if dispute.payment_intent is None or state is None:
        return _other(message)
    told = Told(
        state=State.SUCCEEDED,
        reference=dispute.payment_intent,
        amount=from_stripe(dispute.amount, dispute.currency),
        currency=dispute.currency.upper(),
        at=message.created * MICROS_PER_SECOND,
        live=message.livemode,
    )
    return Event(event_id=message.id, kind=EventKind.DISPUTE, told=told, dispute=state, dispute_id=dispute.id)


def _card(message: Message) -> Event:
    session = _read(message.data.object, Session)
    if session.mode != "setup" or session.client_reference_id is None:
        return _other(message)
    told = Told(
        state=State.SUCCEEDED,
        reference=session.id,
        organization=session.client_reference_id,
        live=message.livemode,
    )
    return Event(event_id=message.id, kind=EventKind.CARD, told=told)


# `charge.refunded` is left out: the refund itself tells the same, with its name and its own amount.
_READERS: Mapping[str, Callable[[Message], Event]] = {
    "payment_intent.succeeded": _payment,
    "payment_intent.payment_failed": _payment,
    "payment_intent.processing": _payment,
    "payment_intent.requires_action": _payment,
    "payment_intent.canceled": _payment,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.dispute.created": _dispute_opened,
    "charge.dispute.closed": _dispute_closed,
    "checkout.session.completed": _card,
}
EVENTS = tuple(_READERS)
"""What an endpoint at Stripe has to subscribe to."""
