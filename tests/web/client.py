"""The product behind its real door, in this process: what goes in and comes out is HTTP."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from talktime.actions.keys import make_key
from talktime.app import App
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import DAY, SECOND, instant
from talktime.integrations.codecs import CODECS
from talktime.web.asgi import Api

START = instant(datetime.fromisoformat("2030-04-02T08:00:00Z"))


class Clock:
    """Goes on by a millisecond whenever it is asked, so that ids sort."""

    def __init__(self, at: int = START) -> None:
        self.at = at

    def __call__(self) -> int:
        self.at += 1000
        return self.at

    def pass_days(self, days: float) -> None:
        self.at += int(days * DAY)

    def pass_seconds(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)


class Answer:
    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.content = response.content

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """Why it was refused."""
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.json["code"])

    @property
    def fields(self) -> list[str]:
        """Which fields were wrong."""
        return [error["field"] for error in self.json.get("errors", [])]


class Client:
    """One key, acting for one organization or none."""

    def __init__(self, door: Door, key: str | None, org: str | None = None) -> None:
        self._door = door
        self.key = key
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.headers = headers | ({"talktime-organization": org} if org else {})

    def at_once(self, method: str, path: str, bodies: Sequence[Any], **headers: str) -> list[Answer]:
        """The same request with each of these bodies, all at the same time."""
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return self._door.at_once([(method, path, body, sent) for body in bodies])

    def acting_for(self, org: str) -> Client:
        return Client(self._door, self.key, org)

    def send(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json", **headers: str
    ) -> Answer:
        sent = (
            self.headers | {"content-type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
        )
        return self._door.send(method, path, body, sent)

    def get(self, path: str, **query: Any) -> Answer:
        return self.send("GET", f"{path}?{httpx.QueryParams(query)}" if query else path)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.send("POST", path, json.dumps({} if body is None else body).encode(), **headers)

    def put(self, path: str, body: Any) -> Answer:
        return self.send("PUT", path, json.dumps(body).encode())

    def patch(self, path: str, body: Any) -> Answer:
        return self.send("PATCH", path, json.dumps(body).encode())

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)


class Door:
    def __init__(self, app: App) -> None:
        self.app = app
        self._runner = asyncio.Runner()
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(Api(app, CODECS)), base_url="http://talktime")

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        return Answer(self._runner.run(self._http.request(method, path, content=body, headers=headers)))

    def at_once(self, requests: Sequence[tuple[str, str, Any, Mapping[str, str]]]) -> list[Answer]:
        """Method, path, body and headers of each; none waits for another."""

        async def send() -> list[Answer]:
            sent = [
                self._http.request(method, path, json=body, headers=headers) for method, path, body, headers in requests
            ]
            return [Answer(response) for response in await asyncio.gather(*sent)]

        return self._runner.run(send())

    def close(self) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()


class World:
    """An installation with an operator, and organizations as they are needed."""

    def __init__(self, app: App, clock: Clock) -> None:
        self.app = app
        self.clock = clock
        self.door = Door(app)
        self.operator = self.second_operator()
        self.made_up: set[str] = set()
        """Invariants of which a test itself has written rows that the product would not have."""

    def second_operator(self) -> Client:
        """Another key, as another person has it."""
        made = self.app.database.write(
            OPERATOR_ORG, make_key, OPERATOR_ORG, "live", [Scope.OPERATOR], self.app.now(), "test"
        )
        return Client(self.door, made.key)

    @property
    def nobody(self) -> Client:
        return Client(self.door, None)

    def organization(self, **fields: Any) -> Organization:
        body = {"name": "Example Ltd", "country": "US", "currency": "USD"} | fields
        made = self.operator.post("/v1/operator/organizations", body)
        assert made.status == 201, made.content
        return Organization(self, made.json)

    def price_list(self, *rows: Mapping[str, Any], **fields: Any) -> str:
        """Published at once."""
        lines = [*rows] or [{"prefix": "1", "per_minute": "0.12"}]
        made = self.operator.post(
            "/v1/operator/price-lists", {"currency": "USD", "charge_decimals": 4, "rows": lines} | fields
        )
        assert made.status == 201, made.content
        assert self.operator.post(f"/v1/operator/price-lists/{made.json['id']}/publish").status == 200
        return str(made.json["id"])


class Organization:
    def __init__(self, world: World, body: dict[str, Any]) -> None:
        self._world = world
        self.body = body
        self.id = str(body["id"])
        self.path = f"/v1/operator/organizations/{self.id}"
        self.api = world.operator.acting_for(self.id)

    def key(self, *scopes: str) -> Client:
        made = self._world.operator.post(f"{self.path}/keys", {"scopes": list(scopes)})
        assert made.status == 201, made.content
        return Client(self._world.door, made.json["key"])

    def grant(self, amount: str, **fields: Any) -> Answer:
        return self._world.operator.post(f"{self.path}/grants", {"amount": amount} | fields)

    def adjust(self, amount: str, by: Client | None = None) -> Answer:
        body = {"amount": amount, "reason": "Counted wrongly"}
        return (by or self._world.operator).post(f"{self.path}/adjustments", body)

    def reverse(self, call_id: str, amount: str) -> Answer:
        body = {"call_id": call_id, "amount": amount, "reason": "Bad line"}
        return self._world.operator.post(f"{self.path}/reversals", body)

    @property
    def balance(self) -> str:
        return str(self.api.get("/v1/balance").json["balance"])

    @property
    def lots(self) -> list[dict[str, Any]]:
        return list(self.api.get("/v1/lots").json["data"])

    @property
    def remaining(self) -> list[str]:
        return [lot["remaining"] for lot in self.lots]

    @property
    def entries(self) -> list[dict[str, Any]]:
        return list(self.api.get("/v1/entries").json["data"])

    def user(self, **fields: Any) -> Answer:
        name = f"{uuid.uuid4().hex}@example.com"
        body = {"name": "Example Person", "sign_in_name": name, "usage_location": "US"} | fields
        return self.api.post("/v1/users", body)

    def call(self, seconds: int, to: str = "+12025550117") -> str:
        """A call that has ended and is charged."""
        call_id = f"call-{uuid.uuid4()}"
        body = {"call_id": call_id, "call_type": "ucap_out", "user": self.caller(), "to": to}
        began = self.api.post("/v1/calls/authorize", body)
        assert began.json.get("decision") == "granted", began.content
        done = self.api.post("/v1/calls/settle", {"call_id": call_id, "duration_seconds": seconds})
        assert done.status == 200
        return call_id

    def caller(self) -> str:
        """Who may call on credits."""
        codes = ["MCOEV_VIRTUALUSER", "MCOPSTN_PAYG_1"]
        user = self.user(kind="resource_account").json["id"]
        assert self.api.put("/v1/licences", dict.fromkeys(codes, None)).status == 200
        assert self.api.put(f"/v1/users/{user}/licences", [*codes, "MCOPSTNPP"]).status == 200
        return str(user)
