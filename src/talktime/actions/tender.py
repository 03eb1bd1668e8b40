"""What an organization may pay, and by what: asked before a payment is written."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from talktime.actions.errors import Invalid, StateConflict
from talktime.actions.organizations import CLOSED, limits_of
from talktime.core.currencies import Bounds, bounds_of, fits
from talktime.core.money import decimal, micros
from talktime.core.receipts import Party
from talktime.storage import method_store
from talktime.storage.database import ReadTx
from talktime.storage.method_store import ACTIVE, Method
from talktime.storage.org_store import Organization

SIMULATOR = "simulator"
WITHOUT_CREDITS = frozenset({"RU", "KR", "TW"})
"""Countries where credits are not to be had (charging_rules.md, 10)."""


class Terms(Struct, frozen=True):
    """What this installation says of payments."""

    provider: str | None = None
    """Of live organizations; None: none is set up."""
    bounds: Mapping[str, Bounds] = {}
    seller: Party = Party("")
    """Who stands on receipts."""


def may_fund(org: Organization) -> None:
    """By hand; what the operator grants is another matter."""
    if org.state == CLOSED:
        raise StateConflict("organization_closed")
    if org.billing_account == "postpaid":
        raise StateConflict("credits_not_sold")
    if org.billing_account == "partner":
        raise StateConflict("partner_funds")
    if org.country in WITHOUT_CREDITS:
        raise StateConflict("credits_not_available")


def provider_for(org: Organization, terms: Terms) -> str:
    """A test organization never reaches real money."""
    if org.mode == "test":
        return SIMULATOR
    if terms.provider is None:
        raise StateConflict("no_payment_provider")
    return terms.provider


def bounds(org: Organization, terms: Terms) -> Bounds:
    """Of the organization, else of the installation, else of the currency."""
    usual, limits = bounds_of(org.currency, dict(terms.bounds)), limits_of(org)
    least = micros(limits.top_up_min) if isinstance(limits.top_up_min, str) else usual.least
    most = micros(limits.top_up_max) if isinstance(limits.top_up_max, str) else usual.most
    return Bounds(least, most)


def check_amount(org: Organization, terms: Terms, field: str, amount: int) -> None:
    least, most = bounds(org, terms)
    if not fits(amount, org.currency):
        raise Invalid("too_many_decimals", field, currency=org.currency)
    if not least <= amount <= most:
        values = {"least": decimal(least), "most": decimal(most), "currency": org.currency}
        raise Invalid("outside_limits", field, **values)


def usable(tx: ReadTx, org_id: int, method_id: str | None, field: str) -> Method:
    """The one that is named, or else the default."""
    if method_id is None:
        method = method_store.default(tx, org_id)
        if method is None:
            raise Invalid("no_payment_method", field)
        return method
    named = method_store.find(tx, org_id, method_id)
    if named is None or named.state != ACTIVE:
        raise Invalid("unknown_payment_method", field)
    return named
