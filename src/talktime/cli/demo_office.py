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

# Illustrative, not anybody's tariff: prefix, destination, price of a minute, fee, first and further seconds.
PRICES = (
    ("1", "United States and Canada", "0.013", "0", 60, 60),
    ("20", "Egypt", "0.21", "0", 60, 60),
    ("27", "South Africa", "0.12", "0", 60, 60),
    ("30", "Greece", "0.03", "0", 60, 60),
    ("31", "Netherlands", "0.022", "0", 60, 60),
    ("32", "Belgium", "0.04", "0", 60, 60),
    ("33", "France", "0.018", "0", 30, 6),
    ("336", "France, mobile", "0.06", "0", 30, 6),
    ("34", "Spain", "0.02", "0", 60, 60),
    ("351", "Portugal", "0.025", "0", 60, 60),
    ("353", "Ireland", "0.024", "0", 60, 60),
    ("371", "Latvia", "0.11", "0", 60, 60),
    ("39", "Italy", "0.021", "0", 60, 60),
    ("41", "Switzerland", "0.035", "0.05", 1, 1),
    ("43", "Austria", "0.05", "0", 60, 60),
    ("44", "United Kingdom", "0.016", "0", 60, 60),
    ("447", "United Kingdom, mobile", "0.045", "0", 60, 60),
    ("45", "Denmark", "0.018", "0", 60, 60),
    ("46", "Sweden", "0.017", "0", 60, 60),
    ("47", "Norway", "0.022", "0", 60, 60),
    ("48", "Poland", "0.02", "0", 60, 60),
    ("49", "Germany", "0.015", "0", 60, 60),
    ("4915", "Germany, mobile", "0.055", "0", 60, 60),
    ("52", "Mexico", "0.03", "0", 60, 60),
    ("55", "Brazil", "0.045", "0", 60, 60),
    ("61", "Australia", "0.028", "0", 60, 60),
    ("65", "Singapore", "0.02", "0", 60, 60),
    ("81", "Japan", "0.032", "0.1", 60, 6),
    ("86", "China", "0.019", "0", 60, 60),
    ("91", "India", "0.024", "0", 60, 60),
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
    rows = [dict(zip(_COLUMNS, row, strict=True)) for row in PRICES]
    prices = {"name": "Illustrative", "currency": "USD", "charge_decimals": 4, "default": True, "rows": rows}
    made = send("POST", "/v1/operator/price-lists", prices)
    send("POST", f"/v1/operator/price-lists/{made['id']}/publish", {})
    about = {"name": NAME, "country": "GB", "currency": "USD", "limits": {"slice_seconds": SLICE_SECONDS}}
    organization = send("POST", "/v1/operator/organizations", about)["id"]
    path = f"/v1/operator/organizations/{organization}"
    send("POST", f"{path}/grants", {"amount": GRANT, "expires_at": None, "priority": 100})
    scopes = ["calls", "funds", "users", "reports"]
    key = send("POST", f"{path}/keys", {"scopes": scopes})["key"]
    return Office(organization, operator_key, key, tuple(_people(send, organization)))


_COLUMNS = ("prefix", "destination", "per_minute", "connection_fee", "initial_seconds", "step_seconds")


def _people(send: Send, organization: str) -> list[str]:
    names = []
    for person in PEOPLE:
        sign_in_name = f"{person.split()[0].lower()}@example.com"
        user = {"name": person, "sign_in_name": sign_in_name, "usage_location": "GB"}
        user_id = send("POST", "/v1/users", user, organization=organization)["id"]
        send("PUT", f"/v1/users/{user_id}/licences", ["MCOPSTN_PAYG_1", "MCOPSTNPP"], organization=organization)
        names.append(sign_in_name)
    return names
