"""Do the books add up? The last answer, and a new one while it is being found."""

from __future__ import annotations

from talktime.actions.upkeep import VERIFICATION
from talktime.core.scopes import OPERATOR_ORG
from talktime.portal.operator.words import who_names
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.reports import jobs
from talktime.storage.job_store import JobRow

HERE = "/operator/ledger"
SHOWN = 10


def get_ledger(visit: Visit) -> Answer:
    return Screen("operator/ledger.html", _values(visit))


def get_now(visit: Visit) -> Answer:
    """What moves while it runs."""
    return Screen("operator/ledger-now.html", _values(visit))


def _values(visit: Visit) -> dict[str, object]:
    runs = visit.app.database.read(OPERATOR_ORG, jobs.page, OPERATOR_ORG, VERIFICATION, SHOWN, None)
    running = next((one for one in runs if is_running(one, visit.now)), None)
    ended = [one for one in runs if one.ended_at is not None]
    return {"running": running, "last": ended[0] if ended else None, "runs": ended, "names": who_names(visit)}


def is_running(job: JobRow, now: int) -> bool:
    """Whoever died over it says nothing any more."""
    return job.ended_at is None and (job.claimed_until or 0) > now


def verify(visit: Visit) -> Answer:
    """A second one beside the first would tell the same."""
    if not _values(visit)["running"]:
        visit.send("POST", "/v1/operator/verify", {})
    return Away(HERE, "begun")
