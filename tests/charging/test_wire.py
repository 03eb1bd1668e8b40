"""The connection of the engine, one floor below the driver's cursors."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from talktime.storage.database import SqliteDatabase
from talktime.storage.overheard import counted, overheard
from talktime.storage.postgres_store import PostgresStore
from talktime.storage.sqlite_store import SqliteStore
from talktime.storage.wire import TEXT, Statement, Wire
from tests.support.postgres import Cluster

MIB = 1 << 20
LENGTH_OF = Statement("SELECT length($1)", [TEXT], rows=True)


@pytest.mark.parametrize(("query", "answer"), [("length($1)", 4 * MIB), ("$1::text", "x" * 4 * MIB)])
def test_what_is_more_than_the_socket_takes_at_once_is_sent_and_answered(
    postgres: Cluster, query: str, answer: object
) -> None:
    """Though the database says nothing before it has heard all, or says as much at the same time."""
    url = postgres.fresh_database()
    statement = Statement(f"SELECT {query}", [TEXT], rows=True)
    with closing(Wire(url)) as wire:
        for _ in range(8):
            wire.send(statement, b"x" * 4 * MIB)
        answers = wire.answers()
    assert answers == [[(answer,)]] * 8
    postgres.drop_database(url)


def test_what_a_connection_carries_is_counted_both_ways(postgres: Cluster) -> None:
    url = postgres.fresh_database()
    with closing(PostgresStore(url, lanes=2)) as store:
        little = overheard(store, lambda: say(store, b"x"))
        again = overheard(store, lambda: say(store, b"x"))
        much = overheard(store, lambda: say(store, b"x" * MIB))
    assert little and again and much
    # A text that was parsed on both connections is not sent once more.
    assert again.asked < little.asked
    assert much.asked - again.asked == 2 * (MIB - 1)
    assert much.answered == again.answered > 0
    postgres.drop_database(url)


def say(store: PostgresStore, value: bytes) -> None:
    """On one connection after the other."""
    for _ in range(store.lanes):
        with store.transaction([1], locked=False) as tx:
            tx._wire.send(LENGTH_OF, value)


def test_lines_of_a_text_are_no_messages_of_their_own() -> None:
    trace = [b'F\t31\tParse\t "" "select 1\n', b', 2" 0\n', b"F\t4\tSync\n", b"B\t5\tReadyForQuery\t I\n", b"\n"]
    assert counted(trace) == (31 + 1 + 4 + 1, 5 + 1)


def test_a_database_in_the_same_process_says_nothing(tmp_path: Path) -> None:
    with closing(SqliteDatabase(tmp_path / "talktime.db")) as database, closing(SqliteStore(database)) as store:
        assert overheard(store, lambda: None) is None
