"""Calls that begin when they begin: `python -m bench.open_loop URL KEY ORGANIZATIONS CYCLES_PER_SECOND SECONDS`.

Every authorize has an instant at which it is due, drawn beforehand; its waiting counts from there, also when no
connection was free or this process was late. What was granted is settled at once.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import uvloop

from talktime.capacity.lines import Line, Pool

CONNECTIONS = 200
TICK_SECONDS = 0.001
PATIENCE_SECONDS = 5.0


class Calls:
    def __init__(self, pool: Pool, host: str, key: str, organizations: int) -> None:
        self._pool = pool
        self._head = f"HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        self._organizations = organizations
        self.waited: list[float] = []
        self.late: list[float] = []
        self.settled = 0
        self.overloaded = 0
        """Were answered 503."""
        self.failed: list[bytes] = []

    def begin(self, due: float) -> None:
        org_id = random.randint(1, self._organizations)
        call_id = f"{org_id}.{random.getrandbits(96):024x}"
        about = f'"call_id":"{call_id}","organization":"org_{org_id:x}"'
        to = random.randrange(10**7, 10**8)
        body = f'{{{about},"call_type":"user_out","user":"+1202{org_id:07}","from":"+12025550101","to":"+4420{to}"'

        def granted(answer: bytes) -> None:
            self.waited.append(time.perf_counter() - due)
            if self._is_well(answer, b'"decision":"granted"'):
                self._pool.ask(self._post("settle", f'{{{about},"duration_seconds":60}}'), self._ended)

        self.late.append(time.perf_counter() - due)
        self._pool.ask(self._post("authorize", f'{body},"switch":"sbc-1"}}'), granted)

    def _ended(self, answer: bytes) -> None:
        self.settled += self._is_well(answer, b'"billed_seconds":60')

    def _is_well(self, answer: bytes, wanted: bytes) -> bool:
        is_well = answer.startswith(b"HTTP/1.1 200") and wanted in answer
        if answer.startswith(b"HTTP/1.1 503"):
            self.overloaded += 1
        elif not is_well:
            self.failed.append(answer)
        return is_well

    def _post(self, verb: str, body: str) -> bytes:
        return f"POST /v1/calls/{verb} {self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def run(url: str, key: str, organizations: int, rate: float, seconds: float) -> Calls:
    at, pool = urlsplit(url), Pool()
    assert at.hostname and at.port
    loop = asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Line(pool), at.hostname, at.port)
    calls = Calls(pool, at.netloc, key, organizations)
    began = time.perf_counter()
    due = began + random.expovariate(rate)
    begun = 0
    while due < began + seconds:
        await asyncio.sleep(TICK_SECONDS)
        while due < time.perf_counter():
            calls.begin(due)
            begun += 1
            due += random.expovariate(rate)
    patience = time.perf_counter() + PATIENCE_SECONDS
    while calls.settled + calls.overloaded + len(calls.failed) < begun and time.perf_counter() < patience:
        await asyncio.sleep(0.01)
    return calls


def percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[int(len(values) * part)] * 1e3 if values else 0.0


def main() -> None:
    url, key = sys.argv[1:3]
    calls = uvloop.run(run(url, key, int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
    if calls.failed:
        sys.exit(f"{len(calls.failed)} requests failed, such as {calls.failed[0]!r}")
    unanswered = len(calls.late) - calls.settled - calls.overloaded
    figures = percentile(calls.waited, 0.5), percentile(calls.waited, 0.99), percentile(calls.late, 0.99)
    print(json.dumps([calls.settled, *figures, calls.overloaded, unanswered]))


if __name__ == "__main__":
    main()
