"""An organization whose cards are charged through Stripe."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from talktime.storage import method_store, refund_store
from talktime.storage.method_store import ACTIVE, Method
from tests.support.fake_stripe import Delivery, FakeStripe
from tests.support.fake_stripe_account import GOOD
from tests.web.client import Answer, World
from tests.web.money import Payer

FORM = "application/x-www-form-urlencoded"


class Shopper(Payer):
    """Its cards are Stripe's, whose messages come when it wants to hear them; its clock is the world's."""

    def __init__(self, world: World, stripe: FakeStripe) -> None:
        super().__init__(world, clock=None)
        self.stripe = stripe
        self.number = int(self.org.id.partition("_")[2], 16)

    def card(self, number: str = GOOD) -> str:
        """As it is after Stripe's page."""
        method = Method(
            org_id=self.number,
            method_id=f"pm_{self.world.app.now()}",
            provider="stripe",
            state=ACTIVE,
            brand="Visa",
            last4=number[-4:],
            expires="2031-04",
            reference=msgspec.json.encode(self.stripe.account.card(number)).decode(),
            is_default=False,
            created_at=self.world.app.now(),
        )
        self.world.app.database.write(self.number, method_store.add, method)
        return method.method_id

    def pay(self, amount: str, **fields: Any) -> Any:
        return super().pay(amount, payment_method=self.card(), **fields)

    def hear(self, deliveries: list[Delivery] | None = None) -> None:
        """What Stripe has told since, or these."""
        for body, headers in self.stripe.events() if deliveries is None else deliveries:
            signature = headers["stripe-signature"]
            sent = self.world.nobody.send("POST", "/v1/providers/stripe/events", body, stripe_signature=signature)
            assert sent.status == 204
        self.settle()

    def follow_link(self, payment: Any) -> Answer:
        """The button of the page that the mail leads to."""
        path = urlsplit(self.world.app.links.for_payment(self.number, payment["id"])).path
        return self.world.nobody.send("POST", path, b"", kind=FORM)

    def later(self, seconds: float) -> None:
        self.world.clock.pass_seconds(seconds)
        self.settle()

    def refund(self, payment: Any, amount: str) -> Any:
        made = self.api.post(f"/v1/top-ups/{payment['id']}/refund", {"amount": amount})
        assert made.status == 201, made.content
        return made.json

    @property
    def refunds(self) -> list[str]:
        """How those of its one payment stand."""
        [payment] = self.payments
        found = self.world.app.database.read(self.number, refund_store.of_payment, self.number, payment["id"])
        return [one.state for one in found]

    @property
    def reference(self) -> str:
        """What Stripe calls its newest payment."""
        return str(self.stripe.account.of_kind("payment_intent")[0]["id"])

    @property
    def messages(self) -> int:
        """That had their effect."""
        return len(self.operator.get("/v1/operator/inbox", state="done").json["data"])
