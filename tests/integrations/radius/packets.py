"""Packets as FreeRADIUS' rlm_rest tells them in JSON."""

from __future__ import annotations

from typing import Any

from tests.web.client import Answer, Client

AUTHORIZE, ACCOUNTING = "/v1/radius/authorize", "/v1/radius/accounting"
ASKED = {
    "User-Name": "ann@example.com",
    "NAS-Identifier": "gw1",
    "Acct-Session-Id": "5E0001",
    "Calling-Station-Id": "+12025550101",
    "Called-Station-Id": "+12025550117",
}


def packet(**more: Any) -> dict[str, Any]:
    """Names are written with underscores; None leaves one out."""
    given = ASKED | {name.replace("_", "-"): value for name, value in more.items()}
    return {name: {"type": "string", "value": [value]} for name, value in given.items() if value is not None}


def authorize(switch: Client, query: str = "", **more: Any) -> Answer:
    return switch.post(AUTHORIZE + query, packet(**more))


def account(switch: Client, kind: str, query: str = "", **more: Any) -> Answer:
    return switch.post(ACCOUNTING + query, packet(Acct_Status_Type=kind, **more))


def replied(answer: Answer) -> dict[str, Any]:
    """The attributes of the reply. FreeRADIUS must expand nothing in any."""
    replies = answer.json
    assert all(one["do_xlat"] is False and one["op"] == ":=" for one in replies.values())
    return {name.removeprefix("reply:"): one["value"][0] for name, one in replies.items()}
