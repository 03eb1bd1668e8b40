"""Callers for a measurement: each call is authorized, answered and settled, as a switch does it.

`closed` asks as soon as there is an answer, and so finds what the server can do at most; `opened` begins calls when
they begin, and counts the waiting of each from that instant.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from talktime.capacity.lines import Line, Pool

REQUESTS_A_CALL = 3
TALKED_SECONDS = 60
PAUSE_SECONDS = 0.3
"""Between the steps of a call that is not in a hurry, in the mean."""
TICK_SECONDS = 0.001
PATIENCE_SECONDS = 60.0
REST_SECONDS = 0.5, 2.0
"""Of whoever was told that there is no time for him: less would keep a slow machine from ever having some."""


class World(NamedTuple):
    """Whom the server serves while it is measured."""

    key: str
    accounts: Sequence[tuple[str, str]]
    """Organization, and who calls in it."""


@dataclass(slots=True)
class Heard:
    calls: int = 0
    """That came to their end."""
    requests: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    seconds: float = 0.0
    waited: list[float] = field(default_factory=list)
    """Each authorize, until its answer."""
    turned_away: int = 0
    """Were told that there is no time for them."""
    failed: list[bytes] = field(default_factory=list)

    @property
    def calls_per_second(self) -> float:
        return self.calls / self.seconds


@dataclass(slots=True)
class Call:
    steps: deque[tuple[str, bytes]]
    due: float
    pause_seconds: float
    over: Callable[[], None]


class Callers:
    def __init__(self, pool: Pool, url: str, world: World) -> None:
        self.pool, self._world = pool, world
        self._head = (
            f"Host: {urlsplit(url).netloc}\r\nAuthorization: Bearer {world.key}\r\nContent-Type: application/json\r\n"
        )
        self.heard = Heard()

    def begin(self, due: float, pause_seconds: float, over: Callable[[], None]) -> None:
        organization, user = random.choice(self._world.accounts)
        about = f'"call_id":"{random.getrandbits(96):024x}","organization":"{organization}"'
        to = f"+4420{random.randrange(10**7, 10**8)}"
        asked = f'"call_type":"user_out","user":"{user}","from":"+442079460101","to":"{to}","switch":"edge"'
        steps = (
            ("authorize", f"{{{about},{asked}}}"),
            ("answered", f"{{{about}}}"),
            ("settle", f'{{{about},"duration_seconds":{TALKED_SECONDS}}}'),
        )
        made = deque((verb, self._post(verb, body)) for verb, body in steps)
        self._step(Call(made, due, pause_seconds, over))

    def _step(self, call: Call) -> None:
        verb, request = call.steps.popleft()

        def answered(answer: bytes) -> None:
            self.heard.requests += 1
            self.heard.received_bytes += len(answer)
            if verb == "authorize":
                self.heard.waited.append(time.perf_counter() - call.due)
            self._go_on(call, verb, answer)

        self.heard.sent_bytes += len(request)
        self.pool.ask(request, answered)

    def _go_on(self, call: Call, verb: str, answer: bytes) -> None:
        is_well = answer.startswith(b"HTTP/1.1 200") and (verb != "authorize" or b'"decision":"granted"' in answer)
        if answer.startswith(b"HTTP/1.1 503"):
            self.heard.turned_away += 1
            asyncio.get_running_loop().call_later(random.uniform(*REST_SECONDS), call.over)
            return
        if not is_well:
            self.heard.failed.append(answer)
        if not (is_well and call.steps):
            self.heard.calls += is_well
            call.over()
        elif call.pause_seconds:
            pause = random.expovariate(1 / call.pause_seconds)
            asyncio.get_running_loop().call_later(pause, self._step, call)
        else:
            self._step(call)

    def _post(self, verb: str, body: str) -> bytes:
        return f"POST /v1/calls/{verb} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def closed(url: str, world: World, connections: int, seconds: float) -> Heard:
    """As many callers as connections; nobody waits for anything but answers. At least one call comes to its end."""
    callers = Callers(Pool(), url, world)
    lines = await _connected(callers, url, connections)
    began = time.perf_counter()
    end, busy = began + seconds, set(range(connections))

    def next_call(caller: int) -> None:
        busy.discard(caller)
        if (now := time.perf_counter()) < end or not callers.heard.calls:
            busy.add(caller)
            callers.begin(now, 0, lambda: next_call(caller))

    for caller in range(connections):
        next_call(caller)
    await _until(lambda: not busy, seconds + PATIENCE_SECONDS)
    callers.heard.seconds = time.perf_counter() - began
    return await _ended(callers, lines)


async def opened(url: str, world: World, connections: int, calls_per_second: float, seconds: float) -> Heard:
    """Calls begin by chance, so many a second, whether or not there are answers."""
    callers = Callers(Pool(), url, world)
    lines = await _connected(callers, url, connections)
    began = time.perf_counter()
    due, begun, over = began + random.expovariate(calls_per_second), 0, 0

    def ended() -> None:
        nonlocal over
        over += 1

    while due < began + seconds or not begun:
        await asyncio.sleep(TICK_SECONDS)
        while due < time.perf_counter():
            callers.begin(due, PAUSE_SECONDS, ended)
            begun += 1
            due += random.expovariate(calls_per_second)
    await _until(lambda: over >= begun, PATIENCE_SECONDS)
    callers.heard.seconds = seconds
    return await _ended(callers, lines)


async def _connected(callers: Callers, url: str, connections: int) -> list[Line]:
    at, pool = urlsplit(url), callers.pool
    assert at.hostname and at.port
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Line(pool), at.hostname, at.port) for _ in range(connections)]
    return [line for _, line in made]


async def _until(is_so: Callable[[], bool], seconds: float) -> None:
    end = time.perf_counter() + seconds
    while not is_so() and time.perf_counter() < end:
        await asyncio.sleep(0.005)


async def _ended(callers: Callers, lines: Sequence[Line]) -> Heard:
    for line in lines:
        line.close()
    # Only then are they really closed.
    await asyncio.sleep(0.05)
    return callers.heard
