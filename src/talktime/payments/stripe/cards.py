"""Cards are entered on a page of Stripe's: no number of one comes near us."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from stripe import StripeClient
from stripe.params.checkout import SessionCreateParams, SessionRetrieveParams

from talktime.core.gateway import Card, Hosted, ProviderError
from talktime.payments.stripe.client import Refused, asked
from talktime.payments.stripe.objects import Customer, Method, Session, card_names, card_of


class Cards:
    def __init__(self, client: StripeClient) -> None:
        self._customers = client.v1.customers
        self._sessions = client.v1.checkout.sessions
        self._methods = client.v1.payment_methods

    def begin(self, organization: str, method: Mapping[str, str] | None, return_url: str, cancel_url: str) -> Hosted:
        params: SessionCreateParams = {
            "mode": "setup",
            "customer": card_names(method)[0] if method else self._new_holder(organization),
            "allowed_payment_method_types": ["card"],
            "client_reference_id": organization,
            "metadata": {"organization": organization},
            "success_url": return_url,
            "cancel_url": cancel_url,
        }
        session = asked(Session, lambda: self._sessions.create(params))
        if session.url is None:
            raise ProviderError("Stripe told no address of its page")
        return Hosted(reference=session.id, url=session.url)

    def _new_holder(self, organization: str) -> str:
        return asked(Customer, lambda: self._customers.create({"metadata": {"organization": organization}})).id

    def finish(self, reference: str) -> Card | None:
        whole: SessionRetrieveParams = {"expand": ["setup_intent.payment_method"]}
        return card_of(asked(Session, lambda: self._sessions.retrieve(reference, whole)))

    def forget(self, method: Mapping[str, str]) -> None:
        _, name = card_names(method)
        # What is attached to nobody was forgotten before.
        with suppress(Refused):
            asked(Method, lambda: self._methods.detach(name))
