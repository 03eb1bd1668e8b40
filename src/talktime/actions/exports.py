"""Exports are asked for here and made by whoever has time: `jobs/exports.py`."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from talktime.actions.audit import Actor, note
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.actions.organizations import found
from talktime.core.time import DAY
from talktime.storage import job_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.job_store import JobRow

EXPORT = "export"
DAYS_BACK, OWN_CARRIER_DAYS_BACK = 366, 150


class Export(Struct, frozen=True):
    """What was asked for. `begin` is inclusive, `end` is not."""

    begin: int
    end: int
    format: str
    own_carrier: bool


def begin(tx: Tx, org_id: int, job_id: str, export: Export, own_carrier: bool | None, actor: Actor) -> JobRow:
    """`own_carrier` None: with the calls over own carriers if the range goes back no further than they are told."""
    now = found(tx, org_id).now(actor.now)
    far = export.begin < now - OWN_CARRIER_DAYS_BACK * DAY
    _check(export, now, far and own_carrier is True)
    asked = msgspec.structs.replace(export, own_carrier=not far and own_carrier is not False)
    job = _waiting(org_id, job_id, asked, actor)

    job_store.add(tx, job)
    note(tx, org_id, actor, "export.created", job_id, None, asked)
    return job


def _check(export: Export, now: int, too_far_for_own_carriers: bool) -> None:
    """A range is never cut down silently (D-31)."""
    if export.begin < now - DAYS_BACK * DAY:
        raise Invalid("too_far_back", "from", days=DAYS_BACK)
    if too_far_for_own_carriers:
        raise Invalid("too_far_back", "from", days=OWN_CARRIER_DAYS_BACK)
    if export.begin >= export.end:
        raise Invalid("ends_before_it_begins", "to")


def _waiting(org_id: int, job_id: str, export: Export, actor: Actor) -> JobRow:
    return JobRow(
        org_id=org_id,
        job_id=job_id,
        kind=EXPORT,
        state=job_store.WAITING,
        asked=msgspec.json.encode(export).decode(),
        asked_by=actor.by,
        done=0,
        total=None,
        filename=None,
        error=None,
        created_at=actor.now,
        claimed_until=None,
        ended_at=None,
    )


def asked_for(job: JobRow) -> Export:
    return msgspec.json.decode(job.asked, type=Export)


def find(tx: ReadTx, org_id: int, job_id: str) -> JobRow:
    job = job_store.find(tx, org_id, job_id)
    if job is None or job.kind != EXPORT:
        raise NotFound
    return job


def finished(tx: ReadTx, org_id: int, job_id: str) -> str:
    """The name of its file."""
    job = find(tx, org_id, job_id)
    if job.filename is None:
        raise StateConflict("export_not_done")
    return job.filename
