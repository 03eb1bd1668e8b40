"""An organization whose people call: what pages of calls, reports and rates are about."""

from __future__ import annotations

from typing import Any

from tests.web.client import START, Organization, World

LONDON, RIGA = "+442079460123", "+37167000123"
AT = START
PLAN, PAY_AS_YOU_GO, MEETINGS = ("MCOPSTN1", "MCOEV"), ("MCOPSTN_PAYG_1", "MCOEV"), ("MCOMEETADD",)
PRICES = (
    {"prefix": "44", "per_minute": "0.02", "destination": "United Kingdom"},
    {"prefix": "44", "per_minute": "0.03", "destination": "United Kingdom", "kind": "conference"},
    {"prefix": "1", "per_minute": "0.0105", "destination": "United States"},
    {"prefix": "1800", "per_minute": "0.04", "destination": "United States, toll-free", "kind": "toll_free"},
)


class Callers:
    def __init__(self, world: World, funds: str = "100", **fields: Any) -> None:
        self.world = world
        about = {"country": "US", "price_list": world.price_list(*PRICES)} | fields
        self.org: Organization = world.organization(**about)
        if funds:
            assert self.org.grant(funds).status == 201

    def person(self, name: str, *licences: str, **fields: Any) -> str:
        """The sign-in name."""
        sign_in_name = f"{name.split()[0].lower()}@example.com"
        made = self.org.user(name=name, sign_in_name=sign_in_name, **fields)
        assert made.status == 201, made.content
        bought = {code: None for code in licences if code != "MCOPSTNPP"}
        assert self.org.api.put("/v1/licences", bought).status == 200
        given = self.org.api.put(f"/v1/users/{made.json['id']}/licences", list(licences))
        assert given.status == 200, given.content
        return sign_in_name

    def ask(self, call_id: str, user: str, to: str = LONDON, **fields: Any) -> Any:
        body = {"call_id": call_id, "call_type": "user_out", "user": user, "to": to, "from": "+12025550101"} | fields
        answer = self.org.api.post("/v1/calls/authorize", body)
        assert answer.status == 200, answer.content
        return answer.json

    def answered(self, call_id: str) -> None:
        assert self.org.api.post("/v1/calls/answered", {"call_id": call_id}).status == 200

    def settle(self, call_id: str, seconds: int) -> Any:
        done = self.org.api.post("/v1/calls/settle", {"call_id": call_id, "duration_seconds": seconds})
        assert done.status == 200, done.content
        return done.json

    def call(self, call_id: str, user: str, seconds: int = 61, **fields: Any) -> Any:
        assert self.ask(call_id, user, **fields)["decision"] == "granted"
        return self.settle(call_id, seconds)
