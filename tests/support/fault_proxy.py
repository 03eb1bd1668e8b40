"""A bad network in front of an HTTP server: requests and answers are lost, late, doubled or turned into a 500.

with FaultProxy(server.url) as proxy:
    proxy.fault_next([Fault.LOSE_ANSWER, Fault.PASS])   # the first is done, and nobody hears of it; the second is well
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from contextlib import closing
from enum import StrEnum
from http.client import HTTPConnection
from threading import Lock

from tests.support.loopback import Answer, Loopback, Request

OWN_TO_A_CONNECTION = {"connection", "content-length", "transfer-encoding", "host", "date", "server"}


class Fault(StrEnum):
    PASS = "pass"
    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    """The server has acted."""
    FAIL_BEFORE = "fail_before"
    """500, and the server knows of nothing."""
    FAIL_AFTER = "fail_after"
    """500, and the server has acted."""
    DELAY = "delay"
    """The server acts at once, its answer comes too late."""
    DUPLICATE = "duplicate"
    """The server hears it twice, the client hears the second answer."""


class FaultProxy(Loopback):
    def __init__(self, target: str, delay_seconds: float = 2.0) -> None:
        self._target = target.removeprefix("http://")
        self._delay_seconds = delay_seconds
        self._faults: deque[Fault] = deque()
        self._on = ""
        self._lock = Lock()
        super().__init__()

    def fault_next(self, faults: Iterable[Fault | str], on: str = "") -> None:
        """One for each request whose method and path begin with `on`; afterwards everything passes."""
        with self._lock:
            self._faults = deque(map(Fault, faults))
            self._on = on

    @property
    def waiting(self) -> int:
        """Faults that nobody has met."""
        return len(self._faults)

    def answer(self, request: Request) -> Answer | None:
        match self._next(request):
            case Fault.LOSE_REQUEST:
                return None
            case Fault.FAIL_BEFORE:
                return _failure()
            case Fault.LOSE_ANSWER:
                self._asked(request)
                return None
            case Fault.FAIL_AFTER:
                self._asked(request)
                return _failure()
            case Fault.DELAY:
                answer = self._asked(request)
                time.sleep(self._delay_seconds)
                return answer
            case Fault.DUPLICATE:
                self._asked(request)
        return self._asked(request)

    def _next(self, request: Request) -> Fault:
        with self._lock:
            concerned = f"{request.method} {request.path}".startswith(self._on)
            return self._faults.popleft() if self._faults and concerned else Fault.PASS

    def _asked(self, request: Request) -> Answer:
        with closing(HTTPConnection(self._target, timeout=30)) as connection:
            connection.request(request.method, request.path, request.body, _passed_on(request.headers))
            response = connection.getresponse()
            return Answer(response.status, _passed_on(dict(response.getheaders())), response.read())


def _passed_on(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in OWN_TO_A_CONNECTION}


def _failure() -> Answer:
    body = b'{"error": {"type": "api_error", "message": "An unknown error occurred."}}'
    return Answer(500, {"Content-Type": "application/json"}, body)
