"""The money that the demonstration shows: cards, payments of every kind, and people who get mail about them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from talktime.cli.options import CannotDo

Ask = Callable[..., Any]
"""`ask(method, path, body)` speaks for the organization."""

GOOD_CARD, DECLINING_CARD = "4242424242424242", "4000000000009995"
AGREEMENT = "EX-2041"
# After all of it the balance stands a little above the trigger, so that calls soon take it below.
RECHARGE = {"recharge_amount": "250", "trigger": "250", "monthly_limit": "5000"}
TOP_UP, REFUND, INVOICES = "100", "90", ("75", "400")
CORRECTION = {"amount": "-119.5", "reason": "Calls of a line that is billed by hand"}
REFUSAL = {"result": "declined", "code": "insufficient_funds"}
GRANTS: Mapping[str, int | None] = {"20": 20, "10": 75, "5": None}
"""Promotional money, and in how many days it expires."""
SPENT_LAST = 900

BILLING = {
    "legal_name": "Example Ltd",
    "address": ["1 Example Street", "London", "United Kingdom"],
    "vat_id": "GB000000000",
    "vat_rate": "20",
    "receipts_to": ["receipts@example.com"],
}
SELLER = {
    "TALKTIME_SELLER_NAME": "Example Telephony",
    "TALKTIME_SELLER_ADDRESS": "2 Example Square|1010 Riga|Latvia",
    "TALKTIME_SELLER_VAT_ID": "LV00000000000",
}
"""Settings of the server: from whom receipts are."""
MEMBERS = (
    {"name": "Ann Archer", "email": "ann@example.com", "roles": ["global_administrator"], "language": "en"},
    {"name": "Gina Gray", "email": "gina@example.com", "roles": ["billing_administrator"], "language": "bg"},
)
ALERTS = {
    "balance_low": ["250", "50"],
    "spend_per_day": "500",
    "recipients": ["finance@example.com", "global_administrator", "billing_administrator"],
}
PATIENCE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Money:
    declining_card: str
    receipt: str


def open_money(send: Ask, organization: str) -> Money:
    """`send` as in `open_office`. The people first, since they get mail about all that follows."""
    account = f"/v1/operator/organizations/{organization}"

    def ask(method: str, path: str, body: Any = None) -> Any:
        return send(method, path, body, organization=organization)

    _people(ask)
    cards = [ask("POST", "/v1/payment-methods", {"simulator_card": one})["id"] for one in (GOOD_CARD, DECLINING_CARD)]
    send("PUT", f"{account}/simulator", {"answers": [REFUSAL]})
    _recharge(ask)
    _top_up(ask)
    _invoices(ask, send)
    _corrections(lambda path, body: send("POST", f"{account}/{path}", body))
    receipt = ask("GET", "/v1/receipts")["data"][-1]["id"]
    return Money(cards[1], receipt)


def _people(ask: Ask) -> None:
    ask("PUT", "/v1/billing-details", BILLING)
    for member in MEMBERS:
        ask("POST", "/v1/members", member)
    ask("PUT", "/v1/alerts", ALERTS)


def _recharge(ask: Ask) -> None:
    """Nothing is there yet, so it charges at once. The first attempt is declined, the second is not."""
    ask("PUT", "/v1/recharge-settings", {"enabled": True, "confirm_charge": True} | RECHARGE)
    _until(ask, "retrying")
    ask("POST", "/v1/recharge-settings/retry")
    _until(ask, "on")


def _until(ask: Ask, state: str) -> None:
    """Recharges are made by the server in its own time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while ask("GET", "/v1/recharge-settings")["state"] != state:
        if time.monotonic() > end:
            raise CannotDo(f"auto-recharge is not '{state}' after {PATIENCE_SECONDS} s")
        time.sleep(0.1)


def _top_up(ask: Ask) -> None:
    """By hand, and most of it given back."""
    paid = ask("POST", "/v1/top-ups", {"amount": TOP_UP})["id"]
    ask("POST", f"/v1/top-ups/{paid}/refund", {"amount": REFUND})


def _invoices(ask: Ask, send: Ask) -> None:
    """The first was paid, the second is awaited."""
    ask("POST", "/v1/agreements", {"number": AGREEMENT})
    asked = [{"amount": amount, "agreement": AGREEMENT, "po_number": f"PO-{amount}"} for amount in INVOICES]
    first, _ = [ask("POST", "/v1/top-ups", one)["id"] for one in asked]
    send("POST", f"/v1/operator/payments/{first}/confirm")


def _corrections(post: Ask) -> None:
    """What the operator gives, and what he takes."""
    for amount, days in GRANTS.items():
        post("grants", {"amount": amount, "expires_at": _in_days(days), "priority": SPENT_LAST})
    post("adjustments", CORRECTION)


def _in_days(days: int | None) -> str | None:
    return None if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat()


def money_commands(money: Money, asks: str, sends: str, outbox: Path) -> Iterator[str]:
    """What to try with it; `asks` and `sends` are the beginnings of commands."""
    below, charged = RECHARGE["trigger"], RECHARGE["recharge_amount"]
    declining = f'{{"amount": "50", "payment_method": "{money.declining_card}"}}'
    yield "# the balance, and what of it is held by calls in progress; what it is made of, and until when"
    yield f"{asks}/balance"
    yield f"{asks}/lots"
    yield f"# calls eat it: below {below} another {charged} is charged by itself, within a minute; every payment"
    yield f"{asks}/recharge-settings"
    yield f"{asks}/top-ups"
    yield "# each movement; the statement of this month; receipts, and one of them (.html in place of .pdf is a page)"
    yield f"{asks}/entries"
    yield f"{asks}/statements/{datetime.now(UTC):%Y-%m}.pdf -o statement.pdf"
    yield f"{asks}/receipts"
    yield f"{asks}/receipts/{money.receipt}.pdf -o receipt.pdf"
    yield "# mails about all that, in English and Bulgarian: each is a file, since there is no mail server"
    yield f"grep -E '^(To|Content-Language):' {outbox}/*"
    yield "# funds from a card that declines"
    yield f"{sends}/top-ups -d '{declining}'"
