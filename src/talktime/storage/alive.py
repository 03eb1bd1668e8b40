"""A database that is gone without a word is noticed within seconds, and one that only works for long is waited for."""

from __future__ import annotations

import socket
from struct import pack
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

R = TypeVar("R")
# What was sent and is acknowledged by nobody for ten seconds, and silence that three questions do not end, end a
# connection. The address may say otherwise.
KEPT_ALIVE: dict[str, Any] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
SILENCE_SECONDS = 5.0
"""So long a statement may say nothing before somebody looks whether its server is still there."""
LOOK_SECONDS = 5.0
TLS_WANTED = pack(">ii", 8, 80877103)
"""The one question that PostgreSQL and poolers answer to anybody, with one byte. Where they speak TLS, their log then
tells of somebody who has left before."""


def kept_alive(url: str) -> str:
    return make_conninfo(**(KEPT_ALIVE | conninfo_to_dict(url)))


class Attentive(psycopg.Connection):
    """Waits for a statement as long as it takes, while there is somebody who works on it. The network cannot tell:
    a machine whose disk hangs, or whatever stands in between, goes on to acknowledge what arrives."""

    def wait(self, gen: PQGen[R], interval: float = 0.1, timeout: float | None = None) -> R:
        return super().wait(self._attended(gen), interval, timeout)

    def _attended(self, steps: PQGen[R]) -> PQGen[R]:
        heard = monotonic()
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if ready:
                    heard = monotonic()
                elif monotonic() - heard >= SILENCE_SECONDS:
                    self._must_be_there()
                    heard = monotonic()
                wanted = steps.send(ready)
        except StopIteration as end:
            result: R = end.value
            return result

    def _must_be_there(self) -> None:
        if not answers(self.info.hostaddr or self.info.host, self.info.port):
            self.close()
            raise psycopg.OperationalError("the database does not answer")


def answers(host: str, port: int) -> bool:
    """Whether somebody new would be heard there. For who dies on this machine the kernel says goodbye."""
    if host.startswith("/"):
        return True
    try:
        with socket.create_connection((host, port), LOOK_SECONDS) as link:
            link.sendall(TLS_WANTED)
            return link.recv(1) != b""
    except OSError:
        return False
