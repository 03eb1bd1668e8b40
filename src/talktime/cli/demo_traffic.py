"""A switch with callers, for the demonstration: everything goes through the real HTTP API."""

from __future__ import annotations

import heapq
import http.client
import json
from collections import Counter
from collections.abc import Callable
from itertools import count
from random import Random
from threading import Event
from time import monotonic
from typing import Any

from talktime.cli.demo_office import BRIDGE, CALLED, FREEPHONE, Office

SHORT_SECONDS, LONG_SECONDS, RINGING_SECONDS = (3, 45), (70, 240), (2, 6)
RINGS_SECONDS = 1.5
UNKNOWN_DESTINATION = "+2101234567"
"""No country has this code, so there is no price and calls to it are refused."""


class Switch:
    """Asks before each call, asks again while it lasts, and says when it is over."""

    def __init__(self, address: str, office: Office, seed: int = 1) -> None:
        self._host = address.removeprefix("http://")
        self._office = office
        self._chance = Random(seed)
        self._connection: http.client.HTTPConnection | None = None
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count(1)
        self._boot = f"{self._chance.getrandbits(32):08x}"
        self.did: Counter[str] = Counter()
        self.last_call = ""

    def run(self, calls_per_second: float, stop: Event, seconds: float | None = None) -> None:
        """Until `stop` is set; what is in progress then is settled."""
        end = None if seconds is None else monotonic() + seconds
        self._later(0, lambda: self._next_caller(calls_per_second))
        while not stop.is_set() and (end is None or monotonic() < end):
            at, _, step = self._due[0]
            if (wait := min(at - monotonic(), 0.2)) > 0:
                stop.wait(wait)
            else:
                heapq.heappop(self._due)
                step()
        self._hang_up()

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        heapq.heappush(self._due, (monotonic() + seconds, next(self._numbers), step))

    def _next_caller(self, calls_per_second: float) -> None:
        self._later(self._chance.expovariate(calls_per_second), lambda: self._next_caller(calls_per_second))
        Calling(self, f"demo-{self._boot}-{next(self._numbers)}").begin()

    def _hang_up(self) -> None:
        while self._due:
            step = heapq.heappop(self._due)[2]
            owner = getattr(step, "__self__", None)
            if isinstance(owner, Calling) and step != owner.answered:
                owner.end_now()
        if self._connection:
            self._connection.close()

    def say(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        """A switch asks again when it got no answer: the call id makes that safe."""
        for _ in range(2):
            try:
                return self._send(f"/v1/calls/{verb}", body)
            except (OSError, http.client.HTTPException):
                self._connection = None
        self.did["no answer"] += 1
        return {}

    def _send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=5)
        headers = {"authorization": f"Bearer {self._office.key}", "content-type": "application/json"}
        self._connection.request("POST", path, json.dumps(body), headers)
        answer: dict[str, Any] = json.loads(self._connection.getresponse().read())
        return answer

    def whom(self) -> dict[str, str]:
        """Who calls, and where: people, meetings that call out, guests who call in; now and then nothing is right."""
        kind = self._chance.choices(("user_out", "conf_out", "conf_in"), (60, 20, 20))[0]
        if kind == "user_out":
            return {"call_type": kind, "user": self._chance.choice(self._office.users), "to": self._somewhere()}
        host = self._chance.choice(self._office.hosts)
        if kind == "conf_out":
            return {"call_type": kind, "user": host, "to": self._somewhere()}
        bridge = self._chance.choice((BRIDGE, FREEPHONE))
        return {"call_type": kind, "user": host, "from": self._somewhere(), "to": bridge}

    def _somewhere(self) -> str:
        if self._chance.random() < 0.1:
            return UNKNOWN_DESTINATION
        return f"+{self._chance.choice(CALLED)}{self._chance.randrange(10**8, 10**9)}"[:12]

    def for_seconds(self) -> tuple[str, float]:
        kind = self._chance.choices(("short", "long", "not answered"), (70, 15, 15))[0]
        between = {"short": SHORT_SECONDS, "long": LONG_SECONDS, "not answered": RINGING_SECONDS}[kind]
        return kind, self._chance.uniform(*between)

    def later(self, seconds: float, step: Callable[[], None]) -> None:
        self._later(seconds, step)


class Calling:
    """One call, from the first question to its end."""

    def __init__(self, switch: Switch, call_id: str) -> None:
        self._switch = switch
        self._call_id = call_id
        self._kind, self._lasts = switch.for_seconds()
        self._since = monotonic()
        self._granted = 0

    def begin(self) -> None:
        body = {"call_id": self._call_id, "switch": "demo"} | self._switch.whom()
        answer = self._switch.say("authorize", body)
        if answer.get("decision") != "granted":
            self._switch.did[f"refused: {answer.get('reason', answer.get('code', 'no answer'))}"] += 1
            return
        self._switch.last_call = self._call_id
        self._granted = answer["granted_seconds"]
        self._since = monotonic()
        self._switch.did["granted"] += 1
        if self._kind != "not answered":
            self._switch.later(min(RINGS_SECONDS, self._lasts / 2), self.answered)
        self._go_on(answer["extend_after_seconds"])

    def _go_on(self, extend_after: float) -> None:
        left = self._lasts - (monotonic() - self._since)
        if extend_after < left:
            self._switch.later(extend_after, self.extend)
        else:
            self._switch.later(left, self.end_now)

    def answered(self) -> None:
        self._switch.say("answered", {"call_id": self._call_id})

    def extend(self) -> None:
        answer = self._switch.say("extend", {"call_id": self._call_id, "granted_seconds": self._granted})
        self._switch.did["extended"] += 1
        self._granted = answer.get("granted_seconds", self._granted)
        if not answer or answer["final"]:
            self._lasts = min(self._lasts, self._granted)
            self._switch.later(max(self._lasts - (monotonic() - self._since), 0), self.end_now)
        else:
            self._go_on(answer["extend_after_seconds"])

    def end_now(self) -> None:
        if self._kind == "not answered":
            self._switch.say("release", {"call_id": self._call_id, "cause": "no answer"})
            self._switch.did["released"] += 1
            return
        milliseconds = round(1000 * (monotonic() - self._since))
        self._switch.say("settle", {"call_id": self._call_id, "duration_ms": milliseconds})
        self._switch.did["settled"] += 1
