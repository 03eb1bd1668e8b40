"""Card numbers that providers publish for trying out, and what a card of that number does when it is charged.

The numbers are those of Stripe's documentation for testing. No other number is ever taken.
"""

from __future__ import annotations

from msgspec import Struct


class TrialCard(Struct, frozen=True):
    token: str
    """By this we remember it: a number is kept nowhere, not even of a card that is none."""
    brand: str = "Visa"
    code: str | None = None
    """Why it declines."""
    authenticates: bool = False
    disputed: bool = False


TRIAL_CARDS: dict[str, TrialCard] = {
    "4242424242424242": TrialCard("visa"),
    "4000056655665556": TrialCard("visa_debit"),
    "5555555555554444": TrialCard("mastercard", "Mastercard"),
    "378282246310005": TrialCard("amex", "American Express"),
    "4000000000000002": TrialCard("declined", code="generic_decline"),
    "4000000000000341": TrialCard("declined_later", code="generic_decline"),
    "4000000000009995": TrialCard("insufficient_funds", code="insufficient_funds"),
    "4000000000009987": TrialCard("lost", code="lost_card"),
    "4000000000009979": TrialCard("stolen", code="stolen_card"),
    "4000000000000069": TrialCard("expired", code="expired_card"),
    "4000000000000127": TrialCard("wrong_code", code="incorrect_cvc"),
    "4000000000000119": TrialCard("processing_error", code="processing_error"),
    "4000002760003184": TrialCard("authenticates", authenticates=True),
    "4000002500003155": TrialCard("authenticates_once", authenticates=True),
    "4000000000000259": TrialCard("disputed", disputed=True),
}
BY_TOKEN = {card.token: card for card in TRIAL_CARDS.values()}
EXPIRES_IN_YEARS = 5
