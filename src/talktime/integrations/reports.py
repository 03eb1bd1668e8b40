"""What a switch has to report about its calls: told again and again until the platform has taken it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Condition, Thread
from time import monotonic
from typing import Any, NamedTuple

import structlog

log = structlog.get_logger("talktime.integrations")
AGAIN_SECONDS = 1.0
GOODBYE_SECONDS = 10.0
GIVEN_UP = frozenset({400, 409, 410, 422})
"""Another attempt would be answered the same."""


class Sent(NamedTuple):
    status: int | None
    """None: the platform is not there or too slow."""
    detail: str


class Report(NamedTuple):
    verb: str
    form: Mapping[str, Any]


class Reports:
    """One thread of its own sends them, so that no call waits for another's. They are kept in memory only."""

    def __init__(self, send: Callable[[str, Mapping[str, Any]], Sent], again_seconds: float = AGAIN_SECONDS) -> None:
        self._post, self._again_seconds = send, again_seconds
        self._waiting: list[Report] = []
        self._changed = Condition()
        self._until: float | None = None
        """When whoever stops us waits no longer."""
        self._thread = Thread(target=self._run, name="reports", daemon=True)
        self._thread.start()

    def send(self, verb: str, form: Mapping[str, Any]) -> None:
        with self._changed:
            self._waiting.append(Report(verb, form))
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def stop(self, seconds: float = GOODBYE_SECONDS) -> None:
        with self._changed:
            self._until = monotonic() + seconds
            self._changed.notify_all()
        self._thread.join()
        for report in self._waiting:
            log.error("report lost", verb=report.verb, call_id=report.form.get("call_id"))

    def _run(self) -> None:
        while self._goes_on():
            tried = list(self._waiting)
            left = self._round(tried)
            with self._changed:
                self._waiting[: len(tried)] = left
                if left and not self._is_over():
                    self._changed.wait(self._again_seconds)

    def _goes_on(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._until is not None)
            return bool(self._waiting) and not self._is_over()

    def _is_over(self) -> bool:
        return self._until is not None and monotonic() >= self._until

    def _round(self, reports: list[Report]) -> list[Report]:
        """What is left. Who is not there for one is not there for the next."""
        left: list[Report] = []
        for number, report in enumerate(reports):
            sent = self._post(*report)
            if sent.status is None:
                return left + reports[number:]
            if not _is_done(report, sent):
                left.append(report)
            if self._is_over():
                return left + reports[number + 1 :]
        return left


def _is_done(report: Report, sent: Sent) -> bool:
    assert sent.status is not None
    if sent.status in GIVEN_UP:
        log.error("report given up", verb=report.verb, call_id=report.form.get("call_id"), why=sent.detail)
        return True
    if not 200 <= sent.status < 300:
        log.warning("report not taken yet", verb=report.verb, call_id=report.form.get("call_id"), why=sent.detail)
        return False
    return True
