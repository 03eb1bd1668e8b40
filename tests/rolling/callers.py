"""Switches that call all the time, and take every answer that is not the right one for an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.client import HTTPException
from itertools import count
from threading import Event, Thread

from tests.http.shop import Api, Organization, good

SHOWN_MAX = 5


@dataclass
class Heard:
    calls: int = 0
    requests: int = 0
    charged: Decimal = Decimal(0)
    errors: list[str] = field(default_factory=list)


class Switch(Thread):
    """One connection, one call after the other: begun, answered, extended, ended."""

    def __init__(self, url: str, key: str, org: Organization, name: str) -> None:
        super().__init__()
        self.heard = Heard()
        self._org, self._name = org, name
        self._api = Api(url, key, org.id)
        self._stop_asked = Event()

    def run(self) -> None:
        with self._api:
            for number in count():
                if self._stop_asked.is_set():
                    return
                try:
                    self._call(f"{self._name}-{number}")
                except (AssertionError, OSError, HTTPException, KeyError) as error:
                    self.heard.errors.append(f"{self._name}-{number}: {error!r}")
                    self._api.close()

    def end(self) -> None:
        self._stop_asked.set()

    def _call(self, call_id: str) -> None:
        granted = self._asked("authorize", self._org.call(call_id))["granted_seconds"]
        self._asked("answered", {"call_id": call_id})
        self._asked("extend", {"call_id": call_id, "granted_seconds": granted})
        settled = self._asked("settle", {"call_id": call_id, "duration_seconds": 60})
        self.heard.charged += Decimal(settled["charge"])
        self.heard.calls += 1

    def _asked(self, verb: str, form: dict[str, object]) -> dict[str, str]:
        self.heard.requests += 1
        told: dict[str, str] = good(self._api.post(f"/v1/calls/{verb}", form))
        assert told.get("decision") != "refused", told
        return told


@contextmanager
def calling(url: str, key: str, organizations: Sequence[Organization]) -> Iterator[list[Switch]]:
    switches = [Switch(url, key, org, f"s{number}") for number, org in enumerate(organizations)]
    for one in switches:
        one.start()
    try:
        yield switches
    finally:
        for one in switches:
            one.end()
        for one in switches:
            one.join()


def together(switches: Sequence[Switch]) -> Heard:
    errors = [error for one in switches for error in one.heard.errors]
    calls, requests = sum(one.heard.calls for one in switches), sum(one.heard.requests for one in switches)
    return Heard(calls, requests, sum((one.heard.charged for one in switches), Decimal(0)), errors)
