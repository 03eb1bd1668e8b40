"""What the demonstration shows: an organization with users, prices and money. All of it made through the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Send = Callable[..., Any]

NAME = "Example Ltd"
GRANT = "2500"
SLICE_SECONDS = 60
"""Shorter than usual, so that long calls can be seen to ask for more."""

# Where its people call: landlines and mobiles, by what their numbers begin with.
CALLED = (
    *("1202", "1416", "202", "2711", "30210", "3120", "322", "331", "336", "349", "35121", "3531", "3712", "3906"),
    *("4122", "431", "4420", "4477", "4512", "468", "4722", "4822", "4930", "49151", "5255", "5511", "6129", "656"),
    *("813", "8610", "9198"),
)
PEOPLE = ("Ann Archer", "Ben Baker", "Cleo Carter", "Dan Dyer", "Eve Ellis", "Finn Fisher")


@dataclass(frozen=True, slots=True)
class Office:
    organization: str
    operator_key: str
    key: str
    users: tuple[str, ...]


def open_office(send: Send) -> Office:
    """`send(method, path, body, organization=...)` speaks for the operator."""
    operator_key = send("POST", "/v1/operator/keys", {})["key"]
    send("POST", "/v1/operator/price-lists/illustrative", {"publish": True, "default": True})
    about = {"name": NAME, "country": "GB", "currency": "USD", "limits": {"slice_seconds": SLICE_SECONDS}}
    organization = send("POST", "/v1/operator/organizations", about)["id"]
    path = f"/v1/operator/organizations/{organization}"
    send("POST", f"{path}/grants", {"amount": GRANT, "expires_at": None, "priority": 100})
    scopes = ["calls", "funds", "users", "reports", "rates"]
    key = send("POST", f"{path}/keys", {"scopes": scopes})["key"]
    return Office(organization, operator_key, key, tuple(_people(send, organization)))


def _people(send: Send, organization: str) -> list[str]:
    names = []
    for person in PEOPLE:
        sign_in_name = f"{person.split()[0].lower()}@example.com"
        user = {"name": person, "sign_in_name": sign_in_name, "usage_location": "GB"}
        user_id = send("POST", "/v1/users", user, organization=organization)["id"]
        send("PUT", f"/v1/users/{user_id}/licences", ["MCOPSTN_PAYG_1", "MCOPSTNPP"], organization=organization)
        names.append(sign_in_name)
    return names
