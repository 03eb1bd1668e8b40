"""Links in mails that let a card holder say who he is: each works once, for a day, and cannot be guessed."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from talktime.actions import payments
from talktime.actions.errors import NotFound, StateConflict
from talktime.actions.organizations import locked
from talktime.actions.till import Till
from talktime.core.gateway import Order, ProviderError, State, Told
from talktime.core.ids import org_name, org_number
from talktime.payments.provider import Provider
from talktime.storage import payment_store
from talktime.storage.database import Database, Tx
from talktime.storage.payment_store import REQUIRES_ACTION, Payment

USED = "used"
PAY_LINK = "pay-link"
"""What their key is derived for."""


@dataclass(frozen=True, slots=True)
class Links:
    """Made from what is known, so that no link is ever kept."""

    public_url: str
    key: bytes

    def for_payment(self, org_id: int, payment_id: str) -> str:
        return f"{self.public_url}/pay/{self._token('pay', org_id, payment_id)}"

    def for_card(self, org_id: int, method_id: str) -> str:
        """Where the browser comes back to from the page where it was entered."""
        return f"{self.public_url}/cards/{self._token('cards', org_id, method_id)}"

    def read(self, kind: str, token: str) -> tuple[int, str]:
        """Whose, and the name of what."""
        org, _, rest = token.partition(".")
        name = rest.rpartition(".")[0]
        org_id = org_number(org)
        if org_id is None or not hmac.compare_digest(self._token(kind, org_id, name).encode(), token.encode()):
            raise NotFound
        return org_id, name

    def _token(self, kind: str, org_id: int, name: str) -> str:
        named = f"{org_name(org_id)}.{name}"
        return f"{named}.{hmac.new(self.key, f'{kind}:{named}'.encode(), 'sha256').hexdigest()}"


def follow(database: Database, till: Till, links: Links, token: str) -> str:
    """Where the card holder's browser goes on to. Opening the page uses nothing up: programs look at links, too."""
    org_id, payment_id = links.read("pay", token)
    payment = database.write(org_id, _use, org_id, payment_id)
    order = database.read(org_id, till.order_of, payment)
    provider = till.providers[payment.provider]
    try:
        told = _page_of(provider, order, payment, f"{till.public_url}/pay/done")
    except ProviderError:
        database.write(org_id, _not_used, payment)
        raise
    if told.state is not State.REQUIRES_ACTION:
        database.write(org_id, _book, till, payment, told)
    return told.url or f"{till.public_url}/pay/done"


def _page_of(provider: Provider, order: Order, payment: Payment, return_url: str) -> Told:
    told = provider.authenticate(order, payment.reference or "", return_url)
    if told.state is State.UNKNOWN:
        raise ProviderError("no answer, so there is no page to go on to")
    return told


def _use(tx: Tx, org_id: int, payment_id: str) -> Payment:
    locked(tx, org_id)
    payment = payments.found(tx, org_id, payment_id)
    if payment.state != REQUIRES_ACTION or payment.link_digest == USED:
        raise StateConflict("link_used")
    return payment_store.change(tx, payment, link_digest=USED)


def _not_used(tx: Tx, payment: Payment) -> None:
    """Nobody was asked, so it works once more."""
    payment_store.change(tx, payment, link_digest=None)


def _book(tx: Tx, till: Till, payment: Payment, told: Told) -> None:
    org = locked(tx, payment.org_id)
    payments.book(tx, till.terms, org, payments.found(tx, org.org_id, payment.payment_id), told, org.now(till.now()))
