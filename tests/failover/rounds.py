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

from tests.crash.clients import CLIENTS, Client, Gate, World
from tests.crash.judge import Finding, Wrong, ask_again, judge
from tests.crash.rounds import HarnessError
from tests.failover.proxy import Proxy, proxied
from tests.support.postgres import Cluster, new_cluster
from tests.support.server import Server, serving, talktime

BEFORE_THE_STALL = 60
"""Operations that are answered."""
BACK_SECONDS_MAX = 60.0
AFTERWARDS_SECONDS = 0.5
SELF_CHECK_ROUNDS_MAX = 3


@dataclass(slots=True)
class Figures:
    rounds: int = 0
    operations: int = 0
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
            f"{self.rounds} rounds, {self.operations:,} operations, {self.acknowledged:,} acknowledged, "
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
            fail_over(server, primary, standby, link, chance, figures)
    figures.rounds += 1
    primary.remove()
    return standby


def fail_over(
    server: Server, primary: Cluster, standby: Cluster, link: Proxy, chance: Random, figures: Figures
) -> None:
    gate = Gate(CLIENTS)
    world = World.made(server.url, server.operator_key)
    clients = [Client(number, str(chance.random()), world, [server.url], gate) for number in range(CLIENTS)]
    journals = [client.journal for client in clients]

    def answered() -> int:
        return sum(journal.answered for journal in journals)

    for client in clients:
        client.start()
    gate.open()
    _wait(lambda: answered() >= BEFORE_THE_STALL, "nobody is answered", server)

    link.stall()
    begun = answered()
    time.sleep(chance.uniform(0.5, 1.5))
    # Every other time somebody has the commits wait no longer, in the two ways that there are.
    match chance.choice(["", "", "pg_cancel_backend", "pg_terminate_backend"]):
        case "":
            pass
        case how:
            for _ in range(3):
                give_up_waiting(primary, how)
                time.sleep(0.3)
    figures.answered_in_the_stall += answered() - begun

    primary.kill()
    killed, before = time.monotonic(), answered()
    open_questions = [one for journal in journals for call in journal.calls for one in call.doubtful]
    figures.in_doubt += len(open_questions)
    link.cut(refuse=True)
    link.flow()
    standby.promote()
    _wait(lambda: answered() > before, "nobody is answered after the promotion", server)
    figures.back.append(time.monotonic() - killed)

    time.sleep(AFTERWARDS_SECONDS)
    gate.finishing = True
    for client in clients:
        client.join(BACK_SECONDS_MAX)
        if client.is_alive():
            raise HarnessError(f"{client.name} comes to no end\n{server.log}")
    assert isinstance(server.where, str)
    figures.findings += judge(server.where, world, journals, at_rest=True)
    calls = [call for journal in journals for call in journal.calls]
    figures.findings += ask_again(server.url, world, calls, [one for journal in journals for one in journal.grants])
    checked = talktime("verify", *server.database)
    if checked.returncode:
        figures.findings.append(Finding(Wrong.BROKEN, checked.stdout + checked.stderr))
    figures.acknowledged += answered()
    figures.operations += answered()


def _wait(is_so: Callable[[], bool], what_went_wrong: str, server: Server) -> None:
    deadline = time.monotonic() + BACK_SECONDS_MAX
    while not is_so():
        if time.monotonic() > deadline:
            raise HarnessError(f"{what_went_wrong} in {BACK_SECONDS_MAX} s\n{server.log}")
        time.sleep(0.005)


def lost_without_waiting(seed: int) -> int:
    """The control: how much an asynchronous standby has lost. Nothing would be a fault of the harness."""
    figures = run(SELF_CHECK_ROUNDS_MAX, seed, synchronous=False)
    if not figures.count(Wrong.LOST):
        raise HarnessError(
            f"nothing is lost although nobody waits for the standby: the harness proves nothing\n{figures}"
        )
    return figures.count(Wrong.LOST)
