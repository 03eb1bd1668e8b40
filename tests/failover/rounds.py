"""Q3, failover: a primary and a synchronous standby, a server that knows both, and clients that keep a journal.

Each round stalls the replication first, so that commits wait, then kills the primary and promotes the standby. Whoever
was answered finds everything there; whoever was not asks again with the same ids. When replication is asynchronous the
same round must lose something, or it proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

import psycopg

from tests.crash.clients import Crowd, HarnessError, World
from tests.crash.judge import Finding, Wrong, ask_again, judge
from tests.failover.proxy import Proxy, proxied
from tests.support.postgres import Cluster, new_cluster
from tests.support.server import Server, serving, talktime

BEFORE_THE_STALL = 60
"""Operations that are answered."""
AFTERWARDS_SECONDS = 0.5
SELF_CHECK_ROUNDS_MAX = 3


@dataclass(slots=True)
class Figures:
    rounds: int = 0
    acknowledged: int = 0
    in_doubt: int = 0
    """Sent and not answered when the primary died."""
    answered_in_the_stall: int = 0
    back: list[float] = field(default_factory=list)
    """Seconds from the death of the primary to the next acknowledged write."""
    findings: list[Finding] = field(default_factory=list)

    def count(self, wrong: Wrong) -> int:
        return sum(finding.wrong is wrong for finding in self.findings)

    def __str__(self) -> str:
        back = (
            f"writes back in {median(self.back):.1f} s, slowest {max(self.back):.1f} s" if self.back else "never back"
        )
        wrong = ", ".join(f"{self.count(one)} {one.value}" for one in Wrong)
        return (
            f"{self.rounds} rounds, {self.acknowledged:,} operations acknowledged, "
            f"{self.in_doubt:,} in doubt: {wrong}; {back}"
        )


# ------------------------------------------------------------------------------------------------- two databases


def follower(primary: Cluster, link: Proxy) -> Cluster:
    """A standby that hears from its primary through this wire."""
    standby = Cluster(fsync=primary.fsync)
    try:
        standby.copy_from(primary)
        connection = f"user=postgres host=127.0.0.1 port={link.port} sslmode=disable gssencmode=disable"
        with (standby.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = '{connection}'\n")
        standby.start()
        primary.wait_for_standby(standby.name, "async")
    except BaseException:
        standby.remove()
        raise
    return standby


def new_database(primary: Cluster, name: str) -> str:
    """By a name that no earlier primary has given."""
    with psycopg.connect(primary.superuser_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER talktime TEMPLATE template0".encode())
    return name


def url_of_both(primary: Cluster, standby: Cluster, database: str) -> str:
    """The driver takes the first that takes writes."""
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    return f"postgresql://talktime@{hosts}/{database}?target_session_attrs=read-write"


def give_up_waiting(primary: Cluster, how: str = "pg_cancel_backend") -> int:
    """Every commit that waits for the standby is told not to: it is done, but on one disk only. How many there were."""
    query = f"SELECT {how}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"
    with psycopg.connect(primary.superuser_url(), autocommit=True) as connection:
        return len(connection.execute(query.encode()).fetchall())


# ------------------------------------------------------------------------------------------------- rounds


def run(
    rounds: int, seed: int, *, synchronous: bool = True, tell: Callable[[Figures], None] = lambda figures: None
) -> Figures:
    """The standby of one round is the primary of the next."""
    figures = Figures()
    with ExitStack() as ending:
        primary = ending.enter_context(new_cluster())
        while figures.rounds < rounds and not figures.findings:
            primary = _round(primary, ending, Random(f"{seed}/{figures.rounds}"), synchronous, figures)
            tell(figures)
    return figures


def _round(primary: Cluster, ending: ExitStack, chance: Random, synchronous: bool, figures: Figures) -> Cluster:
    database = new_database(primary, f"round_{figures.rounds}")
    link = ending.enter_context(proxied(primary.port))
    standby = ending.enter_context(follower(primary, link))
    if synchronous:
        primary.require_standby(standby.name)
    url = url_of_both(primary, standby, database)
    with TemporaryDirectory(prefix="talktime-failover-") as folder:
        environment = {"TALKTIME_LOG_LEVEL": "error", "TALKTIME_DATA": folder}
        with serving(url, environment=environment) as server:
            world = World.made(server.url, server.operator_key)
            crowd = Crowd(world, [server.url], str(chance.random()))
            crowd.gate.open()
            crowd.wait_for_answers(BEFORE_THE_STALL)
            _stall(crowd, primary, link, chance, figures)
            _fail_over(crowd, primary, standby, link, figures)
            time.sleep(AFTERWARDS_SECONDS)
            crowd.finish()
            figures.findings += _findings(crowd, server)
    figures.rounds += 1
    figures.acknowledged += crowd.answered
    primary.remove()
    return standby


def _stall(crowd: Crowd, primary: Cluster, link: Proxy, chance: Random, figures: Figures) -> None:
    """Commits wait for a standby that hears nothing; every other time somebody has them wait no longer."""
    link.stall()
    begun = crowd.answered
    time.sleep(chance.uniform(0.5, 1.5))
    if how := chance.choice(["", "", "pg_cancel_backend", "pg_terminate_backend"]):
        for _ in range(3):
            give_up_waiting(primary, how)
            time.sleep(0.3)
    figures.answered_in_the_stall += crowd.answered - begun


def _fail_over(crowd: Crowd, primary: Cluster, standby: Cluster, link: Proxy, figures: Figures) -> None:
    primary.kill()
    killed = time.monotonic()
    figures.in_doubt += crowd.in_doubt
    link.cut(refuse=True)
    link.flow()
    standby.promote()
    crowd.wait_for_answers(1)
    figures.back.append(time.monotonic() - killed)


def _findings(crowd: Crowd, server: Server) -> list[Finding]:
    found = judge(server.where, crowd.world, crowd.journals, at_rest=True)
    found += ask_again(server.url, crowd.world, crowd.calls, crowd.grants)
    checked = talktime("verify", *server.database)
    return [*found, Finding(Wrong.BROKEN, checked.stdout + checked.stderr)] if checked.returncode else found


def lost_without_waiting(seed: int) -> int:
    """The control: how much an asynchronous standby has lost. Nothing would be a fault of the harness."""
    figures = run(SELF_CHECK_ROUNDS_MAX, seed, synchronous=False)
    if not figures.count(Wrong.LOST):
        raise HarnessError(
            f"nothing is lost although nobody waits for the standby: the harness proves nothing\n{figures}"
        )
    return figures.count(Wrong.LOST)
