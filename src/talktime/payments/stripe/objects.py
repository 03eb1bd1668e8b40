"""What we read of Stripe's objects, and what it means. Everything else that they carry is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from talktime.core.gateway import Card, ProviderError, State, Told
from talktime.payments.stripe.amounts import from_stripe

MICROS_PER_SECOND = 1_000_000

Whole = Annotated[int, Meta(ge=0, le=10**12)]
Metadata = dict[str, str]


class Charge(Struct, frozen=True):
    created: Whole


class Failure(Struct, frozen=True):
    code: str | None = None
    decline_code: str | None = None


class Redirect(Struct, frozen=True):
    url: str | None = None


class NextAction(Struct, frozen=True):
    redirect_to_url: Redirect | None = None


class Intent(Struct, frozen=True):
    id: str
    status: str
    currency: str
    livemode: bool
    amount_received: Whole = 0
    metadata: Metadata = {}
    latest_charge: Charge | str | None = None
    last_payment_error: Failure | None = None
    next_action: NextAction | None = None


class CardRefusal(Failure, frozen=True):
    payment_intent: Intent | None = None
    """What it ends, or whose holder is to be asked."""


class RefusalBody(Struct, frozen=True):
    error: CardRefusal


class Refund(Struct, frozen=True):
    id: str
    status: str | None
    amount: Whole
    currency: str
    created: Whole
    payment_intent: str | None = None
    failure_reason: str | None = None
    metadata: Metadata | None = None


class Dispute(Struct, frozen=True):
    id: str
    status: str
    amount: Whole
    currency: str
    payment_intent: str | None = None


class Customer(Struct, frozen=True):
    id: str


class CardDetails(Struct, frozen=True):
    brand: str
    last4: str
    exp_month: int
    exp_year: int


class Method(Struct, frozen=True):
    id: str
    card: CardDetails | None = None


class Setup(Struct, frozen=True):
    payment_method: Method | str | None = None


class Session(Struct, frozen=True):
    id: str
    mode: str
    status: str | None = None
    url: str | None = None
    customer: str | None = None
    client_reference_id: str | None = None
    setup_intent: Setup | str | None = None


class Account(Struct, frozen=True):
    id: str
    charges_enabled: bool = False


_INTENTS = {
    "succeeded": State.SUCCEEDED,
    "processing": State.PROCESSING,
    "requires_action": State.REQUIRES_ACTION,
    "requires_payment_method": State.DECLINED,
    "canceled": State.DECLINED,
}
_REFUNDS = {
    "succeeded": State.SUCCEEDED,
    "pending": State.PROCESSING,
    "requires_action": State.PROCESSING,
    "failed": State.DECLINED,
    "canceled": State.DECLINED,
}
ASK_THE_HOLDER = "authentication_required"


def card_names(method: Mapping[str, str]) -> tuple[str, str]:
    """The holder and the card, as Stripe calls them."""
    try:
        return method["customer"], method["payment_method"]
    except KeyError as error:
        raise ProviderError("this card is none of Stripe's") from error


def is_ours(metadata: Mapping[str, str]) -> bool:
    """An account may sell other things, too."""
    return "organization" in metadata and "payment" in metadata


def told_of(intent: Intent, succeeded_at: int = 0) -> Told:
    """`succeeded_at`: seconds, for where the charge itself is not told."""
    known = Told(
        state=_INTENTS.get(intent.status, State.UNKNOWN),
        reference=intent.id,
        organization=intent.metadata.get("organization"),
        payment=intent.metadata.get("payment"),
        order=intent.metadata.get("order"),
        live=intent.livemode,
    )
    match intent.status:
        case "succeeded":
            return _with_money(known, intent, succeeded_at)
        case "requires_payment_method":
            return _refused(known, intent.last_payment_error or Failure())
        case "requires_action" if intent.next_action and intent.next_action.redirect_to_url:
            return replace(known, url=intent.next_action.redirect_to_url.url)
        case "canceled":
            return replace(known, code="canceled")
    return known


def _with_money(known: Told, intent: Intent, succeeded_at: int) -> Told:
    charge = intent.latest_charge
    seconds = charge.created if isinstance(charge, Charge) else succeeded_at
    amount = from_stripe(intent.amount_received, intent.currency)
    return replace(known, amount=amount, currency=intent.currency.upper(), at=seconds * MICROS_PER_SECOND)


def _refused(known: Told, failure: Failure) -> Told:
    """A card whose holder must be asked is not refused: the same intent can still succeed."""
    if ASK_THE_HOLDER in (failure.code, failure.decline_code):
        return replace(known, state=State.REQUIRES_ACTION)
    return replace(known, code=code_of(failure))


def told_of_refusal(refusal: CardRefusal, reference: str | None) -> Told:
    if refusal.payment_intent is not None:
        return told_of(refusal.payment_intent)
    code = code_of(refusal)
    return Told(state=State.DECLINED if code else State.UNKNOWN, reference=reference, code=code)


def code_of(failure: Failure) -> str | None:
    return failure.decline_code or failure.code


def told_of_refund(refund: Refund, live: bool) -> Told:
    metadata = refund.metadata or {}
    return Told(
        state=_REFUNDS.get(refund.status or "", State.UNKNOWN),
        reference=refund.id,
        amount=from_stripe(refund.amount, refund.currency),
        currency=refund.currency.upper(),
        at=refund.created * MICROS_PER_SECOND,
        code=refund.failure_reason,
        organization=metadata.get("organization"),
        payment=metadata.get("payment"),
        live=live,
    )


def card_of(session: Session) -> Card | None:
    """None while the page is not filled in, or was for something else."""
    if session.status != "complete" or session.customer is None or not isinstance(session.setup_intent, Setup):
        return None
    method = session.setup_intent.payment_method
    if not isinstance(method, Method) or method.card is None:
        return None
    expires = f"{method.card.exp_year:04d}-{method.card.exp_month:02d}"
    reference = {"customer": session.customer, "payment_method": method.id}
    return Card(brand=method.card.brand, last4=method.card.last4, expires=expires, reference=reference)
