"""Organizations with money, a user and a price, made through the API, for calls that a measurement makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from talktime.capacity.callers import World

Send = Callable[..., Any]
"""`send(method, path, body, organization=...)` speaks for the operator."""

ORGANIZATIONS = 10, 100
"""At least and at most."""
MADE_IN_A_SECOND = 5
PLENTY = "1000000"
CALLED = ("1", "44")
LICENCES = {"MCOPSTN_PAYG_1": None}
ASSIGNED = ["MCOPSTN_PAYG_1", "MCOPSTNPP"]
COUNTED = (
    "international", "premium", "high_risk", "concurrent_calls", "spend_per_hour", "spend_per_day",
    "new_destinations_per_day",
)  # fmt: skip
UNCOUNTED = {"fraud": dict.fromkeys(COUNTED)}
"""So few organizations that are counted would stand in each other's way as ten thousand do not."""


def organizations_in(seconds: float) -> int:
    """So many that making them does not take longer than measuring."""
    least, most = ORGANIZATIONS
    return min(max(int(seconds * MADE_IN_A_SECOND), least), most)


def open_world(send: Send, organizations: int) -> World:
    rows = [{"prefix": prefix, "per_minute": "0.1"} for prefix in CALLED]
    prices = {"name": "Measured", "currency": "USD", "charge_decimals": 4, "default": True, "rows": rows}
    price_list = send("POST", "/v1/operator/price-lists", prices)["id"]
    send("POST", f"/v1/operator/price-lists/{price_list}/publish", {"at": None})
    accounts = [_account(send, number) for number in range(1, organizations + 1)]
    return World(send("POST", "/v1/operator/keys", {})["key"], accounts)


def _account(send: Send, number: int) -> tuple[str, str]:
    about = {"name": f"Organization {number}", "country": "GB", "currency": "USD", "limits": UNCOUNTED}
    organization = send("POST", "/v1/operator/organizations", about)["id"]
    send("POST", f"/v1/operator/organizations/{organization}/grants", {"amount": PLENTY})
    user = f"user{number}@example.com"
    form = {"name": "Front desk", "sign_in_name": user, "usage_location": "GB"}
    user_id = send("POST", "/v1/users", form, organization=organization)["id"]
    send("PUT", "/v1/licences", LICENCES, organization=organization)
    send("PUT", f"/v1/users/{user_id}/licences", ASSIGNED, organization=organization)
    return organization, user
