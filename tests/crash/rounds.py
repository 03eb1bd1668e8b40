"""Q1, crashes: clients talk to real servers, which are killed again and again, and after each time everything they were
answered must be there, once, and the same when it is asked again.

Each round opens the gate for the clients, does the damage while they talk, closes the gate and mends what is broken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

import psutil
import psycopg

from tests.crash.clients import Call, Crowd, Grant, HarnessError, World
from tests.crash.judge import Finding, Wrong, ask_again, judge
from tests.crash.runner import POINTS, Runner
from tests.support.postgres import Cluster, new_cluster
from tests.support.server import talktime

DIALECTS = ("sqlite", "postgresql")
ROUNDS_IN_A_WORLD = 20
POINT_SECONDS_MAX = 15.0
SELF_CHECK_ROUNDS_MAX = 10


@dataclass(slots=True)
class Figures:
    rounds: int = 0
    operations: int = 0
    """Sent, each once however often it was repeated."""
    acknowledged: int = 0
    in_doubt: int = 0
    """Sent and not answered when the damage was done."""
    starts: list[float] = field(default_factory=list)
    """Until `ready`, by the clock on the wall."""
    processor: list[float] = field(default_factory=list)
    """And by what the process used of it, which a busy machine does not lengthen."""
    recoveries: list[float] = field(default_factory=list)
    """Of a server that lived on, from the moment that its database answered."""
    slowest_answer: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    missed_points: int = 0
    """Rounds in which the server did not come by its point, and was killed from outside."""

    def count(self, wrong: Wrong) -> int:
        return sum(finding.wrong is wrong for finding in self.findings)

    def __str__(self) -> str:
        starts = (
            f"ready in {median(self.starts):.2f} s, slowest {max(self.starts):.2f} s" if self.starts else "no starts"
        )
        recovered = f", recovered in at most {max(self.recoveries):.2f} s" if self.recoveries else ""
        missed = f", {self.missed_points} points not reached" if self.missed_points else ""
        wrong = ", ".join(f"{self.count(one)} {one.value}" for one in Wrong)
        return (
            f"{self.rounds} rounds, {self.operations:,} operations, {self.acknowledged:,} acknowledged, "
            f"{self.in_doubt:,} in doubt: {wrong}; {starts}{recovered}{missed}, "
            f"slowest answer {self.slowest_answer:.2f} s"
        )


# ------------------------------------------------------------------------------------------------- what is damaged


@dataclass(frozen=True, slots=True)
class Damage:
    """`point`: where the first server dies by itself; otherwise `strike` does something to it or its database."""

    name: str
    point: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.point}".strip()


START = Damage("start")
SERVER_KILLED, ALL_KILLED, DATABASE_KILLED = Damage("server killed"), Damage("all killed"), Damage("database killed")


def at_point(point: str, chance: Random) -> Damage:
    most = {"statement": 60, "before_action_commit": 3, "before_answer_to_a_grant": 3}.get(point, 25)
    return Damage("server dies", f"{point}:{chance.randint(1, most)}")


def damages(dialect: str, chance: Random) -> Iterator[Damage]:
    """For ever: half of them at random instants, half at named points, each point as often as the others."""
    at_random = (
        [SERVER_KILLED] if dialect == "sqlite" else [DATABASE_KILLED, DATABASE_KILLED, SERVER_KILLED, ALL_KILLED]
    )
    while True:
        for point in chance.sample(POINTS, len(POINTS)):
            yield chance.choice(at_random)
            yield at_point(point, chance)


# ------------------------------------------------------------------------------------------------- where it happens


class Site:
    """Servers, their database, and the clients that talk to them."""

    def __init__(
        self, where: Path | str, servers: Sequence[Runner], cluster: Cluster | None, seed: str, figures: Figures
    ) -> None:
        self.where = where
        self.servers = servers
        self.cluster = cluster
        self.chance = Random(seed)
        self.figures = figures
        self.world = World.made(servers[0].url, servers[0].operator_key)
        self.crowd = Crowd(self.world, [server.url for server in servers], seed)
        self._seen: set[int] = set()
        self._counted = (0, 0)

    def play(self, damages: Iterator[Damage], rounds: int, tell: Callable[[], None]) -> None:
        """Until something is found, or everything has come to a good end."""
        damage = START
        for _ in range(rounds):
            before, damage = damage, next(damages)
            self._prepare(damage)
            if not self._is_clean_after(before):
                return
            self._strike(damage)
            self.figures.rounds += 1
            tell()
        self._prepare(START)
        if self._is_clean_after(damage):
            self._finish()

    def _prepare(self, damage: Damage) -> None:
        """A server dies at a point only when it was started for it; whatever was killed is started."""
        first = self.servers[0]
        if damage.point or first.environment.get("CRASH_AT"):
            first.kill()
            first.environment["CRASH_AT"] = damage.point
        for server in self.servers:
            if server.is_running and server.has_died():
                raise HarnessError(f"a server has ended by itself\n{server.log}")
            if not server.is_running:
                self.figures.starts.append(server.start())
                times = psutil.Process(server.pid).cpu_times()
                self.figures.processor.append(times.user + times.system)

    def _is_clean_after(self, damage: Damage) -> bool:
        found = [Finding(wrong, f"round {self.figures.rounds}, {damage}: {words}") for wrong, words in self._check()]
        self.figures.findings += found
        return not found

    def _strike(self, damage: Damage) -> None:
        crowd = self.crowd
        if damage.point:
            self.servers[0].arm()
        crowd.gate.open()
        if damage.point:
            self.figures.missed_points += not self.servers[0].has_died(POINT_SECONDS_MAX)
            self._kill(self.servers[:1])
        else:
            crowd.wait_for_answers(self.chance.randint(5, 250))
            time.sleep(self.chance.uniform(0, 0.02))
            if damage is DATABASE_KILLED:
                self._kill_database()
            else:
                self._kill(self.servers if damage is ALL_KILLED else self.servers[:1])
        # Those who still find somebody who answers repeat there what was not answered.
        time.sleep(self.chance.uniform(0, 0.15))
        crowd.gate.close()
        self._count()

    def _kill(self, servers: Sequence[Runner]) -> None:
        for server in servers:
            server.kill()
        self.figures.in_doubt += self.crowd.in_doubt

    def _kill_database(self) -> None:
        """The servers live on; they say no, and get over it by themselves."""
        assert self.cluster
        gate = self.crowd.gate
        self.cluster.kill()
        gate.database_is_down = True
        self.figures.in_doubt += self.crowd.in_doubt
        time.sleep(self.chance.uniform(0.1, 0.6))
        gate.database_is_down = False
        self.cluster.start()
        self.figures.recoveries.append(self.crowd.wait_for_answers(1))

    def _check(self) -> list[Finding]:
        """While nobody asks anything."""
        found = judge(self.where, self.world, self.crowd.journals)
        calls = [call for call in self.crowd.calls if self._is_new(call, call.has_ended)]
        grants = [grant for grant in self.crowd.grants if self._is_new(grant, grant.answer is not None)]
        return found + ask_again(self.servers[-1].url, self.world, calls, grants)

    def _is_new(self, one: Call | Grant, is_over: bool) -> bool:
        """What is over is asked again once; what goes on, after each round."""
        if id(one) in self._seen:
            return False
        if is_over:
            self._seen.add(id(one))
        return True

    def _finish(self) -> None:
        """All of it adds up, also for the command that people use."""
        self.crowd.finish()
        self.figures.findings += judge(self.where, self.world, self.crowd.journals, at_rest=True)
        checked = talktime("verify", *self.servers[0].database)
        if checked.returncode:
            self.figures.findings.append(Finding(Wrong.BROKEN, checked.stdout + checked.stderr))
        self._count()

    def _count(self) -> None:
        figures, acknowledged = self.figures, self.crowd.answered
        operations = acknowledged + self.crowd.in_doubt
        figures.acknowledged += acknowledged - self._counted[0]
        figures.operations += operations - self._counted[1]
        self._counted = acknowledged, operations
        figures.slowest_answer = max(figures.slowest_answer, self.crowd.slowest_seconds)


@contextmanager
def site(cluster: Cluster | None, seed: str, figures: Figures, bug: str = "") -> Iterator[Site]:
    with TemporaryDirectory(prefix="talktime-crash-") as folder, ExitStack() as ending:
        environment = {"BROKEN": bug, "TALKTIME_LOG_LEVEL": "error", "TALKTIME_DATA": f"{folder}/keys"}
        if cluster:
            url = cluster.fresh_database()
            ending.callback(cluster.drop_database, url)
        where: Path | str = url if cluster else Path(folder) / "data"
        # On PostgreSQL a second process serves the same database, and is not the one that is made to die at a point.
        servers = [Runner(where, environment=environment) for _ in range(2 if cluster else 1)]
        for server in servers:
            ending.callback(server.remove)
            server.start()
        yield Site(where, servers, cluster, seed, figures)


def run(
    dialect: str,
    rounds: int,
    seed: int,
    tell: Callable[[Figures], None] = lambda figures: None,
    cluster: Cluster | None = None,
    kinds: Iterator[Damage] | None = None,
    bug: str = "",
) -> Figures:
    """Until the first finding: what is wrong stays wrong."""
    figures = Figures()
    with ExitStack() as ending:
        if dialect == "postgresql" and cluster is None:
            cluster = ending.enter_context(new_cluster())
        kinds = kinds or damages(dialect, Random(f"{seed}/damages"))
        while figures.rounds < rounds and not figures.findings:
            with site(cluster, f"{seed}/{figures.rounds}", figures, bug) as here:
                here.play(kinds, min(ROUNDS_IN_A_WORLD, rounds - figures.rounds), lambda: tell(figures))
    return figures


# ------------------------------------------------------------------------------------------------- the self-check


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that is not as it should be, how to show it, and what must be found."""

    dialect: str
    bug: str
    damage: Damage
    wrong: Wrong


FORGETFUL = "the database answers before it has written"
EARLY, KEYLESS = "answers_before_commit", "forgets_idempotency_keys"
GRANT_LOST = Damage("server dies", "before_answer_to_a_grant:1")
BROKEN = (
    Broken("sqlite", EARLY, SERVER_KILLED, Wrong.LOST),
    Broken("sqlite", KEYLESS, GRANT_LOST, Wrong.DOUBLED),
    Broken("postgresql", EARLY, ALL_KILLED, Wrong.LOST),
    Broken("postgresql", KEYLESS, GRANT_LOST, Wrong.DOUBLED),
    Broken("postgresql", FORGETFUL, DATABASE_KILLED, Wrong.LOST),
)


def caught_after(broken: Broken, seed: int) -> int:
    """In which round. Not to be caught is a fault of the harness."""
    with ExitStack() as ending:
        cluster = ending.enter_context(new_cluster(fsync=False)) if broken.dialect == "postgresql" else None
        bug = broken.bug
        if cluster and bug == FORGETFUL:
            forget_what_was_just_written(cluster)
            bug = ""
        figures = run(
            broken.dialect, SELF_CHECK_ROUNDS_MAX, seed, cluster=cluster, kinds=repeat(broken.damage), bug=bug
        )
    if broken.wrong not in {finding.wrong for finding in figures.findings}:
        raise HarnessError(f"{broken.bug} on {broken.dialect} is not found: the harness proves nothing\n{figures}")
    return figures.rounds


def forget_what_was_just_written(cluster: Cluster) -> None:
    with psycopg.connect(cluster.superuser_url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")
        connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        connection.execute("SELECT pg_reload_conf()")
