"""Jobs: each in its own time, and what goes wrong with one is no matter for the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from talktime.actions.schedule import HELD_FOR, turn
from talktime.actions.upkeep import Stopped, forget_answers, verify_nightly
from talktime.app import App, open_app
from talktime.core.time import DAY
from talktime.jobs import worker as jobs
from talktime.jobs.worker import JOBS, Job, Worker
from talktime.observability import set_up_logging
from talktime.settings import Settings
from talktime.storage import idempotency_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.idempotency_store import Kept
from tests.support.logs import logging_undone

PATIENCE = 20


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    with logging_undone():
        yield


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    opened = open_app(Settings(data=tmp_path))
    yield opened
    opened.close()


def counted(app: App, job: str, outcome: str) -> float:
    return app.meters.registry.get_sample_value("talktime_jobs_total", {"task": job, "outcome": outcome}) or 0


def test_a_job_that_fails_is_told_and_tried_again(app: App, capfd: pytest.CaptureFixture[str]) -> None:
    set_up_logging("info")
    tried, other = Event(), Event()
    times: list[int] = []

    def fail(app: App, stop: Callable[[], bool]) -> int:
        times.append(1)
        if len(times) > 2:
            tried.set()
        raise RuntimeError("the key tt_live_0-secret is wrong")

    def go_on(app: App, stop: Callable[[], bool]) -> int:
        other.set()
        return 3

    worker = Worker(app, [Job("bad", 0.01, fail), Job("good", 0.01, go_on)])
    worker.start()
    assert tried.wait(PATIENCE)
    assert other.wait(PATIENCE)
    worker.stop()
    assert counted(app, "bad", "failed") == len(times)
    assert counted(app, "good", "done") >= 3
    line = json.loads(capfd.readouterr().err.splitlines()[0])
    assert (line["event"], line["job"], line["level"]) == ("a job failed", "bad", "error")
    assert "RuntimeError" in line["exception"]
    assert "tt_live_***" in line["exception"]


def test_a_long_job_ends_when_the_process_does(app: App) -> None:
    begun = Event()

    def work(app: App, stop: Callable[[], bool]) -> int:
        begun.set()
        while not stop():
            pass
        raise Stopped

    worker = Worker(app, [Job("long", 0.01, work), Job("never", 3600, work, at_once=False)])
    worker.start()
    assert begun.wait(PATIENCE)
    worker.stop()
    assert counted(app, "long", "failed") == 0


def test_a_worker_that_never_began_can_be_stopped(app: App) -> None:
    Worker(app).stop()


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_job_runs_on_an_empty_database(app: App, job: Job) -> None:
    assert job.run(app, lambda: False) == 0


def test_answers_are_forgotten_when_their_month_is_over(app: App) -> None:
    now = app.now()

    def keep(tx: Tx) -> None:
        for key, expires_at in (("old", now - 1), ("new", now + 1), ("money", None)):
            idempotency_store.keep(tx, 0, "POST /x", key, Kept("", 201, ""), now - 30 * DAY, expires_at)

    app.database.write(0, keep)
    assert forget_answers(app.database, now) == 1

    def there(tx: ReadTx) -> list[str]:
        return [key for key in ("old", "new", "money") if idempotency_store.find(tx, 0, "POST /x", key)]

    assert app.database.read(0, there) == ["new", "money"]


def test_it_is_verified_once_a_day_by_one_process(app: App) -> None:
    now = app.now()
    assert verify_nightly(app.database, lambda: now, lambda: False) is None
    assert verify_nightly(app.database, lambda: now + DAY - 1, lambda: False) is None
    report = verify_nightly(app.database, lambda: now + DAY, lambda: False)
    assert report
    assert report.clean
    assert verify_nightly(app.database, lambda: now + DAY, lambda: False) is None
    with pytest.raises(Stopped):
        verify_nightly(app.database, lambda: now + 2 * DAY, lambda: True)


def test_what_the_night_finds_is_logged(app: App, capfd: pytest.CaptureFixture[str]) -> None:
    set_up_logging("info")
    app.database.write((), lambda tx: tx.exec_driver_sql("UPDATE accounts SET last_entry_no = 5"))
    assert jobs.verify(app, lambda: False) == 0
    app.database.write((), lambda tx: tx.exec_driver_sql("UPDATE control SET value = 0 WHERE name = 'verified_at'"))
    assert jobs.verify(app, lambda: False) == 1
    assert '"invariant": "I2"' in capfd.readouterr().err
    assert jobs.seal(app, lambda: False) == 0


def test_long_work_is_not_begun_by_another_as_long_as_somebody_is_at_it(app: App) -> None:
    now = app.now()
    mine = turn(app.database, "long", DAY, now)
    assert mine
    for _ in range(5):
        now += HELD_FOR * 2 // 3
        assert not mine.is_over(now)
        assert turn(app.database, "long", DAY, now) is None
    mine.end(1, now)
    assert turn(app.database, "long", DAY, now + 1) is None


def test_work_that_took_longer_than_a_turn_is_not_due_again_when_it_is_done(app: App) -> None:
    """Else two that take turns at it would never have done it."""
    now = app.now()
    slow = turn(app.database, "long", DAY, now)
    second = turn(app.database, "long", DAY, now + HELD_FOR)
    assert slow and second
    slow.end(1, now + HELD_FOR + 1)
    # The second one has died over it.
    assert turn(app.database, "long", DAY, now + HELD_FOR * 3) is None
    assert turn(app.database, "long", DAY, now + HELD_FOR + 1 + DAY) is not None


def test_who_was_silent_for_too_long_is_followed_and_says_nothing_more(app: App) -> None:
    now = app.now()
    silent = turn(app.database, "long", DAY, now)
    later = turn(app.database, "long", DAY, now + HELD_FOR)
    assert silent and later
    assert silent.is_over(now + HELD_FOR)
    silent.fail("it took too long", now + HELD_FOR)
    assert not later.is_over(now + HELD_FOR * 3 // 2)
    assert turn(app.database, "long", DAY, now + HELD_FOR * 2) is None
