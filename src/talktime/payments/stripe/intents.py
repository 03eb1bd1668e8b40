"""Payments. Each order is one PaymentIntent, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec
from stripe import PaymentIntent, StripeClient
from stripe.params import PaymentIntentConfirmParams, PaymentIntentCreateParams, PaymentIntentListParams

from talktime.core.gateway import Order, ProviderError, State, Told
from talktime.payments.stripe.amounts import to_stripe
from talktime.payments.stripe.client import CardRefused, KeyUsed, Refused, Unanswered, heard, read
from talktime.payments.stripe.objects import (
    MICROS_PER_SECOND,
    Intent,
    RefusalBody,
    card_names,
    is_ours,
    told_of,
    told_of_refusal,
)

UNFINISHED = {State.PROCESSING, State.REQUIRES_ACTION}
PAGE = 100
LATE_SECONDS = 2 * 24 * 3600
"""So long after it was begun a payment can still succeed: its holder has a day to say who he is."""


class Intents:
    def __init__(self, client: StripeClient) -> None:
        self._intents = client.v1.payment_intents

    def charge(self, order: Order) -> Told:
        params = _wanted(order)
        params["confirm"] = True
        params["payment_method"] = card_names(order.method)[1]
        if order.off_session:
            params["off_session"] = True
        else:
            params["return_url"] = order.return_url
        told = _told(lambda: self._intents.create(params, {"idempotency_key": order.key}))
        # A key is answered as it was the first time, however long ago that was: it may stand otherwise by now.
        return self.look_up(order, told.reference) if told.state in UNFINISHED else told

    def look_up(self, order: Order, reference: str | None) -> Told:
        if reference is not None:
            return _told(lambda: self._intent(reference), reference)
        customer, _ = card_names(order.method)
        try:
            of_this_order = (one for one in self._listed(customer=customer) if one.metadata.get("order") == order.key)
            return next(map(told_of, of_this_order), Told(state=State.ABSENT))
        except Unanswered:
            return Told(state=State.UNKNOWN)

    def cancel(self, order: Order, reference: str | None) -> Told:
        known = Told(state=State.UNKNOWN, reference=reference) if reference else self.look_up(order, None)
        if known.state is State.ABSENT:
            known = self._occupied(order)
        return self._canceled(order, known.reference) if known.reference else known

    def _canceled(self, order: Order, reference: str) -> Told:
        try:
            return _told(lambda: self._intents.cancel(reference, params={"expand": ["latest_charge"]}), reference)
        except Refused:
            # It is over, or under way: then it is what it is.
            return self.look_up(order, reference)

    def _occupied(self, order: Order) -> Told:
        """An intent that takes no money, under the order's own key: if the order is still on its way somewhere, it
        comes too late."""
        params = _wanted(order)
        try:
            with heard():
                return told_of(read(Intent, self._intents.create(params, {"idempotency_key": order.key})))
        except KeyUsed:
            # The order has come after all. Where nothing is to be seen of it, it may still be under way.
            known = self.look_up(order, None)
            return Told(state=State.UNKNOWN) if known.state is State.ABSENT else known
        except Unanswered:
            return Told(state=State.UNKNOWN)

    def authenticate(self, order: Order, reference: str, return_url: str) -> Told:
        """The same intent again, with its holder present."""
        known = self.look_up(order, reference)
        if known.state is not State.REQUIRES_ACTION or known.url is not None:
            return known
        return self._confirmed(order, reference, return_url)

    def _confirmed(self, order: Order, reference: str, return_url: str) -> Told:
        params: PaymentIntentConfirmParams = {
            "payment_method": card_names(order.method)[1],
            "return_url": return_url,
            "expand": ["latest_charge"],
        }
        return _told(lambda: self._intents.confirm(reference, params), reference)

    def taken_since(self, at: int) -> Iterator[Told]:
        try:
            for intent in self._listed(since=at // MICROS_PER_SECOND - LATE_SECONDS):
                told = told_of(intent)
                if told.state is State.SUCCEEDED and is_ours(intent.metadata) and (told.at or 0) >= at:
                    yield told
        except Unanswered as error:
            raise ProviderError(f"Stripe did not answer to the end: {error}") from error

    def names(self, reference: str) -> Mapping[str, str]:
        """What we wrote on it."""
        with heard():
            return read(Intent, self._intent(reference)).metadata

    def _listed(self, customer: str | None = None, since: int | None = None) -> Iterator[Intent]:
        """A list, not a search: what was made a moment ago is in it."""
        params: PaymentIntentListParams = {"limit": PAGE, "expand": ["data.latest_charge"]}
        if customer is not None:
            params["customer"] = customer
        if since is not None:
            params["created"] = {"gte": since}
        with heard():
            for one in self._intents.list(params).auto_paging_iter():
                yield read(Intent, one)

    def _intent(self, reference: str) -> PaymentIntent:
        return self._intents.retrieve(reference, params={"expand": ["latest_charge"]})


def _wanted(order: Order) -> PaymentIntentCreateParams:
    return {
        "amount": to_stripe(order.amount, order.currency),
        "currency": order.currency.lower(),
        "customer": card_names(order.method)[0],
        "allowed_payment_method_types": ["card"],
        "description": f"Telephone credit {order.payment}",
        "metadata": {"organization": order.organization, "payment": order.payment, "order": order.key},
        "expand": ["latest_charge"],
    }


def _told(ask: Callable[[], PaymentIntent], reference: str | None = None) -> Told:
    try:
        with heard():
            return told_of(read(Intent, ask()))
    except CardRefused as refusal:
        return _declined(refusal, reference)
    except Unanswered:
        return Told(state=State.UNKNOWN, reference=reference)


def _declined(refusal: CardRefused, reference: str | None) -> Told:
    try:
        return told_of_refusal(msgspec.convert(refusal.body, RefusalBody).error, reference)
    except msgspec.ValidationError:
        return Told(state=State.UNKNOWN, reference=reference)
