"""Money that goes back."""

from __future__ import annotations

from collections.abc import Iterator

from stripe import StripeClient

from talktime.core.gateway import Order, State, Told
from talktime.payments.stripe.amounts import to_stripe
from talktime.payments.stripe.client import Unanswered, heard, read
from talktime.payments.stripe.objects import Refund, told_of_refund

PAGE = 100


class Refunds:
    def __init__(self, client: StripeClient, live: bool) -> None:
        self._refunds = client.v1.refunds
        self._live = live

    def refund(self, order: Order, reference: str, refund: str, amount: int) -> Told:
        units = to_stripe(amount, order.currency)
        names = {"organization": order.organization, "payment": order.payment, "refund": refund}
        try:
            with heard():
                made = self._refunds.create(
                    params={"payment_intent": reference, "amount": units, "metadata": names},
                    options={"idempotency_key": refund},
                )
                return told_of_refund(read(Refund, made), self._live)
        except Unanswered:
            return Told(state=State.UNKNOWN)

    def look_up(self, reference: str, refund: str) -> Told:
        try:
            of_this_name = (one for one in self._of(reference) if (one.metadata or {}).get("refund") == refund)
            found = next(of_this_name, None)
        except Unanswered:
            return Told(state=State.UNKNOWN)
        return Told(state=State.ABSENT) if found is None else told_of_refund(found, self._live)

    def _of(self, reference: str) -> Iterator[Refund]:
        with heard():
            for one in self._refunds.list(params={"payment_intent": reference, "limit": PAGE}).auto_paging_iter():
                yield read(Refund, one)
