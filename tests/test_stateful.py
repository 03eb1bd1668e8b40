"""Q5: whatever is asked in whatever order, the engine on a real database does what the reference does.

The long run: `python -m tests.test_stateful --database sqlite --examples 500 --steps 60`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from talktime.core.call_types import CallType
from talktime.core.calls import (
    Answered,
    Asked,
    Authorize,
    Command,
    Extend,
    Lapse,
    Record,
    Release,
    Settle,
    Touch,
)
from talktime.core.time import MINUTE, NEVER, SECOND
from tests.simulation.bugs import BUGS
from tests.simulation.mirror import Wrong
from tests.simulation.setting import MICROS, NUMBERS, RARE_NUMBERS, START, USERS, OrgPlan
from tests.simulation.shop import Shop, postgres_shop, sqlite_shop
from tests.support.postgres import Cluster, new_cluster

MILLISECOND = 1000
KINDS = (Authorize, Extend, Answered, Settle, Release, Record, Lapse, Touch)
CALLS = 6
"""So few ids that most of what is said is about a call that is known."""


class Spoken(NamedTuple):
    """What somebody says; how it is said depends on how things stand then."""

    kind: type[Command]
    org: int
    call: int
    asked: Asked
    seconds: int
    more: int
    """Seconds beside what was granted last."""
    after: int
    """Milliseconds since what was said before in the same batch."""
    lost: bool


durations = st.sampled_from([0, 1, 30, 59, 60, 61, 300, 301, 1000, 4000])
asked = st.builds(
    Asked,
    st.sampled_from([CallType.USER_OUT] * 4 + [CallType.CONF_OUT, CallType.UCAP_IN, CallType.USER_IN, CallType.DR_OUT]),
    st.sampled_from((NUMBERS[0], NUMBERS[0], *NUMBERS, *RARE_NUMBERS)),
    st.sampled_from((USERS[0], USERS[0], USERS[1], None, "nobody")),
    requested_seconds=st.sampled_from([None, None, None, 1, 100]),
)
spoken = st.builds(
    Spoken,
    st.sampled_from((Authorize, Authorize, Settle, *KINDS)),
    st.integers(0, 1),
    st.integers(0, CALLS - 1),
    asked,
    durations,
    st.sampled_from([0, 0, 0, 0, -60, 60]),
    st.sampled_from([0, 0, 1, 400, 900]),
    st.booleans(),
)
organizations = st.builds(
    OrgPlan,
    st.just(0),
    st.just([]),
    st.sampled_from([300, 60, 20]),
    st.sampled_from([3600, 400, 90]),
    st.sampled_from([120, 5]),
    st.sampled_from([None, None, "cents", "later"]),
    st.sampled_from([None, None, START]),
)
amounts = st.sampled_from([1, 100, 12_500, 100_000, 333_333, MICROS, 20 * MICROS])


class Calls(RuleBasedStateMachine):
    shop: ClassVar[Shop]

    def __init__(self) -> None:
        super().__init__()
        self.reference = self.shop.new_reference()
        self.now = START
        self.org_ids: list[int] = []
        self.said: list[Command] = []

    @initialize(plans=st.tuples(organizations, organizations), first=amounts)
    def begin(self, plans: tuple[OrgPlan, OrgPlan], first: int) -> None:
        self.org_ids = [self.shop.add_org(self.reference, plan) for plan in plans]
        self.shop.grant(self.reference, self.org_ids[0], first, NEVER, 100, self.now)

    # ---------------------------------------------------------------- calls

    @rule(batch=st.lists(spoken, min_size=1, max_size=5), lost=st.sampled_from([False, False, False, True]))
    def say(self, batch: list[Spoken], lost: bool) -> None:
        """One batch, of which it may stay unknown whether it was committed."""
        self.said = [self._command(one) for one in batch]
        self.shop.run(self.reference, self.said, lost)

    @rule()
    @precondition(lambda self: self.said)
    def say_it_again(self) -> None:
        self.shop.run(self.reference, self.said)

    def _command(self, said: Spoken) -> Command:
        self.now += said.after * MILLISECOND
        about = (self.org_ids[said.org], "" if said.kind is Touch else f"c{said.call}", self.now, "switch")
        if said.kind is Authorize:
            return Authorize(*about, said.asked)
        if said.kind is Record:
            return Record(*about, self._finished(said))
        if said.kind is Extend:
            call = self.reference.calls.get(about[:2])
            return Extend(*about, max((call["seconds"] if call else 0) + said.more, 0))
        if said.kind is Answered:
            return Answered(*about, self.now - said.seconds * SECOND if said.lost else None)
        if said.kind is Settle:
            return Settle(*about, said.seconds)
        if said.kind is Release:
            return Release(*about)
        return Lapse(*about, said.lost) if said.kind is Lapse else Touch(*about)

    def _finished(self, said: Spoken) -> Asked:
        """A switch's record has no `requested_seconds`."""
        began = self.now - said.seconds * SECOND
        asked = said.asked
        return Asked(asked.call_type, asked.to, asked.user, started_at=began, duration_seconds=said.seconds)

    # ---------------------------------------------------------------- time

    @rule(seconds=st.sampled_from([1, 5, 60, 121, 361, 1200]))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND
        self._move_clocks()

    @rule(org=st.integers(0, 1), early=st.sampled_from([0, 1, 500_000]))
    def wait_for_the_end_of_a_lot(self, org: int, early: int) -> None:
        lots = self.reference.orgs[self.org_ids[org]]["lots"].values()
        ends = [lot["ends"] for lot in lots if self.now < lot["ends"] < NEVER]
        if ends:
            self.now = max(min(ends) - early, self.now)
            self._move_clocks()

    def _move_clocks(self) -> None:
        for org_id in self.org_ids:
            if self.reference.orgs[org_id]["clock"]:
                self.shop.move_clock(self.reference, org_id, self.now)

    @rule()
    def sweep(self) -> None:
        self.shop.sweep(self.reference, self.now)

    # ---------------------------------------------------------------- people

    @rule(
        org=st.integers(0, 1),
        amount=amounts,
        minutes=st.sampled_from([1, 5, 10, None]),
        priority=st.sampled_from([100, 100, 50]),
    )
    def grant(self, org: int, amount: int, minutes: int | None, priority: int) -> None:
        org_id = self.org_ids[org]
        if not self.reference.orgs[org_id]["closed"]:
            ends = NEVER if minutes is None else self.now + minutes * MINUTE
            self.shop.grant(self.reference, org_id, amount, ends, priority, self.now)

    @rule(org=st.integers(0, 1), amount=amounts)
    def take(self, org: int, amount: int) -> None:
        self.shop.take(self.reference, self.org_ids[org], amount, self.now)

    @rule()
    @precondition(lambda self: len(self.reference.calls) > CALLS)
    def close(self) -> None:
        self.shop.close_org(self.reference, self.org_ids[1], self.now)

    def teardown(self) -> None:
        if self.org_ids and not sys.exc_info()[0]:
            self.shop.finish(self.reference, self.now)


# ---------------------------------------------------------------- runs


def run(
    shop: Shop, examples: int, steps: int, phases: tuple[Phase, ...] = tuple(Phase), repeatable: bool = True
) -> None:
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=repeatable,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(type("CallsOfThisShop", (Calls,), {"shop": shop}), settings=profile)
    shop.verify()


@pytest.mark.slow
def test_on_sqlite() -> None:
    with sqlite_shop() as shop:
        run(shop, 60, 30)
        assert shop.commands > 1000


@pytest.mark.slow
def test_on_postgresql(postgres: Cluster) -> None:
    with postgres_shop(postgres) as shop:
        run(shop, 20, 25)
        assert shop.commands > 300


@pytest.mark.prove
def test_on_sqlite_at_length() -> None:
    with sqlite_shop() as shop:
        run(shop, 500, 60, repeatable=False)


@pytest.mark.prove
def test_on_postgresql_at_length(postgres: Cluster) -> None:
    with postgres_shop(postgres) as shop:
        run(shop, 100, 60, repeatable=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "bug",
    [
        "prices are rounded down",
        "a settle said twice charges twice",
        "an end that came first is forgotten",
        "what is left of a hold is not given back",
        "a lot is spent after its end",
        "debt is ignored",
    ],
)
def test_a_planted_bug_is_caught(bug: str) -> None:
    with sqlite_shop() as shop, BUGS[bug](), pytest.raises(Wrong):
        run(shop, 100, 30, phases=(Phase.generate,))


# ---------------------------------------------------------------- the command


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.test_stateful", description="Q5: stateful property tests.")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    begun = time.monotonic()
    with _shop(options.database) as shop:
        run(shop, options.examples, options.steps, repeatable=False)
        print(
            f"stateful on {options.database}: {options.examples:,} runs of up to {options.steps} steps, "
            f"{shop.commands:,} commands, 0 wrong; {time.monotonic() - begun:,.0f} s"
        )
    return 0


def _shop(database: str) -> AbstractContextManager[Shop]:
    return sqlite_shop() if database == "sqlite" else _shop_on_a_server()


@contextmanager
def _shop_on_a_server() -> Iterator[Shop]:
    with new_cluster(fsync=False) as cluster, postgres_shop(cluster) as shop:
        yield shop


if __name__ == "__main__":
    raise SystemExit(main())
