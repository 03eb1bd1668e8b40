"""Q12, who may do what: every route of the table, asked by everybody there is, and each answer compared with a rule.

    python -m tests.http.permissions

The rule (`expected`) is written down here a second time, from the contract and not from the code. It is asked of the
real server on both databases. What is of another organization must look exactly like what does not exist, to the byte.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

from rich.console import Console

from talktime.web.routes import Route
from talktime.web.table import ROUTES
from tests.http.broken_gate import BROKEN, BrokenGate
from tests.http.shop import Answer, Api, Json, Organization, Shop, good, place
from tests.support.postgres import cluster_on_demand
from tests.support.server import Server

SCOPES = ("calls", "switches", "funds", "users", "reports", "rates", "settings")
# A link that was made here, or a message that a provider has signed, is its own key: without one there is nothing.
LINKS = {
    *("/static/{file}", "/pay/{token}", "/cards/{token}"),
    *("/simulator/card/{org}/{name}/{signature}", "/simulator/authenticate/{org}/{name}/{signature}"),
    "/v1/providers/{provider}/events",
}
PUBLIC = LINKS | {
    "/healthz",
    "/readyz",
    "/metrics",
    "/v1/openapi.json",
    "/v1/docs",
    "/v1/document.css",
    "/pay/done",
    "/cards/cancelled",
}
NOBODY = "org_7fffffff"
DONE = "done"
"""It is allowed, and what was asked is done."""
Expected = str | int


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody with a key, or with something like one."""

    name: str
    key: str | None
    scopes: frozenset[str] = frozenset()
    is_operator: bool = False
    org: str | None = None
    """What stands in the header."""
    refused: str = ""
    """Why this one is sent away from every door but the public ones."""


@dataclass(slots=True)
class Figures:
    routes: int = 0
    askers: int = 0
    requests: int = 0
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        asked = f"{self.routes} routes x {self.askers} askers, {self.requests:,} requests"
        return f"{asked}, {len(self.differences)} differences, in {self.seconds:.0f} s"


# ------------------------------------------------------------------------------------------------- the rule


def expected(route: Route, asker: Asker) -> Expected:
    """The status, or DONE. From `api.md`: nothing here looks into the server."""
    if route.path in PUBLIC:
        return 404 if route.path in LINKS else DONE
    if asker.refused:
        return 403 if asker.refused == "address" else 401
    if not asker.is_operator and not may(asker.scopes, route):
        return 403
    if asker.org == NOBODY and not (asker.is_operator and route.path == "/v1/calls/batch"):
        # Of an operator's batch each operation is told by itself.
        return 404
    if asker.is_operator and asker.org is None and not serves_the_operator(route):
        return 422
    return DONE


def heard(route: Route, answer: Answer) -> int:
    """The status; that of a refusal where FreeSWITCH must not hear it, which a dialplan that leads nowhere tells."""
    reason = re.search(rb"talktime_reason=(\w+)", answer.body) if route.path == DIALPLAN else None
    if not reason:
        return answer.status
    assert answer.status == 200 and b"bridge" not in answer.body, answer.body
    return UNHEARD.get(reason[1].decode(), 500)


DIALPLAN = "/v1/freeswitch/dialplan"
UNHEARD = {
    "unauthorized": 401,
    "scope_missing": 403,
    "address_not_allowed": 403,
    "not_found": 404,
    "organization_required": 422,
}


def may(scopes: frozenset[str], route: Route) -> bool:
    needed = scope_of(route)
    return needed in scopes or (needed == "switches" and "calls" in scopes)


def scope_of(route: Route) -> str:
    """By the sections of the contract, not by what the table says."""
    first = route.path.split("/")[2]
    if first == "operator":
        return "operator"
    return SECTIONS.get(first) or str(route.scope)


SECTIONS = {
    **dict.fromkeys(("calls", "radius", "freeswitch"), "calls"),
    "switches": "switches",
    **dict.fromkeys(("balance", "lots", "entries", "top-ups", "recharge-settings", "receipts", "agreements"), "funds"),
    **dict.fromkeys(("payment-methods", "statements", "billing-details"), "funds"),
    **dict.fromkeys(("users", "members", "licences", "numbers"), "users"),
    **dict.fromkeys(("pools", "usage", "exports", "notices", "audit", "communications", "reports"), "reports"),
    "rates": "rates",
    **dict.fromkeys(("webhooks", "alerts"), "settings"),
}


def serves_the_operator(route: Route) -> bool:
    """Routes on which an operator's key need not say for whom it acts."""
    return route.path.startswith(("/v1/operator/", "/v1/switches")) or route.path == "/v1/calls/batch"


# ------------------------------------------------------------------------------------------------- what is asked


class World:
    """Two organizations that know nothing of each other, and for each route a request that can be done."""

    def __init__(self, server: Server) -> None:
        self.shop = Shop.opened(server.url, server.operator_key)
        self.second = self.shop.operator.of(key=good(self.shop.operator.post("/v1/operator/keys"))["key"])
        self.ours = self.shop.organization("1000000", mode="test")
        self.theirs = self.shop.organization("1000000", mode="test")
        self._numbers = count(1)
        self.webhooks = {org.id: self.another_webhook(org) for org in (self.ours, self.theirs)}
        self.listed = self.draft()
        self.verified()
        made = {
            "user_id": self.user,
            "key_id": self.key,
            "adjustment_id": self.adjustment,
            "call_id": self.call,
            "name": self.switch,
            "number_id": self.service_number,
            "list_id": lambda org: self.listed,
            "org": lambda org: org.id,
            "export_id": self.export,
            "top_up_id": self.top_up,
            "payment_id": self.invoice,
            "method_id": self.card,
            "agreement_id": self.agreement,
            "organization": lambda org: self.ours.id,
            "item_id": self.difference,
            "event_id": self.letter,
            "receipt_id": self.receipt,
            "member_id": self.member,
            "month": lambda org: f"{datetime.now(UTC):%Y-%m}",
            "webhook_id": self.webhook,
            "delivery_id": self.delivery,
            "arguments": lambda org: "fromDateTime=2026-01-01T00:00:00Z,toDateTime=2026-01-02T00:00:00Z",
        }
        self.makers: Mapping[str, Callable[[Organization], str]] = made

    def verified(self) -> None:
        """Before it was done once there is no result to read."""
        good(self.shop.operator.post("/v1/operator/verify"))
        while self.shop.operator.get("/v1/operator/verify").status == 404:
            time.sleep(0.05)

    def close(self) -> None:
        self.shop.close()

    def number(self) -> str:
        return f"{next(self._numbers)}"

    # --------------------------------------------------------------------------------- something to name in a path

    def user(self, org: Organization) -> str:
        form = {"name": "Example", "sign_in_name": f"person{self.number()}@example.com", "usage_location": "GB"}
        return str(good(org.api.post("/v1/users", form))["id"])

    def key(self, org: Organization) -> str:
        return str(org.key("calls")["id"])

    def adjustment(self, org: Organization) -> str:
        """It waits for somebody else."""
        form = {"amount": "5000", "reason": "example"}
        return str(good(self.second.post(f"{org.path}/adjustments", form))["id"])

    def call(self, org: Organization) -> str:
        """It was charged."""
        call_id = f"charged-{self.number()}"
        good(org.api.post("/v1/calls/authorize", org.call(call_id)))
        good(org.api.post("/v1/calls/settle", {"call_id": call_id, "duration_seconds": 60}))
        return call_id

    def switch(self, org: Organization) -> str:
        name = f"switch-{self.number()}"
        good(org.api.post("/v1/switches", {"name": name}))
        return name

    def card(self, org: Organization) -> str:
        return str(good(self.ours.api.post("/v1/payment-methods", {"simulator_card": "4242424242424242"}))["id"])

    def top_up(self, org: Organization) -> str:
        """It was paid."""
        form = {"amount": "60", "payment_method": self.card(org)}
        return str(good(self.ours.api.post("/v1/top-ups", form))["id"])

    def waiting_top_up(self) -> str:
        """Its card holder is asked who he is."""
        self.shop.operator.put(f"{self.ours.path}/simulator", {"answers": [{"result": "requires_action"}]})
        return self.top_up(self.ours)

    def agreement(self, org: Organization) -> str:
        return str(good(org.api.post("/v1/agreements", {"number": f"EA-{self.number()}"}))["id"])

    def invoice(self, org: Organization) -> str:
        """The operator waits for its money."""
        number = good(self.ours.api.post("/v1/agreements", {"number": f"EA-{self.number()}"}))["number"]
        return str(good(self.ours.api.post("/v1/top-ups", {"amount": "60", "agreement": number}))["id"])

    def difference(self, org: Organization) -> str:
        """A message about a payment that there is not."""
        unknown = f"pay_{self.number()}"
        events = f"{self.ours.path}/simulator/events"
        good(self.shop.operator.post(events, {"type": "payment_succeeded", "top_up": unknown, "amount": "1"}))
        rows = good(self.shop.operator.get("/v1/operator/reconciliation"))["data"]
        return str(next(row["id"] for row in rows if row["top_up"] == unknown))

    def letter(self, org: Organization) -> str:
        """A message of a provider, which had its effect."""
        self.difference(org)
        rows = good(self.shop.operator.get("/v1/operator/inbox?state=done&limit=1000"))["data"]
        return str(next(row["id"] for row in rows if row["organization"] == self.ours.id))

    def export(self, org: Organization) -> str:
        """It is done."""
        made = str(good(org.api.post("/v1/exports", self.lately()))["id"])
        while good(org.api.get(f"/v1/exports/{made}"))["status"] == "running":
            time.sleep(0.05)
        return made

    def receipt(self, org: Organization) -> str:
        """Of a payment."""
        top_up = self.top_up(org)
        rows = good(self.ours.api.get("/v1/receipts?limit=1000"))["data"]
        return str(next(row["id"] for row in rows if row["top_up"] == top_up))

    def member(self, org: Organization) -> str:
        if org.api.org is None:
            return self.operators_member()["member_id"]
        return str(good(org.api.post("/v1/members", self.member_form("helpdesk")))["id"])

    def member_form(self, role: str) -> Json:
        return {"name": "Example", "email": f"member{self.number()}@example.com", "roles": [role]}

    def operators_member(self) -> dict[str, str]:
        """Whoever asks next finds another one."""
        made = good(self.shop.operator.post("/v1/operator/members", self.member_form("support")))
        return {"member_id": made["id"]}

    def webhook(self, org: Organization) -> str:
        """The one that is there: an organization has not many."""
        return self.webhooks[org.id]

    def another_webhook(self, org: Organization) -> str:
        return str(good(org.api.post("/v1/webhooks", WEBHOOK))["id"])

    def delivery(self, org: Organization) -> str:
        """Of that webhook."""
        api = self.ours.api if org.id == self.ours.id else self.theirs.api
        return str(good(api.post(f"/v1/webhooks/{self.webhook(org)}/test"))["id"])

    def service_number(self, org: Organization) -> str:
        return str(good(org.api.post("/v1/numbers", self.service_number_form()))["id"])

    def service_number_form(self) -> Json:
        return {"number": f"+4420794{self.number():0>5}", "type": "toll", "serves": "queue"}

    def licence(self) -> str:
        """One of the operator's own, that nobody has."""
        good(self.shop.operator.put("/v1/operator/licence-catalogue", {"licences": [OWN_LICENCE]}))
        return OWN_LICENCE["code"]

    def draft(self) -> str:
        made = self.shop.price_list(default=False)
        good(self.shop.operator.put(f"/v1/operator/price-lists/{made}", {"rows": [{"prefix": "1", "per_minute": "1"}]}))
        return made

    # --------------------------------------------------------------------------------- a request for each route

    def names(self, route: Route, org: Organization) -> dict[str, str]:
        names = re.findall(r"{(\w+)}", route.path)
        return {name: self.makers[name](org) if name in self.makers else "unknown" for name in names}

    def request(self, route: Route, asker: Asker) -> tuple[str, Json]:
        """A path and a body that can be done by somebody who may."""
        org = self.ours
        if asker.is_operator and asker.org is None:
            # Things of the operator's own, such as its switches.
            org = Organization(self.shop.operator, self.ours.id, self.shop.operator, self.ours.caller)
        action = f"{route.method} {route.path}"
        names = self.names(route, org)
        if action in OWN_NAMES:
            names |= OWN_NAMES[action](self)
        path = route.path.format(**names) + (ADDRESS[action](self) if action in ADDRESS else "")
        return path, BODIES[action](self) if action in BODIES else {} if route.form is not None else None

    def lately(self) -> Json:
        return {"from": (datetime.now(UTC) - timedelta(days=1)).isoformat(), "to": self.later()}

    def later(self) -> str:
        return (datetime.now(UTC) + timedelta(days=1)).isoformat()


Body = Callable[["World"], Json]


def attributes(world: World, **more: str) -> Json:
    """A packet of a gateway."""
    return {name: {"value": [value]} for name, value in ({"Acct-Session-Id": world.number()} | more).items()}


WEBHOOK = {"url": "https://hooks.example.com/", "events": ["refund"]}
OWN_LICENCE = {"code": "HOUSE1", "name": "House plan"}
OPERATORS_OWN = (
    "/v1/operator/price-lists",
    "/v1/operator/keys",
    "/v1/operator/licence-catalogue",
    "/v1/operator/members",
)
EVERYBODYS = ("/v1/statements/",)
"""A month is nobody's: each is told of his own."""
ROWS = [{"prefix": "1", "per_minute": "0.1"}]
ORG = "/v1/operator/organizations/{org}"
LIST = "/v1/operator/price-lists"
MEMBER = "/v1/operator/members/{member_id}"
OWN_NAMES: Mapping[str, Callable[[World], dict[str, str]]] = {
    # What is closed or revoked is not what the next one asks for.
    f"DELETE {ORG}": lambda world: {"org": world.shop.organization().id},
    f"PUT {ORG}/clock": lambda world: {"org": world.shop.organization(mode="test").id},
    f"POST {LIST}/{{list_id}}/publish": lambda world: {"list_id": world.draft()},
    "DELETE /v1/operator/licence-catalogue/{code}": lambda world: {"code": world.licence()},
    f"GET {MEMBER}": World.operators_member,
    f"PATCH {MEMBER}": World.operators_member,
    f"DELETE {MEMBER}": World.operators_member,
    f"POST {MEMBER}/end-sessions": World.operators_member,
    f"POST {MEMBER}/invite": World.operators_member,
    "DELETE /v1/webhooks/{webhook_id}": lambda world: {"webhook_id": world.another_webhook(world.ours)},
    "DELETE /v1/operator/keys/{key_id}": lambda world: {
        "key_id": good(world.shop.operator.post("/v1/operator/keys"))["id"]
    },
}
ADDRESS: Mapping[str, Callable[[World], str]] = {
    f"GET {LIST}/{{list_id}}/compare": lambda world: f"?with={world.draft()}",
    f"POST {DIALPLAN}": lambda world: f"?gateway=trunk&user={world.ours.caller}",
    "POST /v1/radius/authorize": lambda world: f"?user={world.ours.caller}",
    "GET /v1/rates/lookup": lambda world: "?call_type=user_out&to=%2B442079460117",
}
BODIES: Mapping[str, Body] = {
    "POST /v1/calls/authorize": lambda world: world.ours.call(f"call-{world.number()}"),
    "POST /v1/calls/extend": lambda world: {"call_id": f"call-{world.number()}", "granted_seconds": 0},
    "POST /v1/calls/answered": lambda world: {"call_id": f"call-{world.number()}"},
    "POST /v1/calls/settle": lambda world: {"call_id": f"call-{world.number()}", "duration_seconds": 0},
    "POST /v1/calls/release": lambda world: {"call_id": f"call-{world.number()}"},
    "POST /v1/calls/record": lambda world: (
        world.ours.call(f"call-{world.number()}") | {"started_at": "2026-01-01T00:00:00Z", "duration_seconds": 0}
    ),
    "POST /v1/calls/batch": lambda world: {"operations": []},
    "POST /v1/radius/authorize": lambda world: attributes(world, **{"Called-Station-Id": "+442079460123"}),
    "POST /v1/radius/accounting": lambda world: attributes(world, **{"Acct-Status-Type": "Start"}),
    f"POST {DIALPLAN}": lambda world: (
        f"Unique-ID=channel-{world.number()}&Caller-Destination-Number=%2B442079460123".encode()
    ),
    "POST /v1/freeswitch/cdr": lambda world: {"variables": {"talktime_call_id": f"channel-{world.number()}"}},
    "POST /v1/switches": lambda world: {"name": f"switch-{world.number()}"},
    "POST /v1/switches/{name}/heartbeat": lambda world: {"boot_id": "1"},
    "POST /v1/users": lambda world: {
        "name": "Example",
        "sign_in_name": f"person{world.number()}@example.com",
        "usage_location": "GB",
    },
    "PUT /v1/users/{user_id}/licences": lambda world: ["MCOPSTNPP"],
    "POST /v1/members": lambda world: world.member_form("report_reader"),
    "POST /v1/operator/members": lambda world: world.member_form("auditor"),
    "POST /v1/exports": lambda world: world.lately(),
    "POST /v1/webhooks": lambda world: WEBHOOK,
    "PUT /v1/users/{user_id}/policy": lambda world: {"policy": None},
    "POST /v1/users/{user_id}/block": lambda world: {"reason": "example"},
    "POST /v1/users/import": lambda world: b"name,sign_in_name,usage_location\nExample,imported@example.com,GB\n",
    "POST /v1/licences/assign": lambda world: {"users": [world.ours.caller], "add": ["MCOPSTNPP"]},
    "POST /v1/numbers": lambda world: world.service_number_form(),
    "PATCH /v1/numbers/{number_id}": lambda world: {"serves": "attendant"},
    "PUT /v1/operator/licence-catalogue": lambda world: {"licences": []},
    "PUT /v1/operator/number-rows": lambda world: {"rows": []},
    "POST /v1/top-ups": lambda world: {"amount": "60", "payment_method": world.card(world.ours)},
    "POST /v1/top-ups/{top_up_id}/refund": lambda world: {"amount": "1"},
    "PUT /v1/recharge-settings": lambda world: {"enabled": False},
    "POST /v1/payment-methods": lambda world: {"simulator_card": "4242424242424242"},
    "PATCH /v1/payment-methods/{method_id}": lambda world: {"default": True},
    "POST /v1/agreements": lambda world: {"number": f"EA-{world.number()}"},
    f"PUT {ORG}/simulator": lambda world: {"answers": []},
    f"POST {ORG}/simulator/disputes": lambda world: {"top_up": world.top_up(world.ours), "result": "opened"},
    f"POST {ORG}/simulator/events": lambda world: {"type": "payment_processing"},
    f"POST {ORG}/simulator/authenticate": lambda world: {"top_up": world.waiting_top_up()},
    f"POST {ORG}/grants": lambda world: {"amount": "1"},
    f"POST {ORG}/adjustments": lambda world: {"amount": "1", "reason": "example"},
    f"POST {ORG}/reversals": lambda world: {"call_id": world.call(world.ours), "amount": "0.01", "reason": "example"},
    f"POST {ORG}/keys": lambda world: {"scopes": ["calls"]},
    f"PUT {ORG}/clock": lambda world: {"now": world.later()},
    "POST /v1/operator/organizations": lambda world: {"name": "Example", "country": "GB", "currency": "USD"},
    f"POST {LIST}": lambda world: {"currency": "USD", "charge_decimals": 4, "rows": ROWS},
    f"PUT {LIST}/{{list_id}}": lambda world: {"rows": ROWS},
}


# ------------------------------------------------------------------------------------------------- who asks


def askers(world: World) -> list[Asker]:
    ours, operator = world.ours, world.shop.operator.key
    every = frozenset(SCOPES)
    assert operator is not None
    single = [Asker(f"scope {one} alone", ours.key(one)["key"], frozenset({one})) for one in SCOPES]
    whole = ours.key(*SCOPES)["key"]
    revoked, passing = ours.key(*SCOPES), ours.key(*SCOPES, expires_at=_soon())
    good(operator_deletes(world.shop.operator, ours, revoked["id"]))
    elsewhere = ours.key(*SCOPES, addresses=["192.0.2.0/24", "2001:db8::/32"])["key"]
    time.sleep(PASSING_SECONDS)
    return [
        Asker("operator for an organization", operator, is_operator=True, org=ours.id),
        Asker("operator for nobody", operator, is_operator=True),
        Asker("operator for an unknown organization", operator, is_operator=True, org=NOBODY),
        Asker("every scope", whole, every),
        Asker("every scope, named in the header", whole, every, org=ours.id),
        Asker("every scope, another organization in the header", whole, every, org=NOBODY),
        *single,
        Asker("no key", None, refused="key"),
        Asker("an empty key", "", refused="key"),
        Asker("something that is no key", "nobody", refused="key"),
        Asker("a key with another secret", whole[:-1] + ("A" if whole[-1] != "A" else "B"), refused="key"),
        Asker("a key of another organization's number", _moved(whole, world.theirs), refused="key"),
        Asker("a revoked key", revoked["key"], refused="key"),
        Asker("an expired key", passing["key"], refused="key"),
        Asker("a key for another address", elsewhere, refused="address"),
    ]


PASSING_SECONDS = 1.2


def _soon() -> str:
    return (datetime.now(UTC) + timedelta(seconds=PASSING_SECONDS - 0.2)).isoformat()


def operator_deletes(operator: Api, org: Organization, key_id: str) -> Answer:
    return operator.delete(f"{org.path}/keys/{key_id}")


def _moved(key: str, org: Organization) -> str:
    """The same secret for another organization."""
    kind, mode, rest = key.split("_", 2)
    return f"{kind}_{mode}_{org.id.removeprefix('org_')}-{rest.partition('-')[2]}"


# ------------------------------------------------------------------------------------------------- the comparison


def differences(server: Server, routes: Sequence[Route] = ROUTES, only_done: bool = False) -> Figures:
    """`only_done`: without the many requests that are sent away before anything is looked for."""
    begun, figures = time.monotonic(), Figures(len(routes))
    world = World(server)
    try:
        crowd = askers(world)
        figures.askers = len(crowd)
        for asker in crowd:
            with Api(server.url, asker.key, asker.org) as api:
                for route in routes:
                    if not only_done or expected(route, asker) == DONE:
                        figures.differences += _compared(world, api, route, asker)
                        figures.requests += 1
        found, asked = seen_of_others(world, routes)
        figures.differences += found
        figures.requests += asked
    finally:
        world.close()
    figures.seconds = time.monotonic() - begun
    return figures


def _compared(world: World, api: Api, route: Route, asker: Asker) -> Iterator[str]:
    wanted, action = expected(route, asker), f"{route.method} {route.path}"
    if wanted != DONE:
        # It must not get as far as what is named.
        path = re.sub(r"{\w+}", "x", route.path).replace("/x/", f"/{world.ours.id}/", 1)
        path += ADDRESS[action](world) if action in ADDRESS else ""
        body: Json = BODIES[action](world) if action in BODIES else {} if route.form is not None else None
    else:
        path, body = world.request(route, asker)
        if asker.is_operator and "{org}" in route.path:
            api.org = asker.org and path.split("/")[4]
    answer = api.send(route.method, path, body)
    status = heard(route, answer)
    api.org = asker.org
    known = action in BODIES or route.form is None
    if wanted == DONE:
        is_right = status < 300 if known else status not in (401, 403) and status < 500
    else:
        is_right = status == wanted
    if not is_right:
        yield f"{route.method} {route.path}, {asker.name}: {status} {answer.code}, and {wanted} is right"


def seen_of_others(world: World, routes: Sequence[Route]) -> tuple[list[str], int]:
    """Another organization's things by name: answered like what does not exist, to the byte."""
    found: list[str] = []
    asked = 0
    key = world.theirs.key(*SCOPES)["key"]
    ways = {
        "with a key of theirs": Api(world.shop.operator.url, key),
        "by the operator for them": world.theirs.api,
    }
    try:
        for route in routes:
            if "{" not in route.path or "({" in route.path or route.path.startswith(OPERATORS_OWN + EVERYBODYS):
                # These are no organization's, and what is in brackets names nothing.
                continue
            for way, api in ways.items():
                found += _same(world, api, route, way)
                asked += 2
        for name, ask in HEADERS_AND_BODIES.items():
            asked += 2
            found += _told_apart(name, *(ask(ways["with a key of theirs"], org) for org in (world.ours.id, NOBODY)))
    finally:
        ways["with a key of theirs"].close()
    return found, asked


def _same(world: World, api: Api, route: Route, way: str) -> Iterator[str]:
    names = world.names(route, world.ours)
    action = f"{route.method} {route.path}"
    body: Json = BODIES[action](world) if action in BODIES else {} if route.form is not None else None
    unknown = {name: NOBODY if name == "org" else _like(value) for name, value in names.items()}
    send = partial(api.send, route.method, body=body, headers={"X-Request-Id": "same"})
    theirs, nobodys = send(route.path.format(**names)), send(route.path.format(**unknown))
    if route.path.endswith("/heartbeat"):
        # A switch that is not known registers itself.
        return
    if theirs.status not in (403, 404):
        yield f"{route.method} {route.path} {way}: {theirs.status} for another organization's"
    yield from _told_apart(f"{route.method} {route.path} {way}", theirs, nobodys)


def _told_apart(name: str, theirs: Answer, nobodys: Answer) -> Iterator[str]:
    if (theirs.status, theirs.body, theirs.headers) != (nobodys.status, nobodys.body, nobodys.headers):
        yield f"{name}: told apart from what does not exist: {theirs.body!r}, {nobodys.body!r}"


def _like(value: str) -> str:
    """Another name of the same kind and length."""
    return value[:-4] + "0000" if len(value) > 20 else value + "0"


def _settle(org: str) -> Json:
    return {"call_id": "c", "duration_seconds": 1, "organization": org}


SAME: Mapping[str, str] = {"X-Request-Id": "same"}
HEADERS_AND_BODIES: Mapping[str, Callable[[Api, str], Answer]] = {
    "the header, where a person asks": lambda api, org: api.send(
        "GET", "/v1/users", headers={**SAME, "Talktime-Organization": org}
    ),
    "the header, where a switch asks": lambda api, org: api.send(
        "POST",
        "/v1/calls/settle",
        {"call_id": "c", "duration_seconds": 1},
        headers={**SAME, "Talktime-Organization": org},
    ),
    "the body of a switch": lambda api, org: api.send("POST", "/v1/calls/settle", _settle(org), headers=SAME),
    "an operation of a batch": lambda api, org: api.send(
        "POST", "/v1/calls/batch", {"operations": [_settle(org) | {"op": "settle"}]}, headers=SAME
    ),
}


# ------------------------------------------------------------------------------------------------- revocation

CONNECTIONS = 16


def still_served(server: Server, repetitions: int = 3) -> list[str]:
    """I23: which requests were done with a key after its revocation was answered. Every connection had used it before,
    so that every process knows it."""
    found: list[str] = []
    shop = Shop.opened(server.url, server.operator_key)
    org = shop.organization("1000")
    other = shop.operator.of(key=org.key("calls")["key"])
    try:
        for turn in range(repetitions):
            made = org.key("calls", "funds")
            with ExitStack() as stack:
                apis = [stack.enter_context(Api(server.url, made["key"])) for _ in range(CONNECTIONS)]
                for n, api in enumerate(apis):
                    good(api.post("/v1/calls/authorize", org.call(f"before-{turn}-{n}")))
                good(operator_deletes(shop.operator, org, made["id"]))
                for n, api in enumerate(apis):
                    asked = {
                        "authorize": api.post("/v1/calls/authorize", org.call(f"after-{turn}-{n}")),
                        "batch": api.post("/v1/calls/batch", {"operations": []}),
                        "balance": api.get("/v1/balance"),
                    }
                    found += [f"{name}: {one.status}" for name, one in asked.items() if one.status != 401]
            # Who has nothing to do with it notices nothing.
            good(other.post("/v1/calls/settle", {"call_id": f"other-{turn}", "duration_seconds": 0}))
        found += [
            f"a call was begun: {call['call_id']}" for call in org.rows("/v1/calls") if "after" in call["call_id"]
        ]
    finally:
        shop.close()
    return found


# ------------------------------------------------------------------------------------------------- by hand


@contextmanager
def started(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.remove()


def caught(where: Path | str) -> list[str]:
    """What is told of a server whose gate is broken."""
    routes = [route for route in ROUTES if f"{route.method} {route.path}" in BROKEN]
    with started(BrokenGate(where)) as server:
        return differences(server, routes).differences + still_served(server, 1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.http.permissions", description="Q12: who may do what.")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    chosen = parser.parse_args()
    wrong: list[str] = []
    console = Console(stderr=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(cluster_on_demand())
        for dialect in [chosen.database] if chosen.database else ["sqlite", "postgresql"]:
            with place(dialect, folder / dialect, cluster) as where:
                workers = ["--workers", "2"] if dialect == "postgresql" else []
                with started(Server(where, workers)) as server, console.status(f"permissions on {dialect}"):
                    figures = differences(server)
                    served = still_served(server)
            print(f"permissions: {dialect}: {figures}; {len(served)} requests served after revocation", flush=True)
            wrong += [*figures.differences, *served]
        with console.status("a broken gate"):
            told = caught(folder / "broken")
    print(f"permissions: self-check: {len(told)} differences told of a broken gate")
    for one in wrong:
        print(one, file=sys.stderr)
    return 1 if wrong or not told else 0


if __name__ == "__main__":
    sys.exit(main())
