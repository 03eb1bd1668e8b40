"""How an organization wants to stand on its receipts and statements, and who is sent them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from talktime.actions import receipts
from talktime.core.emails import LENGTH_MAX
from talktime.core.money import decimal, micros
from talktime.core.receipts import MICROS_OF_RATE, BillingDetails
from talktime.core.scopes import Scope
from talktime.storage.database import ReadTx, Tx
from talktime.web.fields import Text, actor
from talktime.web.routes import Request, Route

Line = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Address = Annotated[list[Line], Meta(max_length=6)]
VatId = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Rate = Annotated[
    str,
    Meta(
        pattern=r"^(100(\.0{1,2})?|[0-9]{1,2}(\.[0-9]{1,2})?)\Z",
        description="Percent, with at most two decimals; prices include it. Null: no VAT is shown.",
    ),
]
Recipients = Annotated[list[Annotated[str, Meta(min_length=3, max_length=LENGTH_MAX)]], Meta(max_length=20)]


class BillingDetailsForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """The whole: what is left out is empty."""

    legal_name: Text | None = None
    address: Address = []
    vat_id: VatId | None = None
    vat_rate: Rate | None = None
    receipts_to: Recipients = []


class BillingDetailsBody(Struct, kw_only=True):
    legal_name: str | None
    address: list[str]
    vat_id: str | None
    vat_rate: str | None
    receipts_to: list[str]


def billing_details_body(details: BillingDetails) -> BillingDetailsBody:
    rate = details.vat_rate
    return BillingDetailsBody(
        legal_name=details.legal_name,
        address=list(details.address),
        vat_id=details.vat_id,
        vat_rate=None if rate is None else decimal(rate * MICROS_OF_RATE),
        receipts_to=list(details.receipts_to),
    )


def get_billing_details(tx: ReadTx, request: Request[None]) -> BillingDetailsBody:
    """How the organization stands on its documents."""
    return billing_details_body(receipts.details_of(tx, request.org_id))


def put_billing_details(tx: Tx, request: Request[BillingDetailsForm]) -> BillingDetailsBody:
    """For documents from now on; those that were made stay as they are."""
    form = request.form
    rate = None if form.vat_rate is None else micros(form.vat_rate) // MICROS_OF_RATE
    recipients = tuple(dict.fromkeys(form.receipts_to))
    details = BillingDetails(form.legal_name, tuple(form.address), form.vat_id, rate, recipients)
    return billing_details_body(receipts.set_details(tx, request.org_id, details, actor(request)))


COMMON: dict[str, Any] = {"scope": Scope.FUNDS, "answer": BillingDetailsBody, "tag": "Money"}
PATH = "/v1/billing-details"
ROUTES = [
    Route("GET", PATH, handler=get_billing_details, **COMMON),
    Route("PUT", PATH, handler=put_billing_details, form=BillingDetailsForm, **COMMON),
]
