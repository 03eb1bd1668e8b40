"""What the processes of this machine have counted lately: as much of the past as the alerts look back on.

Prometheus asks for sums and remembers them; the page that shows the same asks nobody, so each server remembers too.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic
from typing import NamedTuple, Self

from prometheus_client import CollectorRegistry

from talktime.exposition import samples

LOOK_SECONDS = 60.0
ERRORS_WINDOW_SECONDS = 5 * 60.0
ANSWERS_WINDOW_SECONDS = 5 * 60.0
CONFLICTS_WINDOW_SECONDS = 15 * 60.0
QUARTER_SECONDS = 15 * 60.0
QUARTERS = 16
ERRORS, CONFLICTS = "talktime_store_errors_total", "talktime_conflicts_total"
ANSWERS, JOBS = "talktime_answer_seconds_bucket", "talktime_jobs_total"
LOOKED_AT: tuple[tuple[str, dict[str, str], str], ...] = (
    (ERRORS, {}, ""),
    (CONFLICTS, {}, ""),
    (ANSWERS, {"route": "authorize"}, "le"),
    (JOBS, {"outcome": "failed"}, "task"),
)
"""Each with what its labels must be, and the label by which it is told apart."""


class Key(NamedTuple):
    name: str
    label: str = ""
    """The bound of a bucket, or the task."""


class Lately:
    """Looks again and again while it is entered."""

    def __init__(self, registry: CollectorRegistry, folder: Path, now: Callable[[], float] = monotonic) -> None:
        self._registry, self._folder, self._now = registry, folder, now
        self._seen: dict[tuple[str, Key], float] = {}
        self._sums: Counter[Key] = Counter()
        self._looks: deque[tuple[float, Counter[Key]]] = deque()
        self._lock = Lock()
        self._over = Event()
        self._thread = Thread(target=self._look_on, name="lately", daemon=True)

    def __enter__(self) -> Self:
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Now; it is remembered for as long as anybody looks back."""
        with self._lock:
            self._count()
            self._looks.append((self._now(), self._sums.copy()))
            while len(self._looks) > 1 and self._looks[1][0] <= self._now() - QUARTERS * QUARTER_SECONDS:
                self._looks.popleft()

    def _count(self) -> None:
        """A count that has become less belongs to a process that has begun anew."""
        for process, key, count in counted(self._registry, self._folder):
            before = self._seen.get((process, key), 0)
            self._sums[key] += int(count - before if count >= before else count)
            self._seen[process, key] = count

    def past(self) -> Past:
        """What was counted until now."""
        with self._lock:
            self._count()
            return Past(self._now(), self._sums.copy(), tuple(self._looks))


@dataclass(frozen=True, slots=True)
class Past:
    """How much more was counted in the last seconds. The looks are a minute apart, so it is a little more rather than
    less."""

    at: float
    sums: Counter[Key]
    looks: tuple[tuple[float, Counter[Key]], ...]

    @property
    def errors(self) -> int:
        """Requests of switches that nobody decided."""
        return self._more(Key(ERRORS), ERRORS_WINDOW_SECONDS)

    @property
    def errors_go_on(self) -> bool:
        """In one minute after the other, or where calls are rare in one five minutes after the other."""
        return self._goes_on(LOOK_SECONDS) or self._goes_on(ERRORS_WINDOW_SECONDS)

    def _goes_on(self, seconds: float) -> bool:
        key = Key(ERRORS)
        return self._more(key, seconds) > 0 and self._more(key, 2 * seconds, seconds) > 0

    @property
    def conflicts(self) -> int:
        return self._more(Key(CONFLICTS), CONFLICTS_WINDOW_SECONDS)

    @property
    def answers(self) -> dict[float, int]:
        """To authorizations: how many came within so many seconds."""
        return {float(key.label): self._more(key, ANSWERS_WINDOW_SECONDS) for key in self._of(ANSWERS)}

    @property
    def failures(self) -> dict[str, int]:
        """In how many quarters of an hour each kind of due work has failed."""
        ends = [quarter * QUARTER_SECONDS for quarter in range(QUARTERS)]
        return {
            key.label: sum(self._more(key, end + QUARTER_SECONDS, end) > 0 for end in ends) for key in self._of(JOBS)
        }

    def _of(self, name: str) -> list[Key]:
        return [key for key in self.sums if key.name == name]

    def _more(self, key: Key, seconds: float, until: float = 0) -> int:
        later = self._sums_at(self.at - until) if until else self.sums
        return later[key] - self._sums_at(self.at - seconds)[key]

    def _sums_at(self, at: float) -> Counter[Key]:
        """Nothing is known of before the first look."""
        before = [sums for looked_at, sums in self.looks if looked_at <= at]
        return before[-1] if before else self.looks[0][1] if self.looks else Counter()


def counted(registry: CollectorRegistry, folder: Path) -> Iterator[tuple[str, Key, float]]:
    """What alerts look back on, with the process that has counted it."""
    for sample in samples(registry, folder):
        for name, wanted, label in LOOKED_AT:
            if sample.name == name and wanted.items() <= sample.labels.items():
                yield sample.labels["process"], Key(name, sample.labels.get(label, "")), sample.value
