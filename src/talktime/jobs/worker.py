"""Work that nobody asks for, each kind in its own time: what goes wrong with one is told and tried again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread

import structlog

from talktime.actions import retention
from talktime.actions.knowledge import finish
from talktime.actions.retention import RETENTION
from talktime.actions.schedule import turn
from talktime.actions.seal import seal_all
from talktime.actions.upkeep import Stopped, forget_answers, forget_attempts, verify_nightly
from talktime.app import App
from talktime.charging.breaks import Breaks
from talktime.core.time import SECOND
from talktime.jobs.exports import forget_exports, make_exports, remove_left_over
from talktime.observability import JobEnd
from talktime.storage.delivery_store import EMAIL, WEBHOOK
from talktime.storage.seal_store import Gap

DAY_SECONDS = 24 * 3600.0
LOOK_SECONDS = 30.0
"""So often a process looks whether scheduled work is due."""
log = structlog.get_logger("talktime.jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """`run(app, stop)` does what there is to do, and comes to an end soon when `stop()` says so."""

    name: str
    every_seconds: float
    run: Callable[[App, Callable[[], bool]], int]
    """How many things it did."""
    at_once: bool = True
    """Or first when its time has passed once."""
    scheduled: bool = False
    """By one process at a time, with a row that says how it went."""


def sweep(app: App, stop: Callable[[], bool]) -> int:
    return app.sweep()


def tell(app: App, stop: Callable[[], bool]) -> int:
    return app.tell()


def mails(app: App, stop: Callable[[], bool]) -> int:
    return app.deliver(EMAIL, stop)


def webhooks(app: App, stop: Callable[[], bool]) -> int:
    return app.deliver(WEBHOOK, stop)


class Watch:
    """Silence alerts and ends nothing: what a silent switch carries ends with its grants."""

    def __init__(self) -> None:
        self._silent: set[str] = set()

    def __call__(self, app: App, stop: Callable[[], bool]) -> int:
        silent = set(app.watch())
        for name in sorted(silent - self._silent):
            log.warning("a switch is silent", switch=name)
        self._silent = silent
        return len(silent)


def seal(app: App, stop: Callable[[], bool]) -> int:
    def tell(gap: Gap) -> None:
        log.error("nothing is sealed over damage: run talktime verify", error=str(gap))

    return seal_all(app.database, app.now, stop, tell)


def forget(app: App, stop: Callable[[], bool]) -> int:
    return forget_answers(app.database, app.now()) + forget_attempts(app.database, app.now())


def forget_old(app: App, stop: Callable[[], bool]) -> int:
    """What nobody may keep any longer, by the rules of the settings."""
    rules, now = app.settings.kept, app.now()
    letters = retention.forget_letters(app.settings.outbox, rules, now)
    done = retention.forget(app.database, rules, now, app.settings.outbox, stop)
    log.info("forgotten", **done, letters=letters)
    return sum(done.values()) + letters


def verify(app: App, stop: Callable[[], bool]) -> int:
    report = verify_nightly(app.database, app.now, stop)
    if report is None:
        return 0
    for finding in report.findings:
        log.error("verify", invariant=finding.invariant, organization=finding.organization, detail=finding.detail)
    log.info("verified", findings=report.found, entries=report.entries, seconds=round(report.seconds, 1))
    return 1


def pools(app: App, stop: Callable[[], bool]) -> int:
    return finish(app.database, app.now())


def money(app: App, stop: Callable[[], bool]) -> int:
    return app.money.sweep()


def remind(app: App, stop: Callable[[], bool]) -> int:
    return app.money.remind()


def look_at_payments(app: App, stop: Callable[[], bool]) -> int:
    return app.money.look_at_asked()


def reconcile(app: App, stop: Callable[[], bool]) -> int:
    done = app.reconciler.run()
    if done.differences:
        log.error("payments differ: talktime reconcile list", differences=done.differences, settled=done.settled)
    return done.looked_at


def after_restore(app: App, stop: Callable[[], bool]) -> int:
    return app.reconciler.after_restore().looked_at


JOBS = (
    Job("due", 1, sweep),
    Job("money", 0.5, money),
    Job("remind", 60, remind, scheduled=True),
    Job("look at payments", 15 * 60, look_at_payments, scheduled=True),
    Job("reconcile after a restore", 10, after_restore),
    Job("reconcile", DAY_SECONDS, reconcile, at_once=False, scheduled=True),
    Job("watch", 10, Watch()),
    Job("notices", 1, tell),
    # Apart, so that a server that does not answer keeps no mail waiting.
    Job("mails", 1, mails),
    Job("webhooks", 1, webhooks),
    Job("exports", 1, make_exports),
    Job("forget exports", 3600, forget_exports, scheduled=True),
    # In each process, since each may have a folder of its own.
    Job("files of exports", 3600, remove_left_over),
    Job("seal", 30, seal, at_once=False),
    Job("pools", 600, pools, scheduled=True),
    Job("forget", DAY_SECONDS, forget, at_once=False, scheduled=True),
    Job(RETENTION, DAY_SECONDS, forget_old, at_once=False, scheduled=True),
    # It asks often and does it once a day, in whichever process asks first.
    Job("verify", 600, verify, at_once=False),
)


class Worker:
    """A thread for each job, so that a long one keeps no other waiting."""

    def __init__(self, app: App, jobs: Sequence[Job] = JOBS) -> None:
        self._app = app
        self._stopped = Event()
        self._threads = [Thread(target=self._keep_doing, args=(job,), name=f"job-{job.name}") for job in jobs]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when none is at work any more."""
        self._stopped.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _keep_doing(self, job: Job) -> None:
        if job.at_once:
            self._do(job)
        pause = min(job.every_seconds, LOOK_SECONDS) if job.scheduled else job.every_seconds
        while not self._stopped.wait(pause):
            self._do(job)

    def _do(self, job: Job) -> None:
        counted = self._app.meters.jobs
        try:
            stop = Breaks(self._stopped, self._app.batcher.is_busy).stop
            done = self._in_turn(job, stop) if job.scheduled else job.run(self._app, stop)
        except Stopped:
            return
        except Exception:
            # The next turn tries again; nothing of it was kept.
            log.exception("a job failed", job=job.name)
            counted.labels(job.name, JobEnd.FAILED).inc()
        else:
            counted.labels(job.name, JobEnd.DONE).inc(done)
            self._app.meters.worked_at.set_to_current_time()

    def _in_turn(self, job: Job, stop: Callable[[], bool]) -> int:
        app = self._app
        mine = turn(app.database, job.name, int(job.every_seconds) * SECOND, app.now())
        if mine is None:
            return 0
        try:
            done = job.run(app, lambda: stop() or mine.is_over(app.now()))
        except Exception as error:
            mine.fail(f"{type(error).__name__}: {error}", app.now())
            raise
        mine.end(done, app.now())
        return done
