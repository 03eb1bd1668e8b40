"""A running server with something to charge, spoken to as its users do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.support.server import Server

ROWS = [{"prefix": "44", "destination": "United Kingdom", "per_minute": "0.1"}]


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any


def ask(server: Server, method: str, path: str, body: Any = None, key: str | None = None, **headers: str) -> Answer:
    request = urllib.request.Request(server.url + path, method=method, headers=headers)
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, _read(answer.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _read(error.read()))


def _read(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()


def open_shop(server: Server) -> str:
    """An organization with a user, a price and 100 dollars; the key of its switch."""
    operator = server.operator_key

    def made(method: str, path: str, body: Any, **headers: str) -> Any:
        answer = ask(server, method, path, body, operator, **headers)
        assert answer.status < 300, answer
        return answer.body

    prices = {"name": "P", "currency": "USD", "charge_decimals": 4, "default": True, "rows": ROWS}
    listed = made("POST", "/v1/operator/price-lists", prices)["id"]
    made("POST", f"/v1/operator/price-lists/{listed}/publish", {})
    about = {"name": "Example Ltd", "country": "GB", "currency": "USD"}
    org = made("POST", "/v1/operator/organizations", about)["id"]
    path = f"/v1/operator/organizations/{org}"
    made("POST", f"{path}/grants", {"amount": "100", "expires_at": None})
    user = {"name": "Ann", "sign_in_name": "ann@example.com", "usage_location": "GB"}
    user_id = made("POST", "/v1/users", user, **{"Talktime-Organization": org})["id"]
    acting = {"Talktime-Organization": org}
    made("PUT", "/v1/licences", {"MCOPSTN_PAYG_1": None}, **acting)
    made("PUT", f"/v1/users/{user_id}/licences", ["MCOPSTN_PAYG_1", "MCOPSTNPP"], **acting)
    key: str = made("POST", f"{path}/keys", {"scopes": ["calls", "funds"]})["key"]
    return key


def authorize(server: Server, key: str, call_id: str) -> Answer:
    body = {"call_id": call_id, "call_type": "user_out", "user": "ann@example.com", "to": "+442079460117"}
    return ask(server, "POST", "/v1/calls/authorize", body, key)


def settle(server: Server, key: str, call_id: str, seconds: int = 61) -> Answer:
    return ask(server, "POST", "/v1/calls/settle", {"call_id": call_id, "duration_seconds": seconds}, key)
