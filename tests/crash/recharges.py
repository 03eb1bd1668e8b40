"""Q7 over HTTP: a real server recharges organizations that spend, and is killed at random instants and before its
commits; in the end what the simulator has charged stands beside what was credited.

    python -m tests.crash.recharges --rounds 500
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.client import HTTPException
from itertools import count, islice, repeat
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from tests.crash.clients import HarnessError
from tests.crash.runner import MONEY_POINTS, Runner
from tests.http.shop import Api, good
from tests.support.server import Server, talktime

ORGS = 6
ROUNDS_IN_A_WORLD = 25
LIFE_SECONDS = (0.05, 0.7)
POINT_SECONDS_MAX = 1.2
COMMITS_MAX = 40
CHARGES_MAX = 200
QUIET_SECONDS_MAX = 30.0
PACE_SECONDS = 0.003
SPENT, PAID = Decimal(50), Decimal(60)
ON = {"enabled": True, "recharge_amount": "120", "trigger": "60", "confirm_charge": True}
BUG = "charges_under_new_keys"
SELF_CHECK_ROUNDS = 6


@dataclass(slots=True)
class Figures:
    rounds: int = 0
    asked: int = 0
    """Debits and top-ups that were answered."""
    charges: int = 0
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        wrong = f"{len(self.findings)} wrong" if self.findings else "0 double, 0 missing"
        return f"{self.rounds} rounds, {self.asked:,} debits and top-ups, {self.charges:,} charges: {wrong}"


@dataclass(eq=False, slots=True)
class Deed:
    """Asked under one key until it is answered."""

    org: str
    key: str
    path: str
    body: dict[str, str]
    answer: Any = None

    @property
    def spends(self) -> bool:
        return "reason" in self.body


class Client:
    """It keeps a journal of what it asked and what it was told."""

    def __init__(self, server: Server, chance: Random) -> None:
        self.api = Api(server.url, server.operator_key)
        self.orgs = [self._organization(silent=number % 3 > 0) for number in range(ORGS)]
        self.journal: list[Deed] = []
        self._chance, self._numbers = chance, count()

    def _organization(self, silent: bool) -> str:
        """`silent`: its simulator sends no messages, so that only its answers tell what it did."""
        fields = {"name": "Example Ltd", "country": "US", "currency": "USD", "mode": "test"}
        limits = {"limits": {"recharges_per_24h": None}}
        org = str(good(self.api.post("/v1/operator/organizations", fields | limits))["id"])
        if silent:
            answers = [{"result": "succeeded", "webhook": "never"}] * CHARGES_MAX
            good(self.api.put(f"/v1/operator/organizations/{org}/simulator", {"answers": answers}))
        mine = self.api.of(org)
        good(mine.post("/v1/payment-methods", {"simulator_card": "4242424242424242"}))
        good(mine.put("/v1/recharge-settings", ON))
        return org

    def go_on(self) -> bool:
        """False: nobody is there."""
        waiting = [deed for deed in self.journal[-1:] if deed.answer is None]
        deed = waiting[0] if waiting else self._next()
        path, headers = deed.path, {"Idempotency-Key": deed.key, "Talktime-Organization": deed.org}
        try:
            answer = self.api.post(path, deed.body, headers=headers)
        except (OSError, HTTPException):
            self.api.close()
            return False
        if answer.status != 503:
            deed.answer = good(answer)
        return True

    def _next(self) -> Deed:
        org, key = self._chance.choice(self.orgs), f"key-{next(self._numbers)}"
        adjust = f"/v1/operator/organizations/{org}/adjustments"
        spends = self._chance.random() < 0.8
        body = {"amount": f"-{SPENT}", "reason": "Example"} if spends else {"amount": str(PAID)}
        self.journal.append(Deed(org, key, adjust if spends else "/v1/top-ups", body))
        return self.journal[-1]

    # ---------------------------------------------------------------- what is there at the end

    def wait_for_quiet(self, seconds_max: float = QUIET_SECONDS_MAX) -> None:
        deadline = time.monotonic() + seconds_max
        while any(self._is_busy(org) for org in self.orgs):
            if time.monotonic() > deadline:
                raise HarnessError("I19: payments are still on their way")
            time.sleep(0.1)

    def _is_busy(self, org: str) -> bool:
        mine = self._rows(org, "/v1/top-ups")
        setting = good(self.api.send("GET", "/v1/recharge-settings", headers={"Talktime-Organization": org}))
        low = Decimal(self._balance(org)) < 60
        return low or setting["state"] != "on" or any(one["status"] == "pending" for one in mine)

    def _balance(self, org: str) -> str:
        answer = self.api.send("GET", "/v1/balance", headers={"Talktime-Organization": org})
        return str(good(answer)["balance"])

    def _rows(self, org: str, path: str) -> list[Any]:
        answer = self.api.send("GET", f"{path}?limit=1000", headers={"Talktime-Organization": org})
        return list(good(answer)["data"])

    def judge(self, figures: Figures) -> None:
        for org in self.orgs:
            charged = good(self.api.get(f"/v1/operator/organizations/{org}/simulator"))["charges"]
            figures.charges += len(charged)
            figures.findings += self._compared(org, Counter(one["top_up"] for one in charged))
        figures.asked += sum(deed.answer is not None for deed in self.journal)

    def _compared(self, org: str, charged: Counter[str]) -> Iterator[str]:
        payments = self._rows(org, "/v1/top-ups")
        credited = Counter(one["id"] for one in payments if one["status"] == "succeeded")
        if charged != credited:
            yield f"{org}: charged {charged - credited} more often than credited, {credited - charged} less often"
        mine = [deed for deed in self.journal if deed.org == org]
        known = Counter(deed.answer["id"] for deed in mine if deed.answer and not deed.spends)
        if known != Counter(one["id"] for one in payments if one["kind"] == "top_up"):
            yield f"{org}: other top-ups are there than were asked for"
        paid = sum(Decimal(one["amount"]) for one in payments if one["status"] == "succeeded")
        spent = SPENT * sum(deed.spends for deed in mine)
        if Decimal(self._balance(org)) != paid - spent:
            yield f"{org}: the balance is {self._balance(org)} and should be {paid - spent}"
        told = [one for one in self._rows(org, "/v1/notices") if one["event"] in ("funds_added", "recharge_succeeded")]
        if Counter(one["details"]["top_up"] for one in told if one["channel"] == "banner") != credited:
            yield f"{org}: {len(told)} notices of {len(payments)} payments"


def moments(chance: Random) -> Iterator[str]:
    """For ever: at any instant, before a commit, before a provider is asked, before its answer is booked."""
    while True:
        yield ""
        yield f"before_action_commit:{chance.randint(1, COMMITS_MAX)}"
        yield f"{chance.choice(MONEY_POINTS)}:{chance.randint(1, 4)}"


def play(server: Runner, client: Client, chance: Random, moment: str) -> None:
    """One life of the server."""
    server.environment["CRASH_AT"] = moment
    server.start()
    if moment:
        server.arm()
    end = time.monotonic() + (POINT_SECONDS_MAX if moment else chance.uniform(*LIFE_SECONDS))
    while time.monotonic() < end and client.go_on():
        time.sleep(PACE_SECONDS)
    server.kill()
    client.api.close()


@contextmanager
def world(bug: str) -> Iterator[Runner]:
    with TemporaryDirectory(prefix="talktime-crash-") as folder:
        environment = {"BROKEN": bug, "TALKTIME_LOG_LEVEL": "error", "TALKTIME_DATA": f"{folder}/keys"}
        server = Runner(Path(folder) / "data", environment=environment)
        try:
            yield server
        finally:
            server.remove()


def run(rounds: int, seed: int, kinds: Iterator[str] | None = None, bug: str = "") -> Figures:
    """Until something is found."""
    figures, chance = Figures(), Random(seed)
    kinds = kinds or moments(chance)
    while figures.rounds < rounds and not figures.findings:
        with world(bug) as server:
            server.start()
            client = Client(server, chance)
            server.kill()
            for moment in islice(kinds, min(ROUNDS_IN_A_WORLD, rounds - figures.rounds)):
                play(server, client, chance, moment)
                figures.rounds += 1
            _finish(server, client, figures)
    return figures


def caught(seed: int) -> Figures:
    """With a bug that charges twice when it dies at the wrong moment."""
    return run(SELF_CHECK_ROUNDS, seed, repeat("before_booking:1"), BUG)


def _finish(server: Runner, client: Client, figures: Figures) -> None:
    """Whatever was begun comes to its end, and all of it adds up."""
    server.environment["CRASH_AT"] = ""
    server.start()
    while client.journal and client.journal[-1].answer is None:
        client.go_on()
    try:
        client.wait_for_quiet()
    except HarnessError as error:
        figures.findings.append(str(error))
    client.judge(figures)
    client.api.close()
    checked = talktime("verify", *server.database)
    if checked.returncode:
        figures.findings.append(checked.stdout + checked.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.recharges", description="Q7: killed while it charges.")
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = run(options.rounds, options.seed)
    found = caught(options.seed)
    after = f"the planted bug is caught within {found.rounds} rounds" if found.findings else "NOT CAUGHT"
    print(f"killed while it charges: {figures}; self-check: {after}")
    for words in figures.findings:
        print(words, file=sys.stderr)
    return 1 if figures.findings or not found.findings else 0


if __name__ == "__main__":
    sys.exit(main())
