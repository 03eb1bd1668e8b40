"""How many bytes the engine and PostgreSQL say to each other, by the trace that the driver's library writes of them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable
from typing import NamedTuple

from talktime.storage.postgres_store import PostgresStore
from talktime.storage.store import Store

MESSAGE = re.compile(rb"([FB])\t(\d+)\t")
KIND_BYTES = 1
"""Which kind of message it is stands before its length and is not part of it."""


class Said(NamedTuple):
    """Bytes of messages, without TCP and TLS."""

    asked: int
    answered: int


def overheard(store: Store, act: Callable[[], object]) -> Said | None:
    """While that is done. None: the database is part of this process."""
    if not isinstance(store, PostgresStore):
        return None
    with tempfile.TemporaryFile() as file:
        with store.traced(file.fileno()):
            act()
        file.seek(0)
        return counted(file)


def counted(lines: Iterable[bytes]) -> Said:
    """A text of several lines goes on in lines that are no messages."""
    said = {b"F": 0, b"B": 0}
    for found in filter(None, map(MESSAGE.match, lines)):
        said[found[1]] += int(found[2]) + KIND_BYTES
    return Said(said[b"F"], said[b"B"])
