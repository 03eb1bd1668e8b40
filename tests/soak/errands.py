"""What else goes on beside the calls: money comes and expires, files are taken away, people and programs are told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from itertools import cycle
from threading import Event, Thread

from tests.http.shop import Organization, good

CARD = "4242424242424242"
TOP_UP, TRIGGER, RECHARGE = "50", "100", "100"
FUNDS = "99"
"""Of those that pay by card: below the trigger already when that is set, so that everybody's card is charged."""
PATIENCE_SECONDS = 60.0
EXPIRES_AFTER = timedelta(seconds=5)
EXPORTED = timedelta(minutes=1)
"""Always as much, so that the load is the same from the first minute to the last."""


class Errands(Thread):
    """One after the other, again and again, each for the next organization in turn."""

    def __init__(self, organizations: list[Organization], hook: str, every_seconds: float) -> None:
        super().__init__(name="errands")
        self._every = every_seconds
        self._organizations = cycle(organizations)
        self._everybody = organizations
        self._hand = organizations[0]
        self._ended = Event()
        self._numbers = iter(range(1, 10**9))
        self._exports: list[tuple[Organization, str]] = []
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        for org in organizations:
            _prepare(org, hook)

    def run(self) -> None:
        for errand in cycle((self.top_up, self.correction, self.grant, self.export, self.read, self.download)):
            if self._ended.wait(self._every):
                return
            self._do(errand)

    def _do(self, errand: Callable[[Organization], None]) -> None:
        try:
            errand(next(self._organizations))
        except (AssertionError, OSError, HTTPException) as error:
            self.wrong.append(f"{errand.__name__}: {error!r}")
        else:
            self.done[errand.__name__] += 1

    def stop(self) -> None:
        """What did not have its turn yet has it now, and every file that was asked for is taken."""
        self._ended.set()
        self.join()
        for errand in (self.top_up, self.correction, self.grant, self.export, self.read):
            if not self.done[errand.__name__]:
                self._do(errand)
        until = time.monotonic() + PATIENCE_SECONDS
        while self._exports and time.monotonic() < until and not self.wrong:
            self._do(self.download)
            time.sleep(0.1)

    def come_by_themselves(self) -> bool:
        """Whether money was taken from a card where nobody added any by hand, and funds have ended; counts both."""
        by_hand, *others = [good(org.api.get("/v1/lots?limit=1000"))["data"] for org in self._everybody]
        self.done["recharge"] = sum(lot["kind"] == "paid" for lots in others for lot in lots)
        self.done["expiry"] = sum(lot["state"] == "expired" for lots in (by_hand, *others) for lot in lots)
        return bool(self.done["recharge"] and self.done["expiry"])

    def top_up(self, _: Organization) -> None:
        """Always of one, so that the others live by auto-recharge."""
        key = {"Idempotency-Key": str(next(self._numbers))}
        good(self._hand.api.post("/v1/top-ups", {"amount": TOP_UP}, headers=key))

    def correction(self, _: Organization) -> None:
        """What was added is taken again: a batch reads all open lots of whom it concerns, and nobody's heap up."""
        form = {"amount": f"-{TOP_UP}", "reason": "Added again and again"}
        good(self._hand.operator.post(f"{self._hand.path}/adjustments", form))

    def grant(self, org: Organization) -> None:
        """It ends soon, with most of it unspent."""
        org.grant("1", expires_at=(datetime.now(UTC) + EXPIRES_AFTER).isoformat())

    def export(self, org: Organization) -> None:
        now = datetime.now(UTC)
        span = {"from": (now - EXPORTED).isoformat(), "to": now.isoformat()}
        self._exports.append((org, good(org.api.post("/v1/exports", span))["id"]))

    def read(self, org: Organization) -> None:
        """As somebody who looks at the pages would."""
        for path in ("/v1/balance", "/v1/usage?limit=100", "/v1/entries?limit=100", "/v1/lots", "/v1/notices"):
            good(org.api.get(path))

    def download(self, _: Organization) -> None:
        waiting, self._exports = self._exports, []
        for org, export in waiting:
            if good(org.api.get(f"/v1/exports/{export}"))["status"] == "running":
                self._exports.append((org, export))
                continue
            assert org.api.get(f"/v1/exports/{export}/download").body.startswith(b"PK")
            self.done["file"] += 1


def _prepare(org: Organization, hook: str) -> None:
    good(org.api.post("/v1/payment-methods", {"simulator_card": CARD}))
    good(org.api.post("/v1/webhooks", {"url": hook, "events": ["funds_added", "recharge_succeeded"]}))
    good(org.api.put("/v1/alerts", {"recipients": ["billing@example.com"]}))
    amounts = {"recharge_amount": RECHARGE, "trigger": TRIGGER, "monthly_limit": "1000000"}
    good(org.api.put("/v1/recharge-settings", {"enabled": True, "confirm_charge": True} | amounts))


def kinds() -> Iterator[str]:
    """What must have happened for a soak to have been one."""
    yield from ("top_up", "correction", "grant", "export", "read", "file", "recharge", "expiry")
