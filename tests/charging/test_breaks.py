"""Long work in a process that answers calls: it rests between its portions, and only while somebody calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from threading import Event, Thread

import pytest

from talktime.app import open_app
from talktime.charging.breaks import REST, REST_SECONDS_MAX, Breaks
from talktime.jobs.worker import Job, Worker
from talktime.settings import Settings

PORTION_SECONDS = 0.02


def somebody_waits() -> bool:
    return True


def nobody_waits() -> bool:
    return False


def compute(seconds: float = PORTION_SECONDS) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def seconds_of(ask: Callable[[], bool]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def test_beside_calls_a_job_rests_some_times_as_long_as_it_worked() -> None:
    breaks = Breaks(Event(), somebody_waits)
    compute()
    assert seconds_of(breaks.stop) >= PORTION_SECONDS * REST
    assert seconds_of(breaks.stop) < PORTION_SECONDS, "it has not worked since"


def test_without_calls_it_goes_on_at_once_and_owes_no_rest_later() -> None:
    waits = [False, True]
    breaks = Breaks(Event(), lambda: waits.pop(0))
    compute(1.0)
    assert seconds_of(breaks.stop) < PORTION_SECONDS * REST
    assert seconds_of(breaks.stop) < PORTION_SECONDS * REST


def test_a_rest_is_never_long() -> None:
    breaks = Breaks(Event(), somebody_waits)
    compute(REST_SECONDS_MAX)
    assert REST_SECONDS_MAX <= seconds_of(breaks.stop) < REST_SECONDS_MAX * REST


@pytest.mark.parametrize("waits", [somebody_waits, nobody_waits])
def test_a_process_that_ends_wakes_whoever_rests(waits: Callable[[], bool]) -> None:
    stopped = Event()
    breaks = Breaks(stopped, waits)
    assert not breaks.stop()
    stopped.set()
    compute()
    assert seconds_of(breaks.stop) < PORTION_SECONDS * REST
    assert breaks.stop()


def test_who_helps_with_a_job_rests_for_what_he_did_himself() -> None:
    breaks, took = Breaks(Event(), somebody_waits), list[float]()
    compute(0.2)
    helper = Thread(target=lambda: took.append(seconds_of(breaks.stop)))
    helper.start()
    helper.join()
    assert took[0] < 0.2


def test_a_worker_beside_calls_has_its_jobs_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_app(Settings(data=tmp_path))
    monkeypatch.setattr(type(app.batcher), "is_busy", lambda batcher: True)
    took: Queue[float] = Queue()

    def work(_: object, stop: Callable[[], bool]) -> int:
        stop()
        compute()
        took.put(seconds_of(stop))
        return 1

    worker = Worker(app, [Job("long", 3600, work), Job("scheduled", 3600, work, scheduled=True)])
    worker.start()
    rests = [took.get(timeout=20) for _ in ("long", "scheduled")]
    worker.stop()
    app.close()
    assert min(rests) >= PORTION_SECONDS * REST
