"""The connection of the engine, one floor below the driver's cursors."""

from __future__ import annotations

from contextlib import closing

import pytest

from talktime.storage.wire import TEXT, Statement, Wire
from tests.support.postgres import Cluster

MIB = 1 << 20


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
