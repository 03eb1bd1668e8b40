"""Q10, the API against its own description: schemathesis sends what `/v1/openapi.json` allows, and what it forbids.

    python -m tests.http.schema_fuzz --cases 500

The server is thrown away afterwards, so every route is called. An operator's key acts for one organization by the
header; what is in paths and bodies is often something that is there (`schema_hooks`). Afterwards the log must be free
of errors and the books must be right.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from tests.http.broken_doors import PLANTED, BrokenDoors
from tests.http.shop import Json, Organization, Shop, good, place
from tests.support.postgres import cluster_on_demand
from tests.support.server import Server, talktime

ROOT = Path(__file__).parents[2]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)
"""Not `positive_data_acceptance`: many rules are not for a schema to say (a country that exists, a day in the future).
Not `allow_header_conformance`: what stands below `/v1/calls/` is also the name of a call that can be read."""
ALL_PHASES = "coverage,fuzzing"
CASES = 500


_NOW = datetime.now(UTC)
SPAN = {"from": f"{_NOW - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}", "to": f"{_NOW:%Y-%m-%dT%H:%M:%SZ}"}
WEBHOOK = {"url": "https://hooks.example.com/", "events": ["refund"]}


class Broken(Exception):
    """The API does not do what it says; the message has what schemathesis told."""


@dataclass(frozen=True, slots=True)
class Figures:
    operations: int
    requests: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.operations} operations, {self.requests:,} requests, 0 server errors, 0 schema breaks, "
            f"verify clean, in {self.seconds:.0f} s"
        )


def run(where: Path | str, cases: int, phases: str = ALL_PHASES, seed: int = 1) -> Figures:
    begun = time.monotonic()
    with started(Server(where)) as server:
        with ThreadPoolExecutor(len(PARTS)) as threads:
            org, names = furnished(server)
            parts = [part(org) for part in PARTS]
            told = list(
                threads.map(lambda options: fuzz(server, names, cases, seed, "--phases", phases, *options), parts)
            )
        if wrong := [said for said, code in told if code != 0]:
            raise Broken("\n".join(wrong))
        if "request failed" in server.log or "a job failed" in server.log:
            raise Broken(server.log)
        checked = talktime("verify", *server.database)
        if checked.returncode != 0:
            raise Broken(f"the books are wrong afterwards: {checked.stdout}{checked.stderr}")
    operations = sum(_figure(r"Tested:\s+(\d+)", said) for said, _ in told)
    requests = sum(_figure(r"(\d+) generated", said) for said, _ in told)
    return Figures(operations, requests, time.monotonic() - begun)


def _figure(pattern: str, said: str) -> int:
    found = re.search(pattern, said)
    if found is None:
        raise Broken(f"schemathesis did not say what it did: {said}")
    return int(found[1])


def operators(org: str) -> list[str]:
    return ["--include-path-regex", "^/v1/operator/"]


def organizations(org: str) -> list[str]:
    return ["--exclude-path-regex", f"^/v1/operator/|{DIALPLAN}", "--header", f"Talktime-Organization: {org}"]


def dialplans(org: str) -> list[str]:
    """FreeSWITCH must hear no status but 200, so what is forbidden is refused in the dialplan."""
    heard = ("negative_data_rejection", "ignored_auth")
    header = ["--header", f"Talktime-Organization: {org}"]
    return ["--include-path-regex", DIALPLAN, "--exclude-checks", ",".join(heard), *header]


DIALPLAN = "^/v1/freeswitch/dialplan$"
PARTS = (operators, organizations, dialplans)
"""At a time: an operator's route has its organization in the path, and the header must not name another."""


@contextmanager
def started(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.remove()


def fuzz(server: Server, names: str, cases: int, seed: int, *options: str) -> tuple[str, int]:
    """What schemathesis says of a running server, and its exit code."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {server.operator_key}"),
        *("--checks", ",".join(CHECKS), "--mode", "all", "--continue-on-failure", "--suppress-health-check", "all"),
        *("--max-examples", str(cases), "--seed", str(seed), "--generation-database", "none"),
        *("--no-color", "--request-timeout", "30", "--warnings", "off"),
        *options,
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.http.schema_hooks", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "names.json"
        known.write_text(names)
        environment |= {"TALKTIME_FUZZ_NAMES": str(known)}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr, done.returncode


def furnished(server: Server) -> tuple[str, str]:
    """Something of each kind is there: the organization that is acted for, and as JSON what there is."""
    shop = Shop.opened(server.url, server.operator_key)
    org, test, live = (
        shop.organization("100000", mode="test"),
        shop.organization("1000", mode="test"),
        shop.organization("5"),
    )
    lists = [shop.price_list(default=False) for _ in range(4)]
    webhook = good(org.api.post("/v1/webhooks", WEBHOOK))["id"]
    for list_id in lists[1:]:
        good(shop.operator.put(f"/v1/operator/price-lists/{list_id}", {"rows": [{"prefix": "1", "per_minute": "0.2"}]}))
    found: dict[str, list[Json]] = {
        # Not the one that is acted for: the first that asks for it would close it, or have its lots expire.
        "org": [test.id, live.id],
        "organization": [org.id, None],
        "list_id": lists,
        "with": lists,
        "price_list": [*lists, None],
        "user": [org.caller],
        "user_id": [],
        "key_id": [],
        "adjustment_id": [],
        "call_id": [f"call-{n}" for n in range(20)],
        "name": ["edge", "core", "edge-2"],
        "to": ["+442079460123", "+12025550117", "+33199000117"],
        "granted_seconds": [300, 600, 900],
        "country": ["GB", "US"],
        "usage_location": ["GB", "US"],
        "currency": ["USD", "EUR"],
        "time_zone": ["UTC", "Europe/Riga"],
        "prefix": ["1", "44", "49", "371", "372"],
        "per_minute": ["0.1", "0.25"],
        "connection_fee": ["0", "0.05"],
        "days": ["1-5", "6,7"],
        "valid_from": ["2026-01-01T00:00:00Z", None],
        "expires_at": ["2090-01-01T00:00:00Z", None],
        "now": ["2027-01-01T00:00:00Z", "2090-01-01T00:00:00Z"],
        "addresses": [["127.0.0.1"], []],
        "cut_url": ["http://127.0.0.1:9/cut", None],
        "limit": [1, 50],
        "export_id": [good(org.api.post("/v1/exports", SPAN))["id"] for _ in range(2)],
        "month": [f"{datetime.now(UTC):%Y-%m}", "2026-01"],
        "member_id": [],
        "email": ["a@example.com", "b@example.com"],
        "webhook_id": [webhook],
        "delivery_id": [good(org.api.post(f"/v1/webhooks/{webhook}/test"))["id"] for _ in range(2)],
        "url": [WEBHOOK["url"]],
        "arguments": [f"fromDateTime={SPAN['from']},toDateTime={SPAN['to']}", "fromDateTime=x"],
    }
    for kind in range(3):
        person = {"name": "Example", "email": f"member{kind}@example.com"}
        found["member_id"].append(good(org.api.post("/v1/members", person | {"roles": ["helpdesk"]}))["id"])
        made = good(shop.operator.post("/v1/operator/members", person | {"roles": ["support"]}))
        found["member_id"].append(made["id"])
        found["user_id"].append(org.user(f"fuzz{kind}@example.com")["id"])
        found["user"].append(org.caller)
        found["key_id"].append(live.key("calls")["id"])
        made = good(shop.operator.post(f"{test.path}/adjustments", {"amount": f"{kind + 1}500", "reason": "example"}))
        found["adjustment_id"].append(made["id"])
    for name in found["name"]:
        good(org.api.post("/v1/switches", {"name": name}))
    found |= paid(shop, org)
    for call_id in found["call_id"][::2]:
        good(org.api.post("/v1/calls/authorize", org.call(call_id)))
    shop.close()
    return org.id, json.dumps(found)


def paid(shop: Shop, org: Organization) -> dict[str, list[Json]]:
    """Cards, payments in each state, and what can be asked of them."""
    cards = [good(org.api.post("/v1/payment-methods", {"simulator_card": one}))["id"] for one in TRIAL_CARDS]
    agreement = good(org.api.post("/v1/agreements", {"number": "EA-1"}))
    ways = [*({"payment_method": card} for card in cards), {"agreement": "EA-1", "po_number": "PO-1"}]
    top_ups = [good(org.api.post("/v1/top-ups", {"amount": "60"} | way))["id"] for way in ways for _ in range(2)]
    good(
        shop.operator.post(
            f"{org.path}/simulator/events", {"type": "payment_succeeded", "top_up": "pay_x", "amount": "1"}
        )
    )
    return {
        "top_up_id": top_ups,
        "payment_id": top_ups,
        "top_up": top_ups,
        "method_id": cards,
        "payment_method": [*cards, None],
        "backup_payment_method": [*cards, None],
        "agreement_id": [agreement["id"]],
        "agreement": ["EA-1", None],
        "amount": ["60", "75.5", "1"],
        "recharge_amount": ["80", "120"],
        "trigger": ["50", "60"],
        "monthly_limit": ["500", None],
        "confirm_charge": [True, False],
        "simulator_card": [*TRIAL_CARDS, None],
        "item_id": [good(shop.operator.get("/v1/operator/reconciliation"))["data"][0]["id"]],
        "receipt_id": [row["id"] for row in good(org.api.get("/v1/receipts"))["data"]],
    }


TRIAL_CARDS = ("4242424242424242", "4000000000009987", "4000002760003184")


def caught(where: Path | str, seed: int = 1) -> dict[str, bool]:
    """Which of the things that `broken_doors` does wrong are told."""
    with started(BrokenDoors(where)) as server:
        org, names = furnished(server)
        only = [option for path, _ in PLANTED.values() for option in ("--include-path", path)]
        header = ("--header", f"Talktime-Organization: {org}")
        said, _ = fuzz(server, names, 5, seed, "--phases", "fuzzing", "--include-method", "GET", *header, *only)
    parts = re.split(r"(?m)^_+ (\w+ \S+) _+$", said)
    about = dict(zip(parts[1::2], parts[2::2], strict=True))
    return {name: words in about.get(f"GET {path}", "") for name, (path, words) in PLANTED.items()}


# ------------------------------------------------------------------------------------------------- by hand


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.http.schema_fuzz", description="Q10: schemathesis.")
    parser.add_argument("--cases", type=int, default=CASES, help="for each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    chosen = parser.parse_args()
    console = Console(stderr=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(cluster_on_demand())
        where = stack.enter_context(place(chosen.database, folder, cluster))
        try:
            with console.status(f"{chosen.cases} cases for each operation"):
                figures = run(where, chosen.cases, seed=chosen.seed)
                told = caught(folder / "broken")
        except Broken as broken:
            print(f"schema: BROKEN\n{broken}", file=sys.stderr)
            return 1
    missed = [name for name, is_told in told.items() if not is_told]
    print(f"schema: {figures}; self-check: {len(told) - len(missed)} of {len(told)} broken doors told")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
