"""Stripe as one of the providers. Its library and its words stay inside this package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from talktime.core.gateway import Card, Event, EventKind, Hosted, NotLetIn, Order, Told
from talktime.payments.stripe.cards import Cards
from talktime.payments.stripe.client import API_BASE, READ_SECONDS, Unanswered, asked, connected
from talktime.payments.stripe.events import check_signature, event_of, nothing
from talktime.payments.stripe.given_back import GivenBack
from talktime.payments.stripe.intents import Intents
from talktime.payments.stripe.objects import Account, is_ours
from talktime.payments.stripe.refunds import Refunds


class Stripe:
    name = "stripe"

    def __init__(
        self, api_key: str, webhook_secrets: Sequence[str], api_base: str = API_BASE, read_seconds: int = READ_SECONDS
    ) -> None:
        self.live = "_live_" in api_key
        self._client = connected(api_key, api_base, read_seconds)
        self._intents = Intents(self._client)
        self._refunds = Refunds(self._client, self.live)
        self._cards = Cards(self._client)
        self._given_back = GivenBack(self._client, self.live)
        self._secrets = tuple(webhook_secrets)

    def charge(self, order: Order) -> Told:
        if order.live is not self.live:
            raise NotLetIn("the key of Stripe is for the other mode: live and test do not mix")
        return self._intents.charge(order)

    def look_up(self, order: Order, reference: str | None) -> Told:
        return self._intents.look_up(order, reference)

    def cancel(self, order: Order, reference: str | None) -> Told:
        return self._intents.cancel(order, reference)

    def authenticate(self, order: Order, reference: str, return_url: str) -> Told:
        return self._intents.authenticate(order, reference, return_url)

    def refund(self, order: Order, reference: str, refund: str, amount: int) -> Told:
        return self._refunds.refund(order, reference, refund, amount)

    def look_up_refund(self, order: Order, reference: str, refund: str) -> Told:
        return self._refunds.look_up(reference, refund)

    def begin_card(
        self, organization: str, method: Mapping[str, str] | None, return_url: str, cancel_url: str
    ) -> Hosted:
        return self._cards.begin(organization, method, return_url, cancel_url)

    def finish_card(self, reference: str) -> Card | None:
        return self._cards.finish(reference)

    def forget_card(self, method: Mapping[str, str]) -> None:
        self._cards.forget(method)

    def taken_since(self, at: int) -> Iterator[Told]:
        return self._intents.taken_since(at)

    def given_back_since(self, at: int) -> Iterator[Event]:
        return (event for event in self._given_back.since(at) if event.kind is not EventKind.OTHER)

    def event(self, body: bytes, headers: Mapping[str, str]) -> Event:
        check_signature(body, headers.get("stripe-signature", ""), self._secrets)
        return event_of(body)

    def complete(self, event: Event) -> Event:
        """Refunds and disputes may not say whose payment it was: it is asked here, over the network. What is not
        ours becomes nothing to us; what nobody answered stays as it is, to be asked again."""
        reference = event.told.reference
        if event.kind not in (EventKind.REFUND, EventKind.DISPUTE) or event.told.payment or reference is None:
            return event
        try:
            names = self._intents.names(reference)
        except Unanswered:
            return event
        if not is_ours(names):
            return nothing(event.event_id, event.told.live)
        told = replace(event.told, organization=names["organization"], payment=names["payment"])
        return replace(event, told=told)

    def check(self) -> str:
        account = asked(Account, self._client.v1.accounts.retrieve_current)
        mode = "live" if self.live else "test"
        able = "can take payments" if account.charges_enabled else "cannot take payments yet"
        return f"Stripe account {account.id}, {mode} mode, {able}"


def stripe_provider(api_key: str, webhook_secrets: str | None = None, api_base: str | None = None) -> Stripe:
    """As the settings have it: the secrets in one line, with commas between them."""
    secrets = [one.strip() for one in (webhook_secrets or "").split(",")]
    return Stripe(api_key, secrets, (api_base or API_BASE).rstrip("/"))
