"""What Stripe does with cards, as far as we use it: its rules, its test numbers, its record of what it took."""

from __future__ import annotations

import copy
from typing import NamedTuple, NoReturn

from tests.support.fake_stripe_objects import FakeObjects, Object, Params, Refusal, inside

GOOD = "4242424242424242"
DECLINED = {
    "4000000000000002": ("card_declined", "generic_decline"),
    "4000000000000341": ("card_declined", "generic_decline"),
    "4000000000009995": ("card_declined", "insufficient_funds"),
    "4000000000009987": ("card_declined", "lost_card"),
    "4000000000009979": ("card_declined", "stolen_card"),
    "4000000000000069": ("expired_card", None),
    "4000000000000127": ("incorrect_cvc", None),
    "4000000000000119": ("processing_error", None),
}
ASKS_THE_HOLDER = "4000002760003184"
ASKS_THEN_DECLINES = "4000008260003178"
TAKES_TIME = "4000000000000000"
"""Ours: Stripe has no number for it."""


class Taken(NamedTuple):
    """Money that has really moved."""

    reference: str
    order: str | None
    units: int
    currency: str


class Attempt(NamedTuple):
    order: str | None
    method: str
    result: str


class FakeAccount(FakeObjects):
    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        """Where its pages are."""
        self.charges: list[Taken] = []
        self.attempts: list[Attempt] = []
        self._numbers: dict[str, str] = {}

    # ---------------------------------------------------------------- cards

    def card(self, number: str = GOOD, customer: str | None = None) -> dict[str, str]:
        """As it is after the hosted page: the holder and the card."""
        customer = customer or str(self.customer({})["id"])
        shown = {"brand": "visa", "last4": number[-4:], "exp_month": 4, "exp_year": 2031}
        method = self._made("pm", "payment_method", type="card", customer=customer, card=shown)
        self._numbers[method["id"]] = number
        return {"customer": customer, "payment_method": method["id"]}

    def customer(self, params: Params) -> Object:
        return self._made("cus", "customer", metadata=inside(params, "metadata"))

    def detach(self, method: str) -> Object:
        found = self.found(method)
        if found["customer"] is None:
            raise Refusal(400, message="The payment method is not attached to a customer.")
        found["customer"] = None
        return found

    def session(self, params: Params) -> Object:
        made = self._made(
            "cs_test",
            "checkout.session",
            mode=params["mode"],
            status="open",
            customer=self.found(params["customer"])["id"],
            client_reference_id=params.get("client_reference_id"),
            metadata=inside(params, "metadata"),
            success_url=params["success_url"],
            setup_intent=self._made("seti", "setup_intent", status="requires_payment_method", payment_method=None)[
                "id"
            ],
        )
        return self._kept(made, url=f"{self.url}/pay/{made['id']}")

    def fill_in(self, session: str, number: str) -> Object:
        """What the holder does on the hosted page."""
        page = self.found(session)
        if number in DECLINED:
            raise Refusal(402, code="card_declined", message="Your card was declined.")
        names = self.card(number, page["customer"])
        self._kept(self.found(page["setup_intent"]), status="succeeded", payment_method=names["payment_method"])
        self._kept(page, status="complete", customer=names["customer"], url=None)
        self._tell("checkout.session.completed", page)
        return page

    # ---------------------------------------------------------------- payments

    def intent(self, params: Params) -> Object:
        customer = self.found(params["customer"])["id"]
        made = self._made(
            "pi",
            "payment_intent",
            amount=_positive(params["amount"]),
            amount_received=0,
            currency=params["currency"],
            customer=customer,
            payment_method=params.get("payment_method"),
            status="requires_confirmation" if "payment_method" in params else "requires_payment_method",
            metadata=inside(params, "metadata"),
            description=params.get("description"),
            latest_charge=None,
            last_payment_error=None,
            next_action=None,
        )
        return self.confirm(made["id"], params) if params.get("confirm") == "true" else made

    def confirm(self, reference: str, params: Params) -> Object:
        intent = self.found(reference)
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise _unexpected(intent)
        method = params.get("payment_method") or intent["payment_method"]
        if self.found(method)["customer"] != intent["customer"]:
            raise Refusal(400, message="The payment method does not belong to this customer.", param="payment_method")
        self._kept(intent, payment_method=method, last_payment_error=None, next_action=None)
        number = self._numbers[method]
        if number in (ASKS_THE_HOLDER, ASKS_THEN_DECLINES):
            return self._asked(intent, params)
        return self._decided(intent, number)

    def _asked(self, intent: Object, params: Params) -> Object:
        """Whoever is not there cannot be asked."""
        if params.get("off_session") == "true":
            self._refused(intent, "authentication_required", "authentication_required")
        action = {"type": "redirect_to_url", "redirect_to_url": {"url": f"{self.url}/authenticate/{intent['id']}"}}
        self._kept(intent, status="requires_action", next_action=action, return_url=params.get("return_url"))
        self._tell("payment_intent.requires_action", intent)
        return intent

    def authenticate(self, reference: str, succeeds: bool) -> Object:
        """What the holder does on the page of his bank."""
        intent = self.found(reference)
        if intent["status"] != "requires_action":
            raise _unexpected(intent)
        self._kept(intent, next_action=None)
        try:
            if not succeeds:
                self._refused(intent, "payment_intent_authentication_failure", None)
            known = self._numbers[intent["payment_method"]]
            return self._decided(intent, "4000000000009995" if known == ASKS_THEN_DECLINES else GOOD)
        except Refusal:
            return intent

    def _decided(self, intent: Object, number: str) -> Object:
        if number in DECLINED:
            self._refused(intent, *DECLINED[number])
        if number == TAKES_TIME:
            self._kept(intent, status="processing")
            self._tell("payment_intent.processing", intent)
            return intent
        return self.succeed(intent["id"])

    def succeed(self, reference: str) -> Object:
        intent = self.found(reference)
        charge = self._made("ch", "charge", payment_intent=intent["id"], amount=intent["amount"], amount_refunded=0)
        self._kept(intent, status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"])
        self.charges.append(self._taken(intent, intent["amount"]))
        self.attempts.append(Attempt(intent["metadata"].get("order"), intent["payment_method"], "succeeded"))
        self._tell("payment_intent.succeeded", intent)
        return intent

    def _refused(self, intent: Object, code: str, decline_code: str | None) -> NoReturn:
        method = str(intent["payment_method"])
        error = {"code": code, "message": "Your card was declined."}
        error |= {"decline_code": decline_code} if decline_code else {}
        self._kept(intent, status="requires_payment_method", payment_method=None, last_payment_error=error)
        self.attempts.append(Attempt(intent["metadata"].get("order"), method, decline_code or code))
        self._tell("payment_intent.payment_failed", intent)
        raise Refusal(402, **error, payment_intent=copy.deepcopy(intent))

    def fail(self, reference: str, code: str = "card_declined") -> None:
        """What took its time came to nothing."""
        try:
            self._refused(self.found(reference), code, None)
        except Refusal:
            return

    def _taken(self, intent: Object, units: int) -> Taken:
        return Taken(intent["id"], intent["metadata"].get("order"), units, intent["currency"])

    def cancel(self, reference: str) -> Object:
        intent = self.found(reference)
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise _unexpected(intent)
        self._kept(intent, status="canceled", next_action=None)
        self._tell("payment_intent.canceled", intent)
        return intent

    # ---------------------------------------------------------------- what comes back

    def refund(self, params: Params) -> Object:
        intent = self.found(params["payment_intent"])
        units = _positive(params["amount"])
        if intent["latest_charge"] is None:
            raise Refusal(400, message="This payment has no successful charge.")
        charge = self.found(intent["latest_charge"])
        if charge["amount_refunded"] + units > charge["amount"]:
            raise Refusal(400, code="charge_already_refunded", message="Refund amount is greater than what is left.")
        self._kept(charge, amount_refunded=charge["amount_refunded"] + units)
        made = self._made(
            "re",
            "refund",
            status="succeeded",
            amount=units,
            currency=intent["currency"],
            payment_intent=intent["id"],
            metadata=inside(params, "metadata"),
        )
        self._tell("charge.refunded", charge)
        self._tell("refund.created", made)
        return made

    @property
    def refunds(self) -> list[Taken]:
        """Money that went back, oldest first."""
        back = [one for one in self.of_kind("refund") if one["status"] == "succeeded"]
        return [self._taken(self.found(one["payment_intent"]), one["amount"]) for one in reversed(back)]

    def fail_refund(self, refund: str) -> None:
        """The bank of the holder sends it back."""
        made = self._kept(self.found(refund), status="failed", failure_reason="lost_or_stolen_card")
        self._tell("refund.failed", made)

    def dispute(self, reference: str) -> str:
        intent = self.found(reference)
        made = self._made(
            "du",
            "dispute",
            status="needs_response",
            amount=intent["amount"],
            currency=intent["currency"],
            payment_intent=reference,
            metadata={},
        )
        self._tell("charge.dispute.created", made)
        return str(made["id"])

    def close_dispute(self, dispute: str, status: str) -> None:
        self._tell("charge.dispute.closed", self._kept(self.found(dispute), status=status))


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise Refusal(400, code="parameter_invalid_integer", message="Invalid positive integer", param="amount")
    return int(text)


def _unexpected(intent: Object) -> Refusal:
    status = intent["status"]
    return Refusal(400, code="payment_intent_unexpected_state", message=f"This PaymentIntent is {status}.")
