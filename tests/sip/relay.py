"""A platform with moods: what stands between a proxy and the server, and can be slow, broken, mad or away."""

from __future__ import annotations

import json
import time
from contextlib import closing
from enum import StrEnum
from http.client import HTTPConnection

from tests.support.fault_proxy import OWN_TO_A_CONNECTION
from tests.support.loopback import Answer, Loopback, Request

SLOW_SECONDS = 5.0
AUTHORIZE = "/v1/calls/authorize"


class Mood(StrEnum):
    WELL = "well"
    LATE = "late"
    """It acts at once, and nobody hears of it in time."""
    SLOW = "slow"
    """It acts when nobody waits any more."""
    FAILING = "failing"
    SILENT = "silent"
    """The connection ends without a word."""
    NONSENSE = "nonsense"
    MUTE = "mute"
    """A good answer without a decision in it."""
    MEAN = "mean"
    """Granted, for no time at all."""


SAID = {
    Mood.NONSENSE: b'{"decision": "granted", "granted_seconds": ',
    Mood.MUTE: b'{"granted_seconds": 3600, "final": false, "extend_after_seconds": 3000}',
    Mood.MEAN: b'{"decision": "granted", "granted_seconds": 0, "final": true, "extend_after_seconds": 0}',
}


class Relay(Loopback):
    """In one mood for one organization, and in another for the next; well for whoever is not named."""

    def __init__(self, target: str) -> None:
        self._target = target.removeprefix("http://")
        self._moods: dict[str, tuple[Mood, str]] = {}
        self._asked: list[Request] = []
        self.busy = 0
        """Requests that it is working on."""
        super().__init__()

    def be(self, mood: Mood, to: str, on: str = AUTHORIZE) -> None:
        """`to` an organization, for what begins with `on`."""
        self._moods[to] = mood, on

    def asked(self, path: str, by: str) -> int:
        """How often."""
        return sum(one.path == path and _organization(one) == by for one in self._asked)

    def answer(self, request: Request) -> Answer | None:
        self._asked.append(request)
        self.busy += 1
        try:
            return self._answer(request)
        finally:
            self.busy -= 1

    def _answer(self, request: Request) -> Answer | None:
        mood, on = self._moods.get(_organization(request), (Mood.WELL, ""))
        match mood if request.path.startswith(on) else Mood.WELL:
            case Mood.FAILING:
                return Answer(500, {"Content-Type": "application/json"}, b"{}")
            case Mood.SILENT:
                return None
            case Mood.SLOW:
                time.sleep(SLOW_SECONDS)
            case Mood.LATE:
                answer = self._passed_on(request)
                time.sleep(SLOW_SECONDS)
                return answer
            case Mood.NONSENSE | Mood.MUTE | Mood.MEAN:
                return Answer(200, {"Content-Type": "application/json"}, SAID[mood])
        return self._passed_on(request)

    def _passed_on(self, request: Request) -> Answer | None:
        try:
            with closing(HTTPConnection(self._target, timeout=30)) as connection:
                connection.request(request.method, request.path, request.body, _kept(request.headers))
                response = connection.getresponse()
                return Answer(response.status, _kept(dict(response.getheaders())), response.read())
        except OSError:
            return None


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in OWN_TO_A_CONNECTION}


def _organization(request: Request) -> str:
    try:
        said = json.loads(request.body)
    except ValueError:
        return ""
    return str(said.get("organization", ""))
