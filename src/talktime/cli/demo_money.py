"""The money that the demonstration shows: cards, payments of every kind, and people who get mail about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from talktime.core.money import decimal, micros

Ask = Callable[..., Any]
"""`ask(method, path, body)` speaks for the organization."""

GOOD_CARD, DECLINING_CARD = "4242424242424242", "4000000000009995"
AGREEMENT = "EX-2041"
RECHARGE = {"recharge_amount": "250", "trigger": "100", "monthly_limit": "1500"}
TOP_UP, REFUND, INVOICES = "100", "90", ("75", "400")
REASON = "Calls of a line that is billed by hand"
A_LITTLE, MOST_CORRECTED = 400_000, "500"
"""Micros above the trigger after all of it; what one person may correct alone."""
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


def open_money(ask: Ask) -> str:
    """At the very beginning: a card that is charged at once, one that declines, and what stands on receipts."""
    ask("PUT", "/v1/billing-details", BILLING)
    _, declining = [
        ask("POST", "/v1/payment-methods", {"simulator_card": one})["id"] for one in (GOOD_CARD, DECLINING_CARD)
    ]
    ask("POST", "/v1/agreements", {"number": AGREEMENT})
    ask("POST", "/v1/top-ups", {"amount": RECHARGE["recharge_amount"]})
    ask("PUT", "/v1/recharge-settings", {"enabled": True} | RECHARGE)
    return str(declining)


def recent_money(send: Ask, organization: str) -> str:
    """Of the last days; the people first, since they get mail about all that follows. Gives the newest receipt."""
    account = f"/v1/operator/organizations/{organization}"

    def ask(method: str, path: str, body: Any = None) -> Any:
        return send(method, path, body, organization=organization)

    send("PUT", f"{account}/simulator", {"answers": []})
    _people(ask)
    _top_up(ask)
    _invoices(ask, send)
    for amount, days in GRANTS.items():
        body = {"amount": amount, "expires_at": _in_days(days), "priority": SPENT_LAST}
        send("POST", f"{account}/grants", body)
    _correction(ask, send, account)
    return str(ask("GET", "/v1/receipts")["data"][0]["id"])


def _people(ask: Ask) -> None:
    for member in MEMBERS:
        ask("POST", "/v1/members", member)
    ask("PUT", "/v1/alerts", ALERTS)


def _top_up(ask: Ask) -> None:
    """By hand, and most of it given back."""
    paid = ask("POST", "/v1/top-ups", {"amount": TOP_UP})["id"]
    ask("POST", f"/v1/top-ups/{paid}/refund", {"amount": REFUND})


def _invoices(ask: Ask, send: Ask) -> None:
    """The first was paid, the second is awaited."""
    asked = [{"amount": amount, "agreement": AGREEMENT, "po_number": f"PO-{amount}"} for amount in INVOICES]
    first, _ = [ask("POST", "/v1/top-ups", one)["id"] for one in asked]
    send("POST", f"/v1/operator/payments/{first}/confirm")


def _correction(ask: Ask, send: Ask, account: str) -> None:
    """So much that the calls of the next minutes take the balance below the trigger."""
    left = micros(ask("GET", "/v1/balance")["balance"]) - micros(RECHARGE["trigger"])
    too_much = min(left - A_LITTLE, micros(MOST_CORRECTED))
    if too_much > 0:
        send("POST", f"{account}/adjustments", {"amount": f"-{decimal(too_much)}", "reason": REASON})


def _in_days(days: int | None) -> str | None:
    return None if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat()


def money_commands(receipt: str, declining_card: str, asks: str, sends: str, outbox: Path) -> Iterator[str]:
    """What to try with it; `asks` and `sends` are the beginnings of commands."""
    below, charged = RECHARGE["trigger"], RECHARGE["recharge_amount"]
    declining = f'{{"amount": "50", "payment_method": "{declining_card}"}}'
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
    yield f"{asks}/receipts/{receipt}.pdf -o receipt.pdf"
    yield "# mails about all that, in English and Bulgarian: each is a file, since there is no mail server"
    yield f"grep -E '^(To|Content-Language):' {outbox}/*"
    yield "# funds from a card that declines"
    yield f"{sends}/top-ups -d '{declining}'"
