"""A telephone company that is talked to over HTTP alone: the real server, an operator, organizations, prices."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.core.switch import NO_GUARD
from tests.support.postgres import Cluster

TIMEOUT_SECONDS = 30.0
IDLE_SECONDS_MAX = 10.0
"""The server closes a connection on which nothing was asked for some time."""
Json = Any


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """What a refusal is called; nothing for an answer that is none."""
        is_problem = self.headers.get("content-type", "").startswith("application/problem+json")
        return str(self.json["code"]) if is_problem else ""


class Api:
    """One connection of its own, which is not for several threads."""

    def __init__(self, url: str, key: str | None, org: str | None = None) -> None:
        self.url, self.key, self.org = url, key, org
        where = urlsplit(url)
        assert where.hostname and where.port
        self._connection = HTTPConnection(where.hostname, where.port, timeout=TIMEOUT_SECONDS)
        self._others: list[Api] = []
        self._used = time.monotonic()

    def of(self, org: str | None = None, key: str | None = None) -> Api:
        """Another connection, for another organization or with another key. It ends with this one."""
        self._others.append(Api(self.url, key or self.key, org))
        return self._others[-1]

    def send(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"Content-Type": "application/json"} | dict(headers or {})
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        if self.org is not None:
            sent.setdefault("Talktime-Organization", self.org)
        if isinstance(body, bytes):
            raw, sent["Content-Type"] = body, "text/csv"
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if time.monotonic() - self._used > IDLE_SECONDS_MAX:
            self._connection.close()
        self._connection.request(method, path, content, sent)
        self._used = time.monotonic()
        return told(self._connection.getresponse())

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, path: str, body: Json = None, **options: Any) -> Answer:
        return self.send("POST", path, {} if body is None else body, **options)

    def put(self, path: str, body: Json) -> Answer:
        return self.send("PUT", path, body)

    def patch(self, path: str, body: Json) -> Answer:
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)

    def connect(self) -> None:
        """Now, so that it takes no time later."""
        self._connection.connect()

    def close(self) -> None:
        self._connection.close()
        for one in self._others:
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def told(response: HTTPResponse) -> Answer:
    body = response.read()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def good(answer: Answer) -> Json:
    """The body of what was done."""
    assert answer.status in (200, 201, 202, 204), (answer.status, answer.body[:500])
    return answer.json if answer.body else None


@dataclass
class Shop:
    """The operator, with one published price list: 0.10 a minute to +1 and +44."""

    operator: Api
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    def opened(cls, url: str, operator_key: str) -> Self:
        shop = cls(Api(url, operator_key))
        if not any(known["default"] for known in good(shop.operator.get("/v1/operator/price-lists"))["data"]):
            shop.price_list()
        return shop

    def price_list(self, per_minute: str = "0.1", **more: Json) -> str:
        rows = [{"prefix": prefix, "per_minute": per_minute} for prefix in ("1", "44")]
        form = {"name": "Example", "currency": "USD", "charge_decimals": 4, "default": True, "rows": rows} | more
        made: str = good(self.operator.post("/v1/operator/price-lists", form))["id"]
        good(self.operator.post(f"/v1/operator/price-lists/{made}/publish", {"at": None}))
        return made

    def organization(self, *lots: str, **fields: Json) -> Organization:
        """With these lots, and one user who pays as he goes; its fraud guard lets all pass."""
        form = {"name": "Example Ltd", "country": "GB", "currency": "USD", "limits": {"fraud": NO_GUARD}} | fields
        made = good(self.operator.post("/v1/operator/organizations", form))
        organization = Organization(self.operator, made["id"], self.operator.of(made["id"]))
        for amount in lots:
            organization.grant(amount)
        number = next(self._numbers)
        organization.user(f"user{number}@example.com")
        return organization

    def close(self) -> None:
        self.operator.close()


@dataclass
class Organization:
    operator: Api
    id: str
    api: Api
    """The operator's key, acting for it."""
    caller: str = ""
    caller_id: str = ""

    @property
    def path(self) -> str:
        return f"/v1/operator/organizations/{self.id}"

    def grant(self, amount: str, **more: Json) -> Json:
        return good(self.operator.post(f"{self.path}/grants", {"amount": amount} | more))

    def user(self, sign_in_name: str) -> Json:
        form = {"name": "Front desk", "sign_in_name": sign_in_name, "usage_location": "GB"}
        self.caller = sign_in_name
        made = good(self.api.post("/v1/users", form))
        self.caller_id = made["id"]
        self.assign({"MCOPSTN_PAYG_1": None}, "MCOPSTN_PAYG_1", "MCOPSTNPP")
        return made

    def assign(self, purchased: dict[str, int | None], *codes: str) -> None:
        """To its caller, in place of what he held."""
        good(self.api.put("/v1/licences", purchased))
        good(self.api.put(f"/v1/users/{self.caller_id}/licences", list(codes)))

    def key(self, *scopes: str, **more: Json) -> Json:
        """With its `id` and `key`."""
        return good(self.operator.post(f"{self.path}/keys", {"scopes": list(scopes)} | more))

    def clock(self, now: str) -> Answer:
        return self.operator.put(f"{self.path}/clock", {"now": now})

    def call(self, call_id: str, to: str = "+442079460123", **more: Json) -> Json:
        """The body of an authorize."""
        asked = {"call_id": call_id, "call_type": "user_out", "user": self.caller, "from": "+442079460101", "to": to}
        return asked | more

    def balance(self) -> Json:
        return good(self.api.get("/v1/balance"))

    def rows(self, path: str) -> list[Json]:
        """All pages of a list."""
        found: list[Json] = []
        following: str | None = ""
        while following is not None:
            page = good(self.api.get(f"{path}?limit=1000" + (f"&cursor={following}" if following else "")))
            found += page["data"]
            following = page["next"]
        return found


@contextmanager
def place(dialect: str, folder: Path, cluster: Callable[[], Cluster]) -> Iterator[Path | str]:
    """Where a server may have its database: an empty folder, or an empty database that is dropped afterwards."""
    if dialect == "sqlite":
        yield folder / "data"
        return
    url = cluster().fresh_database()
    try:
        yield url
    finally:
        cluster().drop_database(url)
