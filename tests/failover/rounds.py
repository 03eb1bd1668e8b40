"""Q3, failover: a primary and a synchronous standby, a server that knows both, and clients that keep a journal.

Each round stalls the replication first, so that commits wait, then kills the primary and promotes the standby. Whoever
was answered finds everything there; whoever was not asks again with the same ids. When replication is asynchronous the
same round must lose something, or it proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Protocol

import psycopg

from tests.crash.clients import Crowd, HarnessError, World
from tests.crash.judge import Finding, Wrong, ask_again, judge
from tests.failover.proxy import Proxy, proxied
from tests.failover.till import Till, paying
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
    paid: int = 0
    """Top-ups and debits that were answered, where there were any."""
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
        paid = f" and {self.paid:,} top-ups and debits" if self.paid else ""
        return (
            f"{self.rounds} rounds, {self.acknowledged:,} operations{paid} acknowledged, "
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


def new_database(superuser_url: str, name: str) -> str:
    """By a name that no earlier primary has given."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER talktime TEMPLATE template0".encode())
    return name


class Site(Protocol):
    """A primary whose commits wait for a standby, and who takes over from it."""

    @property
    def link(self) -> Proxy:
        """Over which its standbys hear from it."""
        ...

    @property
    def superuser_url(self) -> str: ...

    def kill(self) -> None:
        """The primary, and all connections to it."""

    def promote(self) -> None:
        """Whoever is next, if he needs to be told."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Of two servers that know nothing of each other's end."""

    primary: Cluster
    standby: Cluster
    link: Proxy

    @property
    def superuser_url(self) -> str:
        return self.primary.superuser_url()

    def new_database(self, name: str) -> str:
        return url_of_both(self.primary, self.standby, new_database(self.superuser_url, name))

    def kill(self) -> None:
        self.primary.kill()

    def promote(self) -> None:
        self.standby.promote()


def url_of_both(primary: Cluster, standby: Cluster, database: str) -> str:
    """The driver takes the first that takes writes."""
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    return f"postgresql://talktime@{hosts}/{database}?target_session_attrs=read-write"


def give_up_waiting(superuser_url: str, how: str = "pg_cancel_backend") -> int:
    """Every commit that waits for the standby is told not to: it is done, but on one disk only. How many there were."""
    query = f"SELECT {how}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"
    with psycopg.connect(superuser_url, autocommit=True) as connection:
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
    link = ending.enter_context(proxied(primary.port))
    standby = ending.enter_context(follower(primary, link))
    if synchronous:
        primary.require_standby(standby.name)
    pair = Pair(primary, standby, link)
    with stage(pair.new_database(f"round_{figures.rounds}"), chance) as here:
        here.play(pair, chance, figures)
        here.finish(figures)
    primary.remove()
    return standby


class Stage:
    """A server and its clients, who go on while the link is stalled, the primary dies and somebody takes over."""

    def __init__(self, server: Server, world: World, till: Till | None, seed: str) -> None:
        self._server = server
        self._till = till
        self._crowd = Crowd(world, [server.url], seed)

    def play(self, site: Site, chance: Random, figures: Figures) -> None:
        self._crowd.gate.open()
        self._crowd.wait_for_answers(BEFORE_THE_STALL)
        _stall(self._crowd, site, chance, figures)
        _fail_over(self._crowd, site, figures)
        time.sleep(AFTERWARDS_SECONDS)
        figures.rounds += 1

    def go_on_during(self, deed: Callable[[], object], figures: Figures) -> None:
        """What is done by plan loses nothing either."""
        self._crowd.gate.open()
        self._crowd.wait_for_answers(BEFORE_THE_STALL)
        deed()
        self._crowd.wait_for_answers(BEFORE_THE_STALL)
        self.stand_still(figures)

    def stand_still(self, figures: Figures) -> None:
        """Until the next time; what was answered is looked for."""
        self._crowd.gate.close()
        figures.findings += judge(self._server.where, self._crowd.world, self._crowd.journals)

    def finish(self, figures: Figures) -> None:
        self._crowd.finish()
        figures.acknowledged += self._crowd.answered
        if self._till:
            charges, wrong = self._till.finish()
            figures.paid += charges.asked
            figures.findings += wrong
        figures.findings += _findings(self._crowd, self._server)


@contextmanager
def stage(url: str, chance: Random, payments: bool = False) -> Iterator[Stage]:
    with TemporaryDirectory(prefix="talktime-failover-") as folder, ExitStack() as ending:
        environment = {"TALKTIME_LOG_LEVEL": "error", "TALKTIME_DATA": folder}
        server = ending.enter_context(serving(url, environment=environment, start=False))
        # The first command makes the tables, which takes longer where each commit waits for a standby.
        operator_key = server.operator_key
        server.start()
        world = World.made(server.url, operator_key)
        till = ending.enter_context(paying(server, world, chance)) if payments else None
        yield Stage(server, world, till, str(chance.random()))


def _stall(crowd: Crowd, site: Site, chance: Random, figures: Figures) -> None:
    """Commits wait for a standby that hears nothing; every other time somebody has them wait no longer."""
    site.link.stall()
    begun = crowd.answered
    time.sleep(chance.uniform(0.5, 1.5))
    if how := chance.choice(["", "", "pg_cancel_backend", "pg_terminate_backend"]):
        for _ in range(3):
            give_up_waiting(site.superuser_url, how)
            time.sleep(0.3)
    figures.answered_in_the_stall += crowd.answered - begun


def _fail_over(crowd: Crowd, site: Site, figures: Figures) -> None:
    site.kill()
    killed = time.monotonic()
    figures.in_doubt += crowd.in_doubt
    site.link.cut(refuse=True)
    site.link.flow()
    site.promote()
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
