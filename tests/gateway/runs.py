"""All scenarios, one after the other in one installation, and what came of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import structlog
from msgspec.structs import replace

from talktime.core.time import DAY
from talktime.settings import Settings
from talktime.storage import recharge_store
from talktime.storage.database import Tx
from talktime.storage.verify import verify
from tests.gateway.bank import HOUR
from tests.gateway.bugs import BUGS
from tests.gateway.flows import FLOWS, authenticate
from tests.gateway.house import House
from tests.gateway.judge import judge
from tests.gateway.stage import Scenario, Stage, Wrong
from tests.gateway.templates import Templates
from tests.support.postgres import Cluster

SCENARIOS_MAX = 100
"""Of its flow, in which a planted bug must be seen."""


@dataclass(slots=True)
class Figures:
    scenarios: int = 0
    crashes: int = 0
    charges: int = 0
    findings: list[str] = field(default_factory=list)

    def count(self, word: str) -> int:
        return sum(f" {word}:" in finding for finding in self.findings)

    def __str__(self) -> str:
        double, missing = self.count("double"), self.count("missing")
        other = len(self.findings) - double - missing
        more = f", {other} otherwise wrong" if other else ""
        return (
            f"{self.scenarios:,} scenarios, {self.crashes:,} crashes, {self.charges:,} charges: "
            f"{double} double, {missing} missing{more}"
        )


Opens = Callable[[], AbstractContextManager[Settings]]


class Harness:
    def __init__(self, house: House, figures: Figures) -> None:
        self.house, self.figures = house, figures
        self.templates = Templates(house)

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings, figures: Figures) -> Iterator[Harness]:
        with closing(House(settings)) as house:
            yield cls(house, figures)

    def play(self, scenario: Scenario) -> int:
        """How many steps it had until the crash, or in all."""
        flow, house = FLOWS[scenario.flow], self.house
        house.bank.forget()
        house.clock.at += DAYS_BETWEEN
        stage = Stage(house, scenario, self.templates.copy(flow.template))
        found: list[str] = []
        try:
            flow.act(stage)
            stage.live(HOUR)
            authenticate(stage)
            house.bank.take_after_all()
            stage.drain()
            found = list(judge(stage))
        except Wrong as wrong:
            found = [str(wrong)]
        except Exception as error:
            found = [f"nobody expected {error!r}"]
        steps = house.fuse.passed
        self._note(scenario, stage, found)
        return steps

    def _note(self, scenario: Scenario, stage: Stage, found: list[str]) -> None:
        house, figures = self.house, self.figures
        figures.scenarios += 1
        figures.crashes += scenario.crash_at > 0
        figures.charges += len(list(house.bank.simulator.taken_since(0)))
        figures.findings += [f"{scenario}: {words}" for words in found]
        self.put_to_sleep(stage)

    def put_to_sleep(self, stage: Stage) -> None:
        """Whoever comes later moves the clock; this one is not to wake up from it."""
        self.house.fuse.set(0)
        self.house.fuse.look = lambda connection: None
        self.house.app.database.write(stage.org_id, _asleep, stage.org_id)

    def verify(self) -> None:
        for one in verify(self.house.app.database).findings:
            self.figures.findings.append(f"verify: {one}")


def _asleep(tx: Tx, org_id: int) -> None:
    setting = recharge_store.find(tx, org_id)
    if setting.enabled:
        recharge_store.save(tx, org_id, replace(setting, enabled=False), None)


def combinations() -> list[Scenario]:
    return [Scenario(name, fault, mail) for name, flow in FLOWS.items() for fault in flow.faults for mail in flow.mails]


def some(number: int, seed: int) -> Iterator[Scenario]:
    """Each combination is as likely as another; where it dies is a matter of chance."""
    chance = Random(seed)
    every = combinations()
    while number > 0:
        yield from chance.sample(every, min(number, len(every)))
        number -= len(every)


IN_A_HOUSE = 1_000
"""Scenarios that share a database."""
DAYS_BETWEEN = 3 * DAY
"""So that no nightly run of one looks back at another."""


def caught_after(bug: str, scenarios_max: int = SCENARIOS_MAX) -> str | None:
    """The first scenario that goes wrong with this bug, and how; None when none does."""
    chance, figures = Random(bug), Figures()
    mine = [one for one in combinations() if one.flow == BUGS[bug].flow]
    with on_sqlite() as settings, Harness.opened(settings, figures) as harness, BUGS[bug].plant():
        for one in chance.sample(mine, len(mine))[:scenarios_max]:
            harness.play(one)
            if figures.findings:
                return figures.findings[0]
    return None


def run(number: int, seed: int, opens: Opens, tell: Callable[[Figures], None] = lambda _: None) -> Figures:
    """Each combination without a crash, and then with a crash at one of the steps that it had."""
    figures, chance, scenarios = Figures(), Random(seed), some(number, seed)
    while figures.scenarios < number:
        with opens() as settings, Harness.opened(settings, figures) as harness:
            for one in islice(scenarios, min(IN_A_HOUSE, number - figures.scenarios + 1) // 2):
                steps = harness.play(one)
                harness.play(one._replace(crash_at=chance.randint(1, steps)))
                tell(figures)
            harness.verify()
    return figures


@contextmanager
def on_sqlite() -> Iterator[Settings]:
    with TemporaryDirectory() as folder:
        yield Settings(data=Path(folder))


@contextmanager
def on_postgres(cluster: Cluster) -> Iterator[Settings]:
    url = cluster.fresh_database()
    with TemporaryDirectory() as folder:
        yield Settings(data=Path(folder), database=url)
    cluster.drop_database(url)


@contextmanager
def quiet() -> Iterator[None]:
    """What the product logs of a gateway that fails is what it should log, thousands of times."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
