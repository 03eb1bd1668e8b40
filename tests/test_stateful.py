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
from msgspec.structs import replace

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
from talktime.core.pool_sizes import PoolName
from talktime.core.time import NEVER, SECOND
from tests.simulation.bugs import BUGS
from tests.simulation.mirror import Wrong
from tests.simulation.setting import (
    ELSEWHERE,
    FREEPHONE,
    HOMES,
    LICENCES,
    MICROS,
    NUMBERS,
    PAYING,
    POLICIES,
    RARE_NUMBERS,
    SPECIAL,
    START,
    USERS,
    OrgPlan,
    PersonPlan,
)
from tests.simulation.shop import Shop, postgres_shop, sqlite_shop
from tests.support.postgres import Cluster, new_cluster

MILLISECOND = 1000
FOR_EVER = 40_000
"""Seconds after which a lot may as well have no end."""
MANY = 8
"""Calls after which an organization may be closed."""


class Spoken(NamedTuple):
    """What somebody says; how it is said depends on how things stand then."""

    kind: type[Command]
    org: int
    which: str
    """Of a new call, or of one in this state."""
    asked: Asked
    seconds: int
    more: int
    """Seconds beside what was granted last."""
    after: int
    """Milliseconds since what was said before in the same batch."""
    lost: bool


class Change(NamedTuple):
    """What becomes of a user, or of a pool."""

    kind: str
    org: int
    user: str
    licences: tuple[str, ...]
    policy: str | None
    pool: int
    size: tuple[int, int]


class Meanwhile(NamedTuple):
    """What the clock and people do."""

    kind: str
    org: int
    seconds: int
    early: int
    """Microseconds before the end of a lot."""
    amount: int
    priority: int


durations = st.sampled_from([0, 1, 30, 59, 60, 61, 300, 301, 1000, 4000])
ORDINARY = Asked(CallType.USER_OUT, NUMBERS[0], USERS[0])
MEETING = Asked(CallType.CONF_OUT, NUMBERS[3], USERS[0])
OTHER = [
    *[replace(ORDINARY, to=number) for number in (*NUMBERS, *RARE_NUMBERS)],
    *[replace(ORDINARY, to=number) for number in (*ELSEWHERE, *SPECIAL)],
    *[replace(MEETING, to=number) for number in (*NUMBERS, *ELSEWHERE, SPECIAL[0], "911")],
    *[replace(MEETING, user=user) for user in (USERS[1], None)],
    Asked(CallType.CONF_IN, FREEPHONE, USERS[0]),
    Asked(CallType.CONF_IN, NUMBERS[0], USERS[1]),
    Asked(CallType.UCAP_OUT, NUMBERS[0], USERS[2]),
    *[replace(ORDINARY, user=user) for user in (USERS[1], None, "nobody")],
    *[replace(ORDINARY, call_type=kind) for kind in (CallType.CONF_OUT, CallType.USER_IN, CallType.DR_OUT)],
    *[replace(ORDINARY, requested_seconds=seconds) for seconds in (1, 100)],
    Asked(CallType.UCAP_IN, "+18005550100"),
]
asked = st.sampled_from([ORDINARY, MEETING] * (len(OTHER) // 2) + OTHER)
orgs = st.sampled_from([0, 0, 0, 1])
beside = st.sampled_from([0, 0, 0, 0, -60, 60])
pauses = st.sampled_from([0, 0, 1, 400, 900])
beginning = st.builds(
    Spoken,
    st.sampled_from((Authorize, Authorize, Authorize, Record)),
    orgs,
    st.sampled_from(["new"] * 6 + ["open", "settled", "refused"]),
    asked,
    durations,
    beside,
    pauses,
    st.booleans(),
)
going_on = st.builds(
    Spoken,
    st.sampled_from((Answered, Extend, Extend, Settle, Settle, Settle, Release, Lapse, Touch)),
    orgs,
    st.sampled_from(["open"] * 5 + ["stale"] * 3 + ["settled", "released", "refused", "new"]),
    st.just(ORDINARY),
    durations,
    beside,
    pauses,
    st.booleans(),
)
spoken = st.one_of(beginning, going_on, going_on)
licences = st.sampled_from([PAYING] * 4 + list(LICENCES))
guards = st.sampled_from(
    [
        *[{}] * 6,
        {"concurrent_calls": 2},
        {"spend_per_hour": 2 * MICROS},
        {"new_destinations_per_day": 2},
        {"call_seconds": 150, "international": False},
    ]
)
sizes = st.sampled_from([(3, 4), (7, 1), (12, 9), (0, 0), (60, 60)])
organizations = st.builds(
    OrgPlan,
    st.just(0),
    st.just([]),
    st.sampled_from([300, 60, 20]),
    st.sampled_from([3600, 400, 90]),
    st.sampled_from([120, 5]),
    st.sampled_from([None] * 6 + ["cents", "later"]),
    st.sampled_from([None, None, None, START]),
    st.fixed_dictionaries({name: st.builds(PersonPlan, st.sampled_from(HOMES), licences) for name in USERS}),
    st.sampled_from(["UTC", "UTC", "Asia/Kolkata", "America/Phoenix"]),
    st.sampled_from([*["GB"] * 9, "KR"]),
    st.sampled_from([False] * 4 + [True]),
    guards,
)
amounts = st.sampled_from([1, 12_500, 100_000, 333_333, MICROS, MICROS, 3 * MICROS])

times = st.sampled_from([1, 5, 60, 121, 361, 1200, FOR_EVER])
meanwhile = st.builds(
    Meanwhile,
    st.sampled_from([*["wait for an end", "let a call lapse", "wait", "grant"] * 2, "sweep", "take", "close"]),
    st.integers(0, 1),
    times,
    st.sampled_from([0, 1, 500_000]),
    amounts,
    st.sampled_from([100, 100, 50]),
)
changes = st.builds(
    Change,
    st.sampled_from(["resize"] * 3 + ["assign"] * 2 + ["restrict", "block", "unblock", "unblock"]),
    orgs,
    st.sampled_from(USERS),
    licences,
    st.sampled_from(POLICIES),
    st.integers(0, 20),
    sizes,
)


class Calls(RuleBasedStateMachine):
    shop: ClassVar[Shop]

    def __init__(self) -> None:
        super().__init__()
        self.reference = self.shop.new_reference()
        self.now = START
        self.org_ids: list[int] = []
        self.pools: list[list[PoolName]] = []
        self.calls = 0
        self.said: list[Command] = []

    @initialize(plans=st.tuples(organizations, organizations), first=amounts, second=amounts, size=sizes)
    def begin(self, plans: tuple[OrgPlan, OrgPlan], first: int, second: int, size: tuple[int, int]) -> None:
        self.org_ids = [self.shop.add_org(self.reference, plan) for plan in plans]
        self.pools = [plan.pool_names for plan in plans]
        for org_id, pools in zip(self.org_ids, self.pools, strict=True):
            for pool in pools:
                self.shop.resize(self.reference, org_id, pool, size, self.now)
        self.shop.grant(self.reference, self.org_ids[0], first, NEVER, 100, self.now)
        self.shop.grant(self.reference, self.org_ids[0], second, self.now + 600 * SECOND, 100, self.now)

    # ---------------------------------------------------------------- calls

    @rule(batch=st.lists(spoken, min_size=1, max_size=5), lost=st.sampled_from([False, False, False, True]))
    def say(self, batch: list[Spoken], lost: bool) -> None:
        """One batch, of which it may stay unknown whether it was committed."""
        self.said = [self._command(one) for one in batch]
        self.shop.run(self.reference, self.said, lost)

    @rule(batch=st.lists(spoken, min_size=2, max_size=8))
    def say_one_after_the_other(self, batch: list[Spoken]) -> None:
        for one in batch:
            self.say([one], lost=False)

    @rule()
    @precondition(lambda self: self.said)
    def say_it_again(self) -> None:
        self.shop.run(self.reference, self.said)

    def _command(self, said: Spoken) -> Command:
        self.now += said.after * MILLISECOND
        about = (self.org_ids[said.org], self._call_id(said), self.now, "switch")
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

    def _call_id(self, said: Spoken) -> str:
        """The latest call in that state, if there is one."""
        if said.kind is Touch:
            return ""
        org_id = self.org_ids[said.org]
        known = [
            one for (org, one), call in self.reference.calls.items() if (org, call["state"]) == (org_id, said.which)
        ]
        if not known:
            self.calls += 1
        return known[-1] if known else f"c{self.calls}"

    def _finished(self, said: Spoken) -> Asked:
        """A switch's record has no `requested_seconds`."""
        began = self.now - said.seconds * SECOND
        asked = said.asked
        return Asked(asked.call_type, asked.to, asked.user, started_at=began, duration_seconds=said.seconds)

    # ---------------------------------------------------------------- meanwhile

    @rule(what=meanwhile)
    def do(self, what: Meanwhile) -> None:
        """Everything else is one rule, so that calls get most of the steps."""
        org_id = self.org_ids[what.org]
        match what.kind:
            case "wait":
                self._move_on(what.seconds * SECOND)
            case "wait for an end":
                self._move_on(self._until_the_end_of_a_lot(org_id) - what.early)
            case "let a call lapse":
                self._move_on(self._until_a_call_is_due(org_id))
                self.shop.sweep(self.reference, self.now)
            case "sweep":
                self.shop.sweep(self.reference, self.now)
            case "grant" if not self.reference.orgs[org_id]["closed"]:
                ends = self.now + what.seconds * SECOND if what.seconds < FOR_EVER else NEVER
                self.shop.grant(self.reference, org_id, what.amount, ends, what.priority, self.now)
            case "take":
                self.shop.take(self.reference, org_id, what.amount, self.now)
            case "close" if len(self.reference.calls) > MANY:
                self.shop.close_org(self.reference, org_id, self.now)

    @rule(what=changes)
    def change(self, what: Change) -> None:
        """Whoever is blocked or loses a licence meanwhile: what was granted stays so."""
        # Nobody is blocked twice in one microsecond.
        self.now += MILLISECOND
        org_id, user_id = self.org_ids[what.org], f"usr_{what.user}"
        match what.kind:
            case "resize":
                pools = self.pools[what.org]
                self.shop.resize(self.reference, org_id, pools[what.pool % len(pools)], what.size, self.now)
            case "assign":
                self.shop.assign(self.reference, org_id, user_id, what.licences)
            case "restrict":
                self.shop.restrict(self.reference, org_id, user_id, what.policy, self.now)
            case kind:
                self.shop.block(self.reference, org_id, user_id, kind == "block", self.now)

    def _until_the_end_of_a_lot(self, org_id: int) -> int:
        lots = self.reference.orgs[org_id]["lots"].values()
        return min([lot["ends"] - self.now for lot in lots if self.now < lot["ends"] < NEVER], default=0)

    def _until_a_call_is_due(self, org_id: int) -> int:
        calls = [call for (org, _), call in self.reference.calls.items() if org == org_id and call["due"]]
        return min([call["due"] - self.now for call in calls], default=0)

    def _move_on(self, by: int) -> None:
        self.now += max(by, 0)
        for org_id in self.org_ids:
            if self.reference.orgs[org_id]["clock"]:
                self.shop.move_clock(self.reference, org_id, self.now)

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
        run(shop, 40, 30)
        assert shop.commands > 1000


@pytest.mark.slow
def test_on_postgresql(postgres: Cluster) -> None:
    with postgres_shop(postgres) as shop:
        run(shop, 12, 25)
        assert shop.commands > 200


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
        "an extend said twice grows twice",
        "minutes of a pool are rounded down",
        "a released call keeps its minutes",
        "a pool is judged without what is held",
        "an emergency call takes minutes of a pool",
    ],
)
def test_a_planted_bug_is_caught(bug: str) -> None:
    with sqlite_shop() as shop, BUGS[bug](), pytest.raises(Wrong):
        run(shop, 100, 30, phases=(Phase.generate,))


# ---------------------------------------------------------------- what was found here once


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    with sqlite_shop() if request.param == "sqlite" else postgres_shop(request.getfixturevalue("postgres")) as shop:
        yield shop


def test_what_a_late_end_gives_back_to_a_spent_lot_expires_at_once(shop: Shop) -> None:
    reference = shop.new_reference()
    org_id = shop.add_org(reference, OrgPlan(0, []))
    shop.grant(reference, org_id, 100_000, START + 60 * SECOND, 100, START)
    shop.run(reference, [Authorize(org_id, "c1", START, "switch", ORDINARY), Answered(org_id, "c1", START, "switch")])
    shop.sweep(reference, START + 1000 * SECOND)
    shop.run(reference, [Settle(org_id, "c1", START + 1001 * SECOND, "switch", 0)])


def test_a_lot_that_ends_between_two_commands_of_a_batch_is_gone_for_the_second(shop: Shop) -> None:
    reference = shop.new_reference()
    org_id = shop.add_org(reference, OrgPlan(0, []))
    shop.grant(reference, org_id, 100_000, START + 60 * SECOND, 100, START)
    moments = [(f"c{seconds}", START + seconds * SECOND) for seconds in (59, 60)]
    shop.run(reference, [Settle(org_id, call_id, at, "switch", 1) for call_id, at in moments])


def test_a_call_that_went_over_from_its_pool_and_whose_end_came_late_is_corrected_in_minutes_and_money(
    shop: Shop,
) -> None:
    reference = shop.new_reference()
    people = {name: PersonPlan(codes=("MCOMEETADD", "MCOPSTNPP")) for name in USERS}
    org_id = shop.add_org(reference, OrgPlan(0, [], people=people))
    shop.grant(reference, org_id, 3 * MICROS, NEVER, 100, START)
    shop.resize(reference, org_id, PoolName("MCOMEETADD"), (7, 0), START)
    about = [(org_id, f"c{n}", START, "switch") for n in range(3)]
    shop.run(reference, [Authorize(*one, MEETING) for one in about])
    shop.run(reference, [Answered(*one) for one in about])
    shop.run(reference, [Extend(*one, 300) for one in about])
    shop.sweep(reference, START + 3600 * SECOND)
    late = START + 3601 * SECOND
    for (_, call_id, *_), seconds in zip(about, (100, 700, 20), strict=True):
        shop.run(reference, [Settle(org_id, call_id, late, "switch", seconds)])
    assert reference.calls[org_id, "c1"]["settled"][5] > 0
    shop.finish(reference, late)
    shop.verify()


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
