"""What went back to card holders, by lists: whatever was told of it may have been lost."""

from __future__ import annotations

from collections.abc import Iterator

from stripe import StripeClient

from talktime.core.gateway import Event, ProviderError
from talktime.payments.stripe.client import Unanswered, heard
from talktime.payments.stripe.events import event_in_list
from talktime.payments.stripe.objects import MICROS_PER_SECOND

PAGE, WITH_PAYMENT = 100, ["data.payment_intent"]
DAY_SECONDS = 24 * 3600
REFUND_ENDS, DISPUTE_ENDS = 30 * DAY_SECONDS, 120 * DAY_SECONDS
"""So long after it was begun a bank may still send a refund back, or say what it thinks of a dispute."""


class GivenBack:
    def __init__(self, client: StripeClient, live: bool) -> None:
        self._refunds, self._disputes = client.v1.refunds, client.v1.disputes
        self._live = live

    def since(self, at: int) -> Iterator[Event]:
        """What may have changed since then."""
        seconds = at // MICROS_PER_SECOND
        try:
            yield from self._of_refunds(max(seconds - REFUND_ENDS, 0))
            yield from self._of_disputes(max(seconds - DISPUTE_ENDS, 0))
        except Unanswered as error:
            raise ProviderError(f"Stripe did not answer to the end: {error}") from error

    def _of_refunds(self, since: int) -> Iterator[Event]:
        with heard():
            listed = self._refunds.list({"created": {"gte": since}, "limit": PAGE, "expand": WITH_PAYMENT})
            for one in listed.auto_paging_iter():
                yield event_in_list(one, self._live)

    def _of_disputes(self, since: int) -> Iterator[Event]:
        with heard():
            listed = self._disputes.list({"created": {"gte": since}, "limit": PAGE, "expand": WITH_PAYMENT})
            for one in listed.auto_paging_iter():
                yield event_in_list(one, self._live)
