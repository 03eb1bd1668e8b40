"""Connections to a server for whoever measures it: as bare as can be, so that the server is measured and not they."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

Answered = Callable[[bytes], None]


class Line(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._received = b""
        self._answered: Answered | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._pool.free(self)

    def ask(self, request: bytes, answered: Answered) -> None:
        self._answered = answered
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            return
        answered, whole = self._answered, self._received
        self._received, self._answered = b"", None
        assert answered is not None
        answered(whole)
        self._pool.free(self)

    def close(self) -> None:
        self._transport.close()


class Pool:
    """Requests wait here, in order, while no connection is free."""

    def __init__(self) -> None:
        self._free: list[Line] = []
        self._waiting: deque[tuple[bytes, Answered]] = deque()

    def ask(self, request: bytes, answered: Answered) -> None:
        if self._free:
            self._free.pop().ask(request, answered)
        else:
            self._waiting.append((request, answered))

    def free(self, line: Line) -> None:
        if self._waiting:
            line.ask(*self._waiting.popleft())
        else:
            self._free.append(line)
