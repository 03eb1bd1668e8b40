"""Q3, the fast part. The long one: `python -m tests.failover --rounds 50`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from talktime.storage.verify import reading, verify
from tests.failover.proxy import Proxy, proxied
from tests.failover.rounds import follower, give_up_waiting, lost_without_waiting, new_database, run, url_of_both
from tests.http.shop import Answer, Organization, Shop, good
from tests.support.postgres import Cluster, new_cluster
from tests.support.server import serving

pytestmark = pytest.mark.slow
SECONDS_MAX = 60.0


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
    assert max(figures.back) <= 10


# ------------------------------------------------------------------------------------------------- waits that end


@dataclass
class Pair:
    """A primary whose commits wait for its standby, and a server that knows both."""

    primary: Cluster
    link: Proxy
    shop: Shop
    url: str

    def told_while_waits_are_cut(self, how: str, ask: Callable[[], Answer]) -> Answer:
        """What is answered when each commit that waits for the standby is told not to."""
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(ask)
            deadline, cut = time.monotonic() + SECONDS_MAX, 0
            while not answer.done() and time.monotonic() < deadline:
                cut += give_up_waiting(self.primary.superuser_url(), how)
                time.sleep(0.01)
            # Otherwise nothing was shown.
            assert cut > 0
            return answer.result(SECONDS_MAX)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    keys = str(tmp_path_factory.mktemp("keys"))
    with new_cluster(fsync=False) as primary, proxied(primary.port) as link, follower(primary, link) as standby:
        primary.require_standby(standby.name)
        url = url_of_both(primary, standby, new_database(primary.superuser_url(), "pair"))
        with (
            serving(url, environment={"TALKTIME_DATA": keys}) as server,
            closing(Shop.opened(server.url, server.operator_key)) as shop,
        ):
            yield Pair(primary, link, shop, url)


@pytest.fixture
def org(pair: Pair) -> Iterator[Organization]:
    yield pair.shop.organization("10")
    pair.link.flow()
    database = reading(pair.url, Path())
    try:
        assert verify(database).findings == []
    finally:
        database.close()


def until_done(ask: Callable[[], Answer]) -> Answer:
    deadline = time.monotonic() + SECONDS_MAX
    while (answer := ask()).status == 503 and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


on_both_ways = pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])


@on_both_ways
def test_a_call_is_not_granted_when_the_wait_for_the_standby_was_cut(pair: Pair, org: Organization, how: str) -> None:
    """It is on one disk only, and would be lost with it: asked again, it is not granted from there either."""

    def ask() -> Answer:
        return org.api.post("/v1/calls/authorize", org.call("c1"))

    pair.link.stall()
    assert pair.told_while_waits_are_cut(how, ask).code in ("not_available", "overloaded")
    assert [ask().status for _ in range(3)] == [503] * 3

    pair.link.flow()
    assert until_done(ask).json["decision"] == "granted"
    assert (org.balance()["held"], len(org.rows("/v1/calls"))) == ("0.5", 1)


@on_both_ways
def test_money_is_not_granted_when_the_wait_for_the_standby_was_cut(pair: Pair, org: Organization, how: str) -> None:
    def ask() -> Answer:
        return org.operator.post(f"{org.path}/grants", {"amount": "5"}, headers={"Idempotency-Key": f"grant-{org.id}"})

    pair.link.stall()
    assert pair.told_while_waits_are_cut(how, ask).code == "not_available"

    pair.link.flow()
    assert until_done(ask).status == 201
    assert Decimal(org.balance()["balance"]) == 15


def test_money_that_is_on_one_disk_only_is_not_told_again_as_granted(pair: Pair, org: Organization) -> None:
    """The answer that was kept for the key is as far from the standby as the money."""

    def ask() -> Answer:
        return org.operator.post(f"{org.path}/grants", {"amount": "5"}, headers={"Idempotency-Key": f"grant-{org.id}"})

    pair.link.stall()
    assert pair.told_while_waits_are_cut("pg_cancel_backend", ask).status == 503
    with ThreadPoolExecutor(1) as threads:
        again = threads.submit(ask)
        time.sleep(1)
        assert not again.done()
        pair.link.flow()
        assert again.result(SECONDS_MAX).headers["idempotent-replayed"] == "true"
    assert good(org.api.get("/v1/balance"))["balance"] == "15"
