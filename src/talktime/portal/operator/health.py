"""How the installation is, for the page that shows what the alerts look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from talktime.actions.backups import last_good
from talktime.actions.upkeep import last_verification
from talktime.alarms import ANSWER_SHARE, FAILED_QUARTERS_MOST, Health, quantile
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.time import SECOND
from talktime.lately import Past
from talktime.portal.visit import Visit
from talktime.reports import installation
from talktime.reports.installation import Failing, Queue, Silent

CHANNELS = ("mails", "webhooks")


def health_of(visit: Visit, silent: Sequence[Silent], failing: Sequence[Failing], queues: Sequence[Queue]) -> Health:
    """What the database knows is of all machines; what processes count, and where backups are kept, of this one."""
    database, past = visit.app.database, visit.app.lately.past()
    worked = database.read(OPERATOR_ORG, installation.worked, visit.now)
    verified = database.read(OPERATOR_ORG, last_verification)
    return Health(
        begun_at=worked.begun_at,
        worked_at=worked.last_at,
        overdue_since=worked.overdue_since,
        verified_at=verified.ended_at if verified else None,
        findings=verified.findings if verified else 0,
        backed_up_at=_backed_up(visit),
        backs_up=visit.app.settings.on_sqlite or visit.app.settings.backup_folder.is_dir(),
        errors=past.errors,
        errors_go_on=past.errors_go_on,
        answer_seconds=quantile(ANSWER_SHARE, past.answers),
        conflicts=past.conflicts,
        silent=len(silent),
        clock_seconds=float(getattr(visit.app.now, "seconds_away", 0.0)),
        failing=failing_names(past, failing),
        waiting=_waiting(queues),
    )


def _backed_up(visit: Visit) -> int | None:
    """A backup that another machine takes is seen there."""
    last = last_good(visit.app.settings.backup_folder)
    return int(last.taken_at * SECOND) if last else None


def failing_names(past: Past, known: Sequence[Failing]) -> list[str]:
    """What comes by a schedule is known at its first failure; the rest when it fails again and again."""
    again = {name for name, quarters in past.failures.items() if quarters > FAILED_QUARTERS_MOST}
    return sorted(again | {one.name for one in known})


def _waiting(queues: Sequence[Queue]) -> Mapping[str, int]:
    return {one.name: one.waiting for one in queues if one.name in CHANNELS}
