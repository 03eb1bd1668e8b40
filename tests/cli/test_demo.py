"""`talktime demo`: what somebody who tries the product finds there."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.cli.inside import inside
from tests.support.server import TALKTIME, talktime

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Demo:
    """One that runs, and what it has told."""

    told: dict[str, Any]
    data: Path

    def raw(self, path: str, body: Any = None) -> bytes:
        request = Request(self.told["address"] + path, None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.told['key']}")
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=30) as answer:
            said: bytes = answer.read()
        return said

    def ask(self, path: str, body: Any = None) -> Any:
        return json.loads(self.raw(path, body))

    def listed(self, path: str) -> list[dict[str, Any]]:
        return list(self.ask(path)["data"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    data = tmp_path_factory.mktemp("demo") / "data"
    # Few calls: what is told of the balance below is the test's own call.
    options = ("--port", "0", "--json", "--calls-per-second", "0.01", "--data", str(data))
    with subprocess.Popen([*TALKTIME, "demo", *options], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            lines = list(iter(running.stdout.readline, "}\n"))
            yield Demo(json.loads("".join([*lines, "}"])), data)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(30)


def eventually(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_it_is_ready_within_half_a_minute(demo: Demo) -> None:
    assert demo.told["seconds"] < 30
    assert demo.told["key"].startswith("tt_test_1-")


def test_a_recharge_failed_once_and_the_next_did_not(demo: Demo) -> None:
    recharges = [one for one in reversed(demo.listed("/v1/top-ups?limit=1000")) if one["kind"] == "recharge"]
    ended = [(one["status"], one["failure_code"]) for one in recharges]
    failed = ended.index(("failed", "insufficient_funds"))
    assert ended[failed + 1] == ("succeeded", None)
    assert len(ended) > 6


def test_a_year_lies_behind_it(demo: Demo) -> None:
    entries = demo.listed("/v1/entries?limit=1000")
    months = {receipt["at"][:7] for receipt in demo.listed("/v1/receipts?limit=1000")}
    assert len(months) > 6
    assert {"charge", "recharge", "top_up", "grant", "refund", "adjustment"} <= {one["kind"] for one in entries}
    expired = [one for one in demo.listed("/v1/lots?limit=1000") if one["state"] == "expired"]
    assert expired


def test_who_can_sign_in_is_told(demo: Demo) -> None:
    told = [(one["who"], one["email"]) for one in demo.told["sign_in"]]
    assert told == [
        ("global administrator", "ann@example.com"),
        ("billing administrator", "gina@example.com"),
        ("operator", "operator@example.com"),
    ]


def test_an_invoice_awaits_its_money_and_part_of_a_payment_went_back(demo: Demo) -> None:
    top_ups = [one for one in demo.listed("/v1/top-ups?limit=1000") if one["kind"] == "top_up"]
    assert [one["status"] for one in top_ups] == ["awaiting_confirmation", "succeeded", "succeeded", "succeeded"]
    assert [one["refunded"] for one in top_ups] == ["0", "0", "90", "0"]
    assert demo.ask("/v1/balance")["pending"] == "400"


def test_there_are_funds_of_both_kinds_that_expire_at_different_times(demo: Demo) -> None:
    lots = [one for one in demo.listed("/v1/lots?limit=1000") if one["state"] == "open"]
    assert {one["kind"] for one in lots} == {"paid", "promotional"}
    assert len({one["expires_at"] for one in lots}) == len(lots) >= 4


def test_receipts_and_the_statement_are_files_to_look_at(demo: Demo) -> None:
    kinds = {one["kind"] for one in demo.listed("/v1/receipts?limit=1000")}
    assert kinds == {"receipt", "invoice", "credit_note"}
    assert demo.raw(f"/v1/receipts/{demo.told['receipt']}.pdf").startswith(b"%PDF-")
    month = demo.listed("/v1/entries")[0]["at"][:7]
    assert demo.raw(f"/v1/statements/{month}.pdf").startswith(b"%PDF-")


def test_mails_are_written_in_the_language_of_each_member(demo: Demo) -> None:
    def written() -> set[tuple[str, str]]:
        files = Path(demo.told["outbox"]).glob("*.eml")
        letters = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return {(address.addr_spec, one["Content-Language"]) for one in letters for address in one["To"].addresses}

    wanted = {("ann@example.com", "en"), ("gina@example.com", "bg"), ("finance@example.com", "en")}
    assert eventually(lambda: wanted <= written())


def test_a_card_declines(demo: Demo) -> None:
    tried = demo.ask("/v1/top-ups", {"amount": "50", "payment_method": demo.told["declining_card"]})
    assert (tried["status"], tried["failure_code"]) == ("failed", "insufficient_funds")


def test_the_balance_grows_by_itself_when_calls_have_eaten_it(demo: Demo) -> None:
    call = {"call_id": "eats", "call_type": "user_out", "user": "ann@example.com", "to": "+263242000117"}
    assert demo.ask("/v1/calls/authorize", call)["decision"] == "granted"
    settled = demo.ask("/v1/calls/settle", {"call_id": "eats", "duration_seconds": 600})
    left = Decimal(settled["balance"]["balance"])
    assert left < 100
    assert eventually(lambda: Decimal(demo.ask("/v1/balance")["balance"]) > left + 249)


def test_calls_go_on_and_the_books_are_right_when_it_ends(tmp_path: Path) -> None:
    shown = talktime("demo", "--port", "0", "--seconds", "4", "--calls-per-second", "20", "--data", tmp_path / "data")
    assert shown.returncode == 0, shown.stderr
    assert f"grep -E '^(To|Content-Language):' {tmp_path}/data/outbox/*" in shown.stdout
    assert re.search(r"calls: .*\d+ granted.*\d+ settled", shown.stdout)
    assert "Traceback" not in shown.stderr
    assert inside("verify", "--data", tmp_path / "data").returncode == 0
    again = inside("demo", "--port", "0", "--once", "--data", tmp_path / "data")
    assert again.returncode == 3
