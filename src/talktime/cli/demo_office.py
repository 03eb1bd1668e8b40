"""What the demonstration shows: an organization with users, prices and money. All of it made through the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from talktime.cli.demo_money import open_money

Send = Callable[..., Any]

NAME = "Example Ltd"
SLICE_SECONDS = 60
"""Shorter than usual, so that long calls can be seen to ask for more."""
# Its people call everywhere and all the time, so the fraud guard is told that this is usual, and recharges may be many.
COUNTED = ("concurrent_calls", "spend_per_hour", "spend_per_day", "new_destinations_per_day")
LIMITS = {"slice_seconds": SLICE_SECONDS, "recharges_per_24h": None, "fraud": dict.fromkeys(COUNTED)}

# Where its people call: landlines and mobiles, by what their numbers begin with.
CALLED = (
    *("1202", "1416", "202", "2711", "30210", "3120", "322", "331", "336", "349", "35121", "3531", "3712", "3906"),
    *("4122", "431", "4420", "4477", "4512", "468", "4722", "4822", "4930", "49151", "5255", "5511", "6129", "656"),
    *("813", "8610", "9198"),
)
PAYS_AS_HE_GOES, CALLING_PLAN = ("MCOPSTN_PAYG_1", "MCOEV", "MCOPSTNPP"), ("MCOPSTN2", "MCOEV", "MCOPSTNPP")
MEETINGS = ("MCOMEETADD", "MCOPSTNPP")
PEOPLE = {
    "Ann Archer": PAYS_AS_HE_GOES,
    "Ben Baker": PAYS_AS_HE_GOES,
    "Cleo Carter": CALLING_PLAN,
    "Dan Dyer": CALLING_PLAN,
    "Eve Ellis": MEETINGS,
    "Finn Fisher": MEETINGS,
}
BOUGHT = {"MCOPSTN_PAYG_1": 5, "MCOPSTN2": 2, "MCOMEETADD": 3, "MCOEV": None}
BRIDGE, FREEPHONE = "+442079460100", "+448085700100"


@dataclass(frozen=True, slots=True)
class Office:
    organization: str
    operator_key: str
    key: str
    users: tuple[str, ...]
    """Those that call out by themselves."""
    hosts: tuple[str, ...]
    """Those that hold meetings."""
    declining_card: str
    send: Send
    """Speaks for the operator."""


def open_office(send: Send) -> Office:
    """`send(method, path, body, organization=...)` speaks for the operator."""
    operator_key = send("POST", "/v1/operator/keys", {})["key"]
    send("POST", "/v1/operator/price-lists/illustrative", {"publish": True, "default": True})
    about = {
        "name": NAME,
        "country": "GB",
        "currency": "USD",
        "time_zone": "Europe/London",
        "mode": "test",
        "limits": LIMITS,
    }
    organization = send("POST", "/v1/operator/organizations", about)["id"]
    path = f"/v1/operator/organizations/{organization}"
    declining = open_money(lambda *asked: send(*asked, organization=organization))
    scopes = ["calls", "funds", "users", "reports", "rates"]
    key = send("POST", f"{path}/keys", {"scopes": scopes})["key"]
    _people(send, organization)
    for number, kind in ((BRIDGE, "toll"), (FREEPHONE, "toll_free")):
        body = {"number": number, "type": kind, "serves": "conference"}
        send("POST", "/v1/numbers", body, organization=organization)
    users = [sign_in_name(person) for person, licences in PEOPLE.items() if licences is not MEETINGS]
    hosts = [sign_in_name(person) for person, licences in PEOPLE.items() if licences is MEETINGS]
    return Office(organization, operator_key, key, tuple(users), tuple(hosts), declining, send)


def _people(send: Send, organization: str) -> None:
    send("PUT", "/v1/licences", BOUGHT, organization=organization)
    for person, licences in PEOPLE.items():
        user = {"name": person, "sign_in_name": sign_in_name(person), "usage_location": "GB"}
        user_id = send("POST", "/v1/users", user, organization=organization)["id"]
        send("PUT", f"/v1/users/{user_id}/licences", list(licences), organization=organization)


def sign_in_name(person: str) -> str:
    return f"{person.split()[0].lower()}@example.com"
