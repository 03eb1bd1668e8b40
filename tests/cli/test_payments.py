"""`talktime providers`, `reconcile` and `inbox`: who takes the money, and what differs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.inside import inside
from tests.cli.shop import ask
from tests.support.ports import free_port
from tests.support.postgres import Cluster
from tests.support.server import Server, serving

pytestmark = pytest.mark.slow

ABOUT = {"name": "Example Ltd", "country": "US", "currency": "USD", "mode": "test"}


class Till:
    """A test organization with a card, on a running server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.org: str = self._sent("POST", "/v1/operator/organizations", ABOUT)["id"]
        self.account = f"/v1/operator/organizations/{self.org}"
        self._sent("POST", "/v1/payment-methods", {"simulator_card": "4242424242424242"})

    def script(self, *answers: dict[str, Any]) -> None:
        self._sent("PUT", f"{self.account}/simulator", {"answers": answers})

    def pay(self) -> dict[str, Any]:
        return dict(self._sent("POST", "/v1/top-ups", {"amount": "55"}))

    def invoice(self) -> dict[str, Any]:
        self._sent("POST", "/v1/agreements", {"number": "EA-17"})
        return dict(self._sent("POST", "/v1/top-ups", {"amount": "55", "agreement": "EA-17"}))

    def event(self, kind: str, top_up: str, amount: str) -> None:
        """Correctly signed, true or not."""
        self._sent("POST", f"{self.account}/simulator/events", {"type": kind, "top_up": top_up, "amount": amount})

    def until(self, now: str) -> None:
        self._sent("PUT", f"{self.account}/clock", {"now": now})

    @property
    def balance(self) -> str:
        return str(self._sent("GET", "/v1/balance")["balance"])

    def listed(self, command: str) -> list[dict[str, Any]]:
        told = inside(command, "list", "--json", *self.server.database)
        assert told.returncode == 0, told.stderr
        return list(json.loads(told.stdout))

    def _sent(self, method: str, path: str, body: Any = None) -> Any:
        acting: dict[str, str] = {} if path.startswith("/v1/operator") else {"Talktime-Organization": self.org}
        answer = ask(self.server, method, path, body, self.server.operator_key, **acting)
        assert answer.status < 300, answer
        return answer.body


@pytest.fixture(params=["sqlite", "postgresql"])
def till(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Till]:
    where: Path | str = tmp_path / "data"
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        where = cluster.fresh_database()
    with serving(where) as server:
        yield Till(server)


# ---------------------------------------------------------------- providers


def test_the_simulator_is_always_reached(tmp_path: Path) -> None:
    told = inside("providers", "test", "--data", tmp_path)
    assert (told.returncode, told.stdout) == (0, "simulator: The simulator is always there, and takes no money.\n")


def test_a_provider_that_is_not_reached_is_code_one(tmp_path: Path) -> None:
    away = {
        "TALKTIME_STRIPE_API_KEY": "sk_test_123",
        "TALKTIME_STRIPE_WEBHOOK_SECRETS": "whsec_123",
        "TALKTIME_STRIPE_API_BASE": f"http://127.0.0.1:{free_port()}",
    }
    told = inside("providers", "test", "--data", tmp_path, **away)
    assert told.returncode == 1
    assert "stripe: NOT REACHED: " in told.stdout
    told = inside("providers", "test", "--json", "--data", tmp_path, **away)
    assert told.returncode == 1
    assert {one["name"]: one["reached"] for one in json.loads(told.stdout)} == {"simulator": True, "stripe": False}


# ---------------------------------------------------------------- reconcile


def test_money_whose_message_was_lost_is_booked_by_the_comparison(till: Till) -> None:
    till.script({"result": "unanswered", "charged": True, "webhook": "never"})
    till.pay()
    done = inside("reconcile", "run", "--json", *till.server.database)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["differences"] == 0
    assert till.balance == "55"


def test_what_differs_is_listed_until_somebody_has_looked_at_it(till: Till) -> None:
    made = till.pay()
    till.event("payment_succeeded", "pay_unknown", "70")
    [item] = till.listed("reconcile")
    assert (item["organization"], item["top_up"]) == (till.org, "pay_unknown")
    shown = inside("reconcile", "list", *till.server.database, COLUMNS="80").stdout
    assert item["id"] in shown
    assert made["id"] not in shown

    closed = inside("reconcile", "close", till.org, item["id"], *till.server.database)
    assert (closed.returncode, closed.stdout) == (0, f"closed: {item['reason']}\n")
    assert till.listed("reconcile") == []
    assert inside("reconcile", "list", *till.server.database).stdout == "Nothing differs.\n"
    assert till.balance == "55"


def test_a_payment_that_will_not_come_is_ended(till: Till) -> None:
    made = till.invoice()
    ended = inside("reconcile", "reject", made["id"], *till.server.database)
    assert (ended.returncode, ended.stdout) == (0, f"{made['id']} has failed\n")
    again = inside("reconcile", "reject", made["id"], *till.server.database)
    assert again.returncode != 0
    assert "does not wait for the money" in again.stderr
    assert "there is no payment pay_x" in inside("reconcile", "reject", "pay_x", *till.server.database).stderr


@pytest.mark.parametrize("command", [("reconcile", "close"), ("inbox", "replay")], ids=" ".join)
def test_what_is_not_there_is_said_so(command: tuple[str, str], tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    with serving(tmp_path / "data"):
        for org, name in (("org_1", "rec_nobody"), ("none", "rec_nobody"), ("nonsense", "a b/../?c")):
            refused = inside(*command, org, name, *data)
            assert (refused.returncode, refused.stdout) == (3, "")
            assert refused.stderr == f"talktime: {org} has nothing called {name}; `list` shows organizations and ids\n"
    assert inside(*command, "org_1", *data).returncode == 2


# ---------------------------------------------------------------- inbox


def test_a_message_that_cannot_be_worked_off_is_listed_and_worked_off_once_more(till: Till) -> None:
    assert inside("inbox", "list", *till.server.database).stdout == "Nothing is parked.\n"
    till.script(*[{"result": "unanswered", "charged": False, "webhook": "never"}] * 100)
    made = till.pay()
    till.event("refund_succeeded", made["id"], "5")
    till.until("2100-01-01T00:00:00Z")
    [parked] = till.listed("inbox")
    assert parked["organization"] == till.org
    assert parked["id"] in inside("inbox", "list", *till.server.database, COLUMNS="80").stdout

    again = inside("inbox", "replay", till.org, parked["id"], *till.server.database)
    assert (again.returncode, again.stdout) == (0, f"{parked['id']} is waiting\n")
