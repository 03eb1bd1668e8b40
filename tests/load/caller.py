"""A switch with very many calls: what is due is asked when it is due, whether or not there was an answer before.

The waiting of a request counts from the instant at which it was due, also when no connection was free.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from bench.open_loop import TICK_SECONDS
from talktime.capacity.lines import Line, Pool
from tests.load.plan import Plan

PATIENCE_SECONDS = 10.0
SHOWN_MAX = 5
BATCH = 500


@dataclass(frozen=True, slots=True)
class Account:
    """An organization, and who calls in it."""

    id: str
    caller: str


@dataclass(slots=True)
class Call:
    call_id: str
    account: Account
    granted: int = 0
    since: float = 0.0
    is_over: bool = False

    @property
    def named(self) -> dict[str, Any]:
        return {"call_id": self.call_id, "organization": self.account.id}

    def asked(self) -> dict[str, Any]:
        about = {"call_type": "user_out", "user": self.account.caller, "from": "+442079460101", "to": "+442079460123"}
        return self.named | about | {"switch": "edge"}


@dataclass(frozen=True, slots=True)
class Question:
    verb: str
    form: dict[str, Any]
    due: float
    then: Callable[[Any], None]


def seconds() -> array[float]:
    return array("d")


@dataclass(slots=True)
class Heard:
    """In arrays, which the garbage collector does not look through: lists of millions would stop everything for longer
    and longer."""

    waited: defaultdict[str, array[float]] = field(default_factory=lambda: defaultdict(seconds))
    late: array[float] = field(default_factory=seconds)
    """How late this process itself was; it is part of the above."""
    errors: int = 0
    shown: list[str] = field(default_factory=list)
    asked: int = 0

    @property
    def answers(self) -> int:
        return sum(map(len, self.waited.values()))

    def wrong(self, what: str) -> None:
        self.errors += 1
        if len(self.shown) < SHOWN_MAX:
            self.shown.append(what)


class InTurn(Pool):
    """Each connection as often as every other, so that none is closed for being idle."""

    def ask(self, request: bytes, answered: Callable[[bytes], None]) -> None:
        if self._free:
            self._free.pop(0).ask(request, answered)
        else:
            self._waiting.append((request, answered))


class Caller:
    def __init__(self, plan: Plan, url: str, key: str, accounts: Sequence[Account]) -> None:
        self._plan, self._accounts, self._url = plan, accounts, url
        self._pool = InTurn()
        host = urlsplit(url).netloc
        self._head = f"HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        self._numbers = count(1)
        self._in_turn: deque[Call] = deque()
        """Whoever was extended last stands last."""
        self._by_age: deque[Call] = deque()
        self.open_calls: Counter[str] = Counter()
        """Of each organization."""
        self.heard = Heard()

    async def run(self, each_second: Callable[[], None]) -> None:
        at, loop = urlsplit(self._url), asyncio.get_running_loop()
        assert at.hostname and at.port
        asked = [
            await loop.create_connection(lambda: Line(self._pool), at.hostname, at.port)
            for _ in range(self._plan.connections)
        ]
        await self._fill()
        await self._load(each_second)
        await self._patience()
        for transport, _ in asked:
            transport.close()
        # Only then are they really closed.
        await asyncio.sleep(0.1)

    # ---------------------------------------------------------------- before anybody measures

    async def _fill(self) -> None:
        for first in range(0, self._plan.calls, BATCH):
            calls = [self._new() for _ in range(min(BATCH, self._plan.calls - first))]
            begun = [{"op": "authorize"} | call.asked() for call in calls]
            told = await self._batch(begun + [{"op": "answered"} | call.named for call in calls])
            for call, answer in zip(calls, told, strict=False):
                self._begin(call, answer["body"])
        random.shuffle(self._in_turn)

    async def _batch(self, operations: list[dict[str, Any]]) -> list[Any]:
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pool.ask(self._post("batch", {"operations": operations}), answered.set_result)
        return list(_body(await answered)["answers"])

    # ---------------------------------------------------------------- under load

    async def _load(self, each_second: Callable[[], None]) -> None:
        kinds = {
            self._extend: self._plan.extends_per_second,
            self._start: self._plan.starts_per_second,
            self._end: self._plan.starts_per_second,
        }
        began = time.perf_counter()
        due = {kind: began + random.expovariate(rate) for kind, rate in kinds.items()}
        end, second = began + self._plan.seconds, began
        while (now := time.perf_counter()) < end:
            for kind, rate in kinds.items():
                while due[kind] < now:
                    self.heard.late.append(time.perf_counter() - due[kind])
                    kind(due[kind])
                    due[kind] += random.expovariate(rate)
            if now > second:
                each_second()
                second += 1
            await asyncio.sleep(TICK_SECONDS)

    async def _patience(self) -> None:
        until = time.perf_counter() + PATIENCE_SECONDS
        while self.heard.answers < self.heard.asked and time.perf_counter() < until:
            await asyncio.sleep(0.01)
        for _ in range(self.heard.asked - self.heard.answers):
            self.heard.wrong("no answer")

    def _start(self, due: float) -> None:
        call = self._new()

        def granted(answer: Any) -> None:
            if self._begin(call, answer):
                self._ask("answered", call.named, time.perf_counter(), lambda answer: None)

        self._ask("authorize", call.asked(), due, granted)

    def _begin(self, call: Call, answer: Any) -> bool:
        if answer.get("decision") != "granted":
            self.heard.wrong(f"authorize: {answer}")
            return False
        call.granted, call.since = answer["granted_seconds"], time.perf_counter()
        self._in_turn.append(call)
        self._by_age.append(call)
        self.open_calls[call.account.id] += 1
        return True

    def _extend(self, due: float) -> None:
        while self._in_turn and self._in_turn[0].is_over:
            self._in_turn.popleft()
        if not self._in_turn:
            return
        call = self._in_turn.popleft()

        def extended(answer: Any) -> None:
            if not call.is_over and answer["granted_seconds"] <= call.granted:
                self.heard.wrong(f"extend: {answer}")
            call.granted = answer["granted_seconds"]
            self._in_turn.append(call)

        self._ask("extend", call.named | {"granted_seconds": call.granted}, due, extended)

    def _end(self, due: float) -> None:
        """Of the longest call."""
        if not self._by_age:
            return
        call = self._by_age.popleft()
        call.is_over = True
        self.open_calls[call.account.id] -= 1
        seconds = min(int(time.perf_counter() - call.since) + 1, call.granted)

        def settled(answer: Any) -> None:
            if answer["shortfall"] != "0" or answer["billed_seconds"] < seconds:
                self.heard.wrong(f"settle: {answer}")

        self._ask("settle", call.named | {"duration_seconds": seconds}, due, settled)

    def _ask(self, verb: str, form: dict[str, Any], due: float, then: Callable[[Any], None]) -> None:
        self.heard.asked += 1
        self._send(Question(verb, form, due, then))

    def _send(self, asked: Question) -> None:
        self._pool.ask(self._post(asked.verb, asked.form), lambda answer: self._hear(asked, answer))

    def _hear(self, asked: Question, answer: bytes) -> None:
        self.heard.waited[asked.verb].append(time.perf_counter() - asked.due)
        if answer.startswith(b"HTTP/1.1 200"):
            asked.then(_body(answer))
        else:
            self.heard.wrong(f"{asked.verb}: {answer[:300]!r}")

    def _new(self) -> Call:
        number = next(self._numbers)
        return Call(f"load-{number}", self._accounts[number % len(self._accounts)])

    def _post(self, verb: str, form: dict[str, Any]) -> bytes:
        body = json.dumps(form)
        return f"POST /v1/calls/{verb} {self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _body(answer: bytes) -> Any:
    return json.loads(answer.partition(b"\r\n\r\n")[2])
