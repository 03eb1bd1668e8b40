"""Q3, the fast part. The long one: `python -m tests.failover --rounds 50`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from talktime.storage.verify import reading, verify
from tests.crash.judge import Wrong
from tests.failover.proxy import Proxy, proxied
from tests.failover.rounds import follower, give_up_waiting, lost_without_waiting, new_database, run, url_of_both
from tests.http.shop import Answer, Organization, Shop, good
from tests.support.postgres import Cluster, new_cluster
from tests.support.server import Server, serving

pytestmark = pytest.mark.slow
SECONDS_MAX = 30.0


def test_a_failover_loses_nothing_that_was_answered() -> None:
    figures = run(2, seed=2024)
    print(figures)
    assert [str(finding) for finding in figures.findings] == []
    assert figures.rounds == 2
    # A failover that surprises nobody would lose nothing either.
    assert figures.in_doubt > 0
    assert figures.acknowledged > 100


def test_a_failover_to_a_standby_that_nobody_waited_for_is_caught() -> None:
    assert lost_without_waiting(seed=1) > 0


@pytest.mark.prove
def test_fifty_failovers_lose_nothing() -> None:
    figures = run(50, seed=1)
    print(figures)
    assert figures.findings == []
    assert figures.count(Wrong.LOST) == 0
    assert max(figures.back) <= 10


# ------------------------------------------------------------------------------------------------- waits that are cut


@dataclass
class Pair:
    """A primary whose commits wait for its standby, and a server that knows both."""

    primary: Cluster
    standby: Cluster
    link: Proxy
    server: Server
    org: Organization

    def waiting(self, ask: Callable[[], Answer]) -> Future[Answer]:
        """Asks in a thread of its own, until its commit waits for the standby."""
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(ask)
            deadline = time.monotonic() + SECONDS_MAX
            while not self.commits_wait():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            self.give_up()
        return answer

    def commits_wait(self) -> bool:
        return False

    def give_up(self) -> None:
        give_up_waiting(self.primary)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with new_cluster(fsync=False) as primary, proxied(primary.port) as link, follower(primary, link) as standby:
        primary.require_standby(standby.name)
        url = url_of_both(primary, standby, new_database(primary, "pair"))
        with serving(url, environment={"TALKTIME_DATA": str(tmp_path)}) as server:
            shop = Shop.opened(server.url, server.operator_key)
            yield Pair(primary, standby, link, server, shop.organization("10"))
            link.flow()
