"""Money that comes and goes while the primary dies: top-ups, debits and the recharges that follow from them.

In the end what the simulator of the gateway has taken stands beside what was credited.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from threading import Event, Thread

from tests.crash.clients import HarnessError, World
from tests.crash.judge import Finding, Wrong
from tests.crash.recharges import PACE_SECONDS, Client
from tests.crash.recharges import Figures as Charges
from tests.support.server import Server

QUIET_SECONDS_MAX = 120.0
"""A payment that was on its way to the provider is looked after by somebody else a minute later."""


class Till(Thread):
    """One who asks for the next only when he was answered, under the same key until then."""

    def __init__(self, client: Client) -> None:
        super().__init__(name="till", daemon=True)
        self._client = client
        self._over = Event()

    def run(self) -> None:
        while not self._over.wait(PACE_SECONDS):
            self._client.go_on()

    def stop(self) -> None:
        self._over.set()
        self.join()
        self._client.api.close()

    def finish(self) -> tuple[Charges, list[Finding]]:
        """Whatever was begun comes to its end, and all of it adds up."""
        self.stop()
        charges = Charges()
        try:
            self._until_answered()
            self._client.wait_for_quiet(QUIET_SECONDS_MAX)
        except HarnessError as error:
            charges.findings.append(str(error))
        self._client.judge(charges)
        return charges, [Finding(Wrong.MONEY, words) for words in charges.findings]

    def _until_answered(self) -> None:
        deadline = time.monotonic() + QUIET_SECONDS_MAX
        while self._client.journal and self._client.journal[-1].answer is None:
            if time.monotonic() > deadline:
                raise HarnessError(f"{self._client.journal[-1]} is not answered")
            self._client.go_on()
            time.sleep(PACE_SECONDS)


@contextmanager
def paying(server: Server, world: World, chance: Random) -> Iterator[Till]:
    """In organizations of its own."""
    client = Client(server, chance)
    world.others = client.orgs
    till = Till(client)
    till.start()
    try:
        yield till
    finally:
        till.stop()
