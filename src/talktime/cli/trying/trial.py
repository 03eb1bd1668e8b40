"""One call from its first question to its end, step by step, with what the platform and the purse say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from talktime.cli.client import Refused, path_of
from talktime.cli.options import CannotDo

TOLD_SECONDS_MAX = 15.0
AGAIN_SECONDS = 0.1


class Wanted(NamedTuple):
    to: str
    user: str | None
    caller: str | None
    call_type: str
    seconds: int
    organization: str | None


class Decision(NamedTuple):
    seconds: int
    """The total that may be talked; 0 when the call is refused."""
    extend_after_seconds: int = 0
    reason: str = ""
    detail: str = ""
    code: int | None = None
    """What a caller hears, as far as this door knows."""


class Door(Protocol):
    def begin(self, wanted: Wanted) -> Decision: ...

    def call_id(self) -> str: ...

    def answered(self) -> None: ...

    def extend(self, seconds: int) -> Decision | None:
        """None: this door does it by itself, or not at all."""
        ...

    def end(self, seconds: int) -> None:
        """0: never answered."""
        ...


class Api(Protocol):
    def send(
        self, method: str, path: str, body: Any = None, *, organization: str | None = ..., query: Any = ...
    ) -> Any: ...


@dataclass
class Step:
    what: str
    milliseconds: float
    told: str = ""


@dataclass
class Trial:
    door: str
    wanted: Wanted
    steps: list[Step] = field(default_factory=list)
    call_id: str = ""
    decision: str = ""
    reason: str = ""
    detail: str = ""
    code: int | None = None
    granted_seconds: int = 0
    talked_seconds: int = 0
    held: str | None = None
    """At first; nobody sees it where the switch itself asks."""
    charge: str = "0"
    currency: str = ""
    state: str = ""
    balance_before: str | None = None
    balance_after: str | None = None

    @property
    def is_cut(self) -> bool:
        return self.decision == "granted" and self.talked_seconds < self.wanted.seconds

    @contextmanager
    def step(self, what: str) -> Iterator[Step]:
        """Timed, whatever becomes of it."""
        made, began = Step(what, 0.0), time.perf_counter()
        self.steps.append(made)
        try:
            yield made
        finally:
            made.milliseconds = (time.perf_counter() - began) * 1000


class Watcher:
    """Looks at the books beside the door. With a key that may not see the balance, without it."""

    def __init__(self, api: Api, organization: str | None) -> None:
        self._api, self._organization = api, organization

    def balance(self) -> str | None:
        try:
            return str(self._api.send("GET", "/v1/balance", organization=self._organization)["balance"])
        except Refused as error:
            if error.status == 403:
                return None
            raise

    def story(self, call_id: str) -> Any:
        return self._api.send("GET", path_of("/v1/calls", call_id), organization=self._organization)

    def ended(self, call_id: str) -> Any:
        """The platform hears of some ends a moment later."""
        until = time.monotonic() + TOLD_SECONDS_MAX
        while (story := self.story(call_id))["state"] == "open":
            if time.monotonic() > until:
                raise CannotDo(f"the platform has not heard of the end of {call_id}")
            time.sleep(AGAIN_SECONDS)
        return story


def tried(trial: Trial, door: Door, watcher: Watcher, wait: bool) -> Trial:
    trial.balance_before = watcher.balance()
    with trial.step("authorize") as step:
        decision = door.begin(trial.wanted)
        step.told = f"granted {decision.seconds} s" if decision.seconds else f"refused: {decision.reason}"
    trial.call_id, trial.granted_seconds = door.call_id(), decision.seconds
    trial.reason, trial.detail, trial.code = decision.reason, decision.detail, decision.code
    trial.decision = "granted" if decision.seconds else "refused"
    if decision.seconds:
        _talked(trial, door, watcher, decision, time.sleep if wait else lambda seconds: None)
    trial.balance_after = watcher.balance()
    return trial


def _talked(trial: Trial, door: Door, watcher: Watcher, decision: Decision, sleep: Callable[[float], None]) -> None:
    trial.held = watcher.story(trial.call_id)["held"]
    if trial.wanted.seconds:
        _answered(trial, door, decision, sleep)
    with trial.step("settle" if trial.talked_seconds else "release") as step:
        door.end(trial.talked_seconds)
        story = watcher.ended(trial.call_id)
        trial.charge, trial.currency, trial.state = story["charge"], story["currency"], story["state"]
        step.told = f"{trial.state}, charged {trial.charge} {trial.currency}"


def _answered(trial: Trial, door: Door, decision: Decision, sleep: Callable[[float], None]) -> None:
    with trial.step("answered"):
        door.answered()
    passed, after = 0, decision.extend_after_seconds
    while trial.granted_seconds < trial.wanted.seconds:
        sleep(max(after - passed, 0))
        passed = max(after, passed)
        with trial.step("extend") as step:
            longer = door.extend(trial.granted_seconds)
            grown = longer is not None and longer.seconds > trial.granted_seconds
            step.told = f"granted {longer.seconds} s" if longer and grown else "no more"
        if longer is None or not grown:
            break
        trial.granted_seconds, after = longer.seconds, longer.extend_after_seconds
    trial.talked_seconds = min(trial.wanted.seconds, trial.granted_seconds)
    sleep(trial.talked_seconds - passed)
