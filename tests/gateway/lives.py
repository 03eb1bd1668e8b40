"""Whole lives by their numbers: organizations pay, spend, are recharged, refunded and disputed for weeks, while the
gateway fails in ever new ways and the product dies. The same number makes the same life.

    python -m tests.gateway.lives --lives 1000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from hashlib import blake2b
from random import Random

from talktime.actions import refunds
from talktime.actions.errors import StateConflict
from talktime.core.gateway import DisputeState
from talktime.core.time import DAY, MINUTE
from talktime.storage import refund_store
from talktime.storage.payment_store import SUCCEEDED
from tests.gateway.bank import HOUR, Fault
from tests.gateway.bugs import BUGS
from tests.gateway.flows import authenticate, pay, spend
from tests.gateway.judge import books_of, quiet_books
from tests.gateway.runs import Figures, Harness, on_sqlite, quiet
from tests.gateway.stage import MAILS, Scenario, Stage, Wrong
from tests.gateway.templates import UNIT

DEEDS = 12
LIVES_IN_A_HOUSE = 100
SEEDS_MAX = 50
FAULTS = [fault for fault in Fault if fault is not Fault.AFTER_ALL]
"""What is taken after all asks no brake."""
TEMPLATES = ("on", "on with backup", "on with limit", "off and low", "card")
PAUSES = (0, MINUTE, 20 * MINUTE, HOUR, 7 * HOUR, DAY, 20 * DAY)


class Life:
    def __init__(self, harness: Harness, seed: int) -> None:
        self.chance, self._house = Random(seed), harness.house
        self._house.bank.forget()
        self._house.clock.at += 3 * DAY
        template = self.chance.choice(TEMPLATES)
        self.stage = Stage(self._house, Scenario(f"life {seed}", Fault.NONE), harness.templates.copy(template))
        self._begun = self._house.clock.at
        self._trace = blake2b(digest_size=8)

    def run(self) -> list[str]:
        try:
            for number in range(DEEDS):
                self._deed(number)
            self._trouble(Fault.NONE, "at once", 0)
            self.stage.verdicts = ()
            self.stage.drain()
            return list(quiet_books(self.stage))
        except Wrong as wrong:
            return [str(wrong)]
        except Exception as error:
            return [f"nobody expected {error!r}"]

    def _trouble(self, fault: Fault, mail: str, crash_at: int) -> None:
        self.stage.scenario = self.stage.scenario._replace(fault=fault, mail=mail)
        self._house.bank.begin(fault)
        self._house.fuse.set(crash_at)

    def _deed(self, number: int) -> None:
        chance, stage = self.chance, self.stage
        self._trouble(chance.choice(FAULTS), chance.choice(MAILS), chance.choice([0, chance.randint(1, 30)]))
        lost = (DisputeState.OPENED, chance.choice([DisputeState.WON, DisputeState.LOST]))
        stage.verdicts = lost if chance.random() < 0.1 else ()
        deeds: list[Callable[[], object]] = [
            lambda: pay(stage),
            lambda: spend(stage, chance.choice([1, 50, 110, 300]) * UNIT),
            lambda: self._refund(f"ref_{number}"),
        ]
        chance.choices(deeds, [2, 4, 1])[0]()
        stage.live(chance.choice(PAUSES))
        authenticate(stage)
        self._note()

    def _refund(self, refund_id: str) -> None:
        house, stage, org_id = self._house, self.stage, self.stage.org_id
        paid = [one.payment_id for one in stage.payments() if one.state == SUCCEEDED]
        if not paid:
            return
        values = (org_id, refund_id, self.chance.choice(paid), self.chance.choice([1, 60, 120]) * UNIT)

        def deed() -> None:
            if house.database.read(org_id, refund_store.find, org_id, refund_id) is None:
                house.database.write(org_id, refunds.begin, house.money.till.terms, *values, house.actor)
            house.money.till.refund(org_id, refund_id)

        try:
            stage.insist(deed)
        except StateConflict as refused:
            self._trace.update(refused.code.encode())

    def _note(self) -> None:
        books = self._house.app.database.read(self.stage.org_id, books_of, self.stage.org_id)
        now = self._house.clock.at - self._begun
        self._trace.update(f"{now} {books.posted} {books.setting.state} {sorted(books.told.values())}\n".encode())

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()


def run(lives: int, seed: int) -> tuple[Figures, str]:
    """And what happened, in short."""
    figures, trace = Figures(), blake2b(digest_size=8)
    while figures.scenarios < lives:
        with on_sqlite() as settings, Harness.opened(settings, figures) as harness:
            for _ in range(min(LIVES_IN_A_HOUSE, lives - figures.scenarios)):
                life = Life(harness, seed + figures.scenarios)
                figures.findings += [f"{life.stage.scenario.flow}: {words}" for words in life.run()]
                figures.charges += len(list(harness.house.bank.simulator.taken_since(0)))
                figures.scenarios += 1
                trace.update(life.trace.encode())
                harness.put_to_sleep(life.stage)
            figures.crashes += harness.house.crashes
            harness.verify()
    return figures, trace.hexdigest()


CAUGHT = (
    "each try has a key of its own",
    "an outage is a decline",
    "the backup is asked while nobody knows of the first card",
    "what was lost is never asked for again",
    "who does not say who he is may pay when the day is over",
    "what is being processed is credited",
    "it is booked whatever the state is",
    "nobody is told that funds were added",
)
"""Bugs that show in any life."""


def caught_at(bug: str) -> int | None:
    """Within how many lives it is seen; None: in none."""
    with BUGS[bug].plant():
        for seed in range(0, SEEDS_MAX, 10):
            figures, _ = run(10, seed)
            if figures.findings:
                return seed + 10
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gateway.lives", description="Q4 with payments: whole lives.")
    parser.add_argument("--lives", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with quiet():
        figures, trace = run(options.lives, options.seed)
        found = [at for bug in CAUGHT if (at := caught_at(bug))]
    bugs = f"{len(found)} of {len(CAUGHT)} planted bugs caught within {max(found, default=0)} lives"
    print(f"lives of {DEEDS} deeds: {figures}; trace {trace}; self-check: {bugs}")
    for words in figures.findings[:20]:
        print(words, file=sys.stderr)
    return 1 if figures.findings or len(found) < len(CAUGHT) else 0


if __name__ == "__main__":
    sys.exit(main())
