"""What happens when PostgreSQL cannot be written, or nobody knows whether it was (Q9): nothing is granted, nothing is
done by halves, and who asks again with the same ids gets one effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from talktime.charging.engine import Engine, Shelf
from talktime.core.calls import Answer
from talktime.storage import postgres_store, wire
from talktime.storage.database import Database, PostgresDatabase
from talktime.storage.errors import StoreUnavailable
from talktime.storage.postgres_statements import PLANS, Statements
from talktime.storage.postgres_store import PostgresStore
from tests.storage.conftest import Maker
from tests.storage.fault_work import (
    ORGS,
    Wanted,
    asked,
    before,
    done,
    effect,
    granted,
    larger,
    said,
    work,
    wrong,
    wrong_at_once,
)
from tests.storage.shop import PRICES, Shop
from tests.support.postgres import Cluster, new_cluster
from tests.support.proxy import Cut, Proxy

COMMIT = (b"COMMIT\0", Statements(everywhere=False).commit.name)


# ---------------------------------------------------------------- PostgreSQL: the connection is cut


@pytest.fixture
def proxy(postgres_shop: Shop) -> Iterator[Proxy]:
    with Proxy(port_of(postgres_shop.database.url)) as found:
        yield found


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


@contextmanager
def through(shop: Shop, proxy: Proxy) -> Iterator[Shop]:
    """Another engine, on a new connection through the proxy; we ourselves look at the database without it."""
    url = shop.database.url
    store = PostgresStore(url.replace(f":{port_of(url)}/", f":{proxy.port}/"), lanes=1)
    try:
        yield Shop(shop.database, store)
    finally:
        proxy.heal()
        store.close()


BIG = 1 << 30
POINTS = (0.02, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.999)


@pytest.mark.parametrize("stays", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("way", ["asked", "told"])
def test_wherever_the_connection_is_cut_nothing_is_done_by_halves(
    postgres_shop: Shop, proxy: Proxy, wanted: Wanted, way: str, stays: bool
) -> None:
    """From the first byte of a new connection to the last of the answer to COMMIT; another organization each time."""
    org_ids = range(10, 11 + len(POINTS))
    before(postgres_shop, org_ids)
    proxy.cut = measure = Cut(asked=BIG, told=BIG)
    with through(postgres_shop, proxy) as shop:
        assert granted(asked(shop, org_ids[:1]))
        assert measure.asked and measure.told
        length = BIG - (measure.asked if way == "asked" else measure.told)

    seen = set()
    for org_id, point in zip(org_ids[1:], POINTS, strict=True):
        with through(postgres_shop, proxy) as shop:
            at = int(length * point)
            proxy.cut = Cut(asked=at, stays=stays) if way == "asked" else Cut(told=at, stays=stays)
            answers = asked(shop, [org_id])
            proxy.heal()
            seen.add((granted(answers), done(postgres_shop, wanted, [org_id])))
            assert wrong_at_once(shop, wanted, [org_id]) == [], f"{way}: {at} of {length}"
    assert proxy.cuts == len(POINTS)
    if not stays:
        # The engine asks again by itself.
        assert seen == {(True, True)}
    else:
        # Nothing is granted; an answer that is lost may be the one to COMMIT.
        assert seen == ({(False, False)} if way == "asked" else {(False, False), (False, True)})
    assert postgres_shop.problems() == []


@pytest.mark.parametrize("stays", [False, True], ids=["once", "for good"])
def test_a_commit_whose_answer_is_lost_happens_once(
    postgres_shop: Shop, proxy: Proxy, wanted: Wanted, stays: bool
) -> None:
    before(postgres_shop)
    with through(postgres_shop, proxy) as shop:
        shop.engine.run([shop.phone(9).authorization("nobody")])
        proxy.cut = Cut(after=COMMIT, stays=stays)
        answers = asked(shop)
        assert proxy.cuts == 1
        assert done(postgres_shop, wanted)
        # Who cannot ask what became of it says nothing.
        assert said(answers) == ([] if stays else wanted.answers * len(ORGS))
        proxy.heal()
        assert wrong(shop, wanted) == []


def test_a_connection_that_goes_silent_is_given_up(
    postgres_shop: Shop, proxy: Proxy, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 16: the deadline is ours. A machine that has lost its power says no goodbye."""
    monkeypatch.setattr(wire, "SILENCE_SECONDS", 0.2)
    before(postgres_shop)
    with through(postgres_shop, proxy) as shop:
        shop.engine.run([shop.phone(9).authorization("nobody")])
        proxy.silent = True
        answers: list[Sequence[Answer]] = []
        asking = Thread(target=lambda: answers.append(asked(shop)))
        asking.start()
        # A new connection is waited for as long as for any other.
        asking.join(12)
        given_up = not asking.is_alive()
        proxy.heal()
        asking.join()
        assert given_up
        assert answers == [[]]
        assert wrong(shop, wanted) == []


def test_a_connection_that_died_while_nothing_was_asked_is_replaced(postgres_shop: Shop, wanted: Wanted) -> None:
    before(postgres_shop)
    _end_all(postgres_shop.database)
    assert granted(asked(postgres_shop))
    assert wrong(postgres_shop, wanted) == []


def _end_all(database: Database) -> None:
    query = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'talktime-engine' AND datname = current_database()"""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(query)
    time.sleep(0.1)


def test_a_step_of_people_whose_commit_is_cut_says_so_and_is_there_whole(postgres_shop: Shop, proxy: Proxy) -> None:
    postgres_shop.open(1)
    url = postgres_shop.database.url
    people = PostgresDatabase(url.replace(f":{port_of(url)}/", f":{proxy.port}/"))
    people.read(1, lambda tx: tx.execute(text("SELECT 1")))
    proxy.cut = Cut(after=COMMIT)
    with pytest.raises(StoreUnavailable):
        people.write(1, larger)
    assert proxy.cuts == 1
    people.close()
    assert len(effect(postgres_shop, 1)["lots"]) == 6
    assert postgres_shop.problems() == []


# ---------------------------------------------------------------- PostgreSQL: the server says no, or nothing


@contextmanager
def slow_commits(url: str, body: str) -> Iterator[None]:
    """What a trigger on new entries does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"
            "CREATE TRIGGER trouble BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION trouble()".encode()
        )
        yield
        connection.execute("DROP TRIGGER trouble ON entries")


@pytest.mark.parametrize("state", ["53100", "53200", "57P01", "58030", "XX001"])
def test_a_server_without_room_or_in_trouble_grants_nothing(postgres_shop: Shop, wanted: Wanted, state: str) -> None:
    before(postgres_shop)
    with slow_commits(postgres_shop.database.url, f"RAISE EXCEPTION 'no room' USING ERRCODE = '{state}';"):
        with pytest.raises(StoreUnavailable, match="no room"):
            postgres_shop.engine.run(work(postgres_shop))
        assert done(postgres_shop, wanted) is False
    assert wrong(postgres_shop, wanted) == []


def test_while_an_account_is_locked_for_long_nothing_of_it_is_granted(
    postgres_shop: Shop, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    before(postgres_shop)
    monkeypatch.setattr(postgres_store, "PLANS", PLANS.replace("lock_timeout=2000", "lock_timeout=50"))
    store = PostgresStore(postgres_shop.database.url)
    postgres_shop.engine = Engine(store, Shelf(lambda: PRICES))
    with psycopg.connect(postgres_shop.database.url) as other:
        other.execute("SET LOCAL app.orgs = '1'")
        other.execute("SELECT 1 FROM accounts WHERE org_id = 1 FOR UPDATE")
        answers = asked(postgres_shop)
        assert len(answers) == 18
        assert not granted(answers[:6])
        # The others had nothing to do with it.
        assert [granted(answers[6:12]), granted(answers[12:])] == [True, True]
        other.rollback()
    assert done(postgres_shop, wanted, [1]) is False
    assert done(postgres_shop, wanted, [2, 3]) is True
    assert postgres_shop.problems() == []
    postgres_shop.engine.run(work(postgres_shop))
    assert wrong(postgres_shop, wanted) == []
    store.close()


# ---------------------------------------------------------------- PostgreSQL: the server goes away


@pytest.fixture(scope="module")
def mortal() -> Iterator[Cluster]:
    """One that may be stopped."""
    with new_cluster(fsync=False) as cluster:
        yield cluster


@pytest.fixture
def mortal_shop(mortal: Cluster, tmp_path: Path) -> Iterator[Shop]:
    with Maker(tmp_path, lambda: mortal).shop_on("postgresql", tmp_path) as shop:
        before(shop)
        yield shop


class Interrupted(PostgresStore):
    """Something happens while a batch is written."""

    happens: Callable[[], None] | None = None

    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[Any]:
        with super().transaction(org_ids, locked) as tx:
            yield tx
            if self.happens:
                self.happens()
                self.happens = None


def test_a_server_that_stops_in_the_middle_of_a_batch_has_done_nothing_of_it(
    mortal: Cluster, mortal_shop: Shop, wanted: Wanted
) -> None:
    store = Interrupted(mortal_shop.database.url)
    mortal_shop.engine = Engine(store, Shelf(lambda: PRICES))
    store.happens = lambda: mortal.stop(immediate=True)
    assert asked(mortal_shop) == []
    with pytest.raises(StoreUnavailable):
        mortal_shop.database.write(1, larger)
    mortal.start()
    assert done(mortal_shop, wanted) is False
    assert wrong(mortal_shop, wanted) == []
    store.close()


def test_a_commit_whose_wait_for_a_standby_is_cancelled_is_no_success(
    mortal: Cluster, mortal_shop: Shop, wanted: Wanted
) -> None:
    """PostgreSQL says COMMIT, and in a warning that no standby has it."""
    with psycopg.connect(mortal.superuser_url(), autocommit=True) as other:
        other.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        other.execute("SELECT pg_reload_conf()")
        answers: list[Sequence[Answer]] = []
        asking = Thread(target=lambda: answers.append(asked(mortal_shop)))
        asking.start()
        # Each time that it asks, the engine waits for the standby; each time somebody has no patience.
        while asking.is_alive():
            other.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            asking.join(0.02)
        other.execute("ALTER SYSTEM RESET synchronous_standby_names")
        other.execute("SELECT pg_reload_conf()")
    assert answers == [[]]
    assert wrong(mortal_shop, wanted) == []
