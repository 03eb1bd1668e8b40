"""Who is gone without a word is not waited for; who only works for long is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from talktime.storage import alive
from talktime.storage.alive import answers, kept_alive
from talktime.storage.database import PostgresDatabase
from talktime.storage.errors import StoreUnavailable
from tests.support.postgres import Cluster
from tests.support.proxy import Proxy

ONE = text("SELECT 1")


@pytest.fixture
def proxy(postgres: Cluster) -> Iterator[Proxy]:
    with Proxy(postgres.front) as made:
        yield made


def through(proxy: Proxy, postgres: Cluster) -> PostgresDatabase:
    name = postgres.fresh_database().rpartition("/")[2]
    return PostgresDatabase(f"postgresql://talktime@127.0.0.1:{proxy.port}/{name}")


def test_a_database_that_falls_silent_in_the_middle_is_given_up_and_used_again_when_it_is_back(
    proxy: Proxy, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(through(proxy, postgres)) as database:
        with monkeypatch.context() as short, pytest.raises(StoreUnavailable), database.writing(1) as tx:
            tx.execute(ONE)
            short.setattr(alive, "SILENCE_SECONDS", 0.2)
            short.setattr(alive, "LOOK_SECONDS", 0.2)
            proxy.silent = True
            tx.execute(ONE)
        proxy.heal()
        assert database.read(1, lambda tx: tx.scalar(ONE)) == 1


def test_a_statement_that_takes_long_is_waited_for(
    proxy: Proxy, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []

    def looks(host: str, port: int) -> bool:
        looked.append(answers(host, port))
        return looked[-1]

    monkeypatch.setattr(alive, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(alive, "answers", looks)
    with closing(through(proxy, postgres)) as database:
        database.read(1, lambda tx: tx.execute(text("SELECT pg_sleep(1)")))
    assert looked
    assert all(looked)


def test_who_is_not_there_does_not_answer(postgres: Cluster) -> None:
    assert answers("127.0.0.1", postgres.port)
    assert not answers("127.0.0.1", 1)


def test_the_address_may_say_otherwise() -> None:
    told = conninfo_to_dict(kept_alive("postgresql://talktime@a.example.com,b.example.com/talktime?keepalives_idle=60"))
    assert (told["host"], told["keepalives_idle"], told["tcp_user_timeout"]) == (
        "a.example.com,b.example.com",
        "60",
        "10000",
    )
