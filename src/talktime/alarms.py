"""When somebody is to look: the bounds at which the alerts begin, for the page that shows the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from talktime.core.time import DAY, SECOND

ANSWER_SECONDS_MOST = 0.25
"""Of a hundred calls one may wait longer."""
ANSWER_SHARE = 0.99
CLOCK_SECONDS_MOST = 1
WORKED_AGO_MOST = 300 * SECOND
BOOKS_AGO_MOST = 2 * DAY
"""Of the verification and of the backup; a new installation has as long for its first ones."""
WAITING_MOST = 50
FAILED_QUARTERS_MOST = 2
"""Quarters of an hour in which a kind of work has failed, of those that are looked at."""


class Alarm(StrEnum):
    """As its alert is called. The first wake somebody, and of those the worst comes first."""

    STORE_ERRORS = "TalktimeStoreErrors"
    BOOKS_WRONG = "TalktimeBooksWrong"
    NO_WORKER = "TalktimeNoWorker"
    SWITCH_SILENT = "TalktimeSwitchSilent"
    SLOW = "TalktimeSlow"
    CONFLICT = "TalktimeConflict"
    CLOCK_AWAY = "TalktimeClockAway"
    JOB_FAILS = "TalktimeJobFails"
    NO_BACKUP = "TalktimeNoBackup"
    NOT_VERIFIED = "TalktimeNotVerified"
    MAIL_WAITS = "TalktimeMailWaits"


URGENT = frozenset((Alarm.STORE_ERRORS, Alarm.BOOKS_WRONG, Alarm.NO_WORKER, Alarm.SWITCH_SILENT))
"""The others have until the morning."""


class Health(Struct, frozen=True):
    """What alarms are about. Instants are None where something has never been."""

    begun_at: int | None
    """When due work was first looked for."""
    worked_at: int | None
    overdue_since: int | None
    """What everybody who does due work would have taken since then; None: it is being done."""
    verified_at: int | None
    findings: int
    backed_up_at: int | None
    backs_up: bool
    """Whether backups are kept where we can see them."""
    errors: int
    """Calls that were not decided in the last minutes."""
    errors_go_on: bool
    answer_seconds: float | None
    conflicts: int
    silent: int
    clock_seconds: float
    failing: Sequence[str]
    waiting: Mapping[str, int]
    """Deliveries by channel."""


def alarms(health: Health, now: int) -> list[Alarm]:
    """What somebody is to look at, the worst first."""
    holds = {
        Alarm.STORE_ERRORS: health.errors_go_on,
        Alarm.BOOKS_WRONG: health.findings > 0,
        Alarm.NO_WORKER: _nobody_works(health, now),
        Alarm.SWITCH_SILENT: health.silent > 0,
        Alarm.SLOW: (health.answer_seconds or 0) > ANSWER_SECONDS_MOST,
        Alarm.CONFLICT: health.conflicts > 0,
        Alarm.CLOCK_AWAY: abs(health.clock_seconds) > CLOCK_SECONDS_MOST,
        Alarm.JOB_FAILS: len(health.failing) > 0,
        Alarm.NO_BACKUP: health.backs_up and _too_old(health.backed_up_at, health.begun_at, now),
        Alarm.NOT_VERIFIED: _too_old(health.verified_at, health.begun_at, now),
        Alarm.MAIL_WAITS: max(health.waiting.values(), default=0) > WAITING_MOST,
    }
    return [alarm for alarm in Alarm if holds[alarm]]


def _nobody_works(health: Health, now: int) -> bool:
    """What always fails is done less and less often, so who takes what is due in time is there as well."""
    if health.worked_at is None:
        return True
    ages = [now - at for at in (health.worked_at, health.overdue_since) if at is not None]
    return health.overdue_since is not None and min(ages) > WORKED_AGO_MOST


def _too_old(at: int | None, begun_at: int | None, now: int) -> bool:
    since = at if at is not None else begun_at
    return since is not None and now - since > BOOKS_AGO_MOST


def quantile(share: float, counts: Mapping[float, float]) -> float | None:
    """As Prometheus reckons it: how many were no more than each bound, of which the last is infinite; between two
    bounds they are thought to lie evenly."""
    bounds = sorted(counts)
    rank = share * counts[bounds[-1]] if bounds else 0
    if rank == 0:
        return None
    at = next(number for number, bound in enumerate(bounds) if counts[bound] >= rank)
    if at == len(bounds) - 1:
        return bounds[-2]
    below, before = (bounds[at - 1], counts[bounds[at - 1]]) if at else (0.0, 0.0)
    return below + (bounds[at] - below) * (rank - before) / (counts[bounds[at]] - before)
