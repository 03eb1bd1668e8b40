"""The connection of the engine, one floor below the driver's cursors."""

from __future__ import annotations

from contextlib import closing

from talktime.storage.wire import TEXT, Statement, Wire
from tests.support.postgres import Cluster

MIB = 1 << 20


def test_what_is_more_than_the_socket_takes_at_once_is_sent_and_answered(postgres: Cluster) -> None:
    """Both ways at the same time: the database answers the first while the last are still on their way."""
    url = postgres.fresh_database()
    echo = Statement("SELECT $1::text", [TEXT], rows=True)
    with closing(Wire(url)) as wire:
        for letter in b"abcdefgh":
            wire.send(echo, bytes([letter]) * 4 * MIB)
        answers = wire.answers()
    assert [(rows[0][0][0], len(rows[0][0])) for rows in answers] == [(letter, 4 * MIB) for letter in "abcdefgh"]
    postgres.drop_database(url)
