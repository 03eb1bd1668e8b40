"""Exports: asked for, made meanwhile, downloaded. The operator sees all long work."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from talktime.actions import exports
from talktime.actions.errors import NotFound
from talktime.actions.exports import EXPORT, Export
from talktime.core.ids import org_name
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import instant, moment
from talktime.reports import jobs
from talktime.storage.database import ReadTx, Tx
from talktime.storage.job_store import JobRow
from talktime.web.fields import Instant, actor, optional
from talktime.web.lists import Page, page_of
from talktime.web.routes import File, Keep, Raw, Request, Route

Status = Literal["running", "done", "failed"]
ZIP = "application/zip"


class ExportForm(Struct, forbid_unknown_fields=True, kw_only=True):
    from_: Instant = field(name="from")
    """When the calls began; inclusive."""
    to: Instant
    """Exclusive."""
    format: Literal["csv", "parquet"] = "csv"
    own_carrier: bool | None = None
    """Also the calls over own carriers. Left out: if the range begins no more than 150 days ago."""


class ExportBody(Struct, kw_only=True):
    id: str
    status: Status
    progress: int
    """Per cent."""
    filename: str | None
    error: str | None
    from_: datetime = field(name="from")
    to: datetime
    format: str
    own_carrier: bool
    created_at: datetime
    ended_at: datetime | None


def export_body(job: JobRow) -> ExportBody:
    asked = exports.asked_for(job)
    return ExportBody(
        id=job.job_id,
        status=status_of(job),
        progress=progress_of(job),
        filename=job.filename,
        error=job.error,
        from_=moment(asked.begin),
        to=moment(asked.end),
        format=asked.format,
        own_carrier=asked.own_carrier,
        created_at=moment(job.created_at),
        ended_at=optional(job.ended_at),
    )


def status_of(job: JobRow) -> Status:
    """Whether somebody works on it already is nobody's business."""
    if job.ended_at is None:
        return "running"
    return "failed" if job.error else "done"


def progress_of(job: JobRow) -> int:
    """A file whose rows are all read is still to be packed."""
    if job.filename:
        return 100
    return min(100 * job.done // job.total, 99) if job.total else 0


def post_export(tx: Tx, request: Request[ExportForm]) -> ExportBody:
    """Begins to make a file of usage rows. A range further back than there is to tell: 422."""
    form = request.form
    asked = Export(instant(form.from_), instant(form.to), form.format, False)
    job_id = request.app.new_id("exp")
    return export_body(exports.begin(tx, request.org_id, job_id, asked, form.own_carrier, actor(request)))


def get_export(tx: ReadTx, request: Request[None]) -> ExportBody:
    """How far it is. It is kept for a week after it ended."""
    return export_body(exports.find(tx, request.org_id, request.names["export_id"]))


def list_exports(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Exports of the last week, newest first."""
    page: Page = request.query
    rows = jobs.page(tx, request.org_id, EXPORT, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda job: job.job_id, export_body)


def download_export(tx: ReadTx, request: Request[None]) -> File:
    """The file, once it is done."""
    name = exports.finished(tx, request.org_id, request.names["export_id"])
    path = request.app.settings.export_folder / name
    if not path.exists():
        raise NotFound
    return File(path, ZIP, {"content-disposition": f'attachment; filename="{name}"'})


class JobBody(Struct, kw_only=True):
    id: str
    organization: str | None
    """None: work of the installation itself."""
    kind: str
    status: Status
    progress: int
    error: str | None
    asked: Any
    asked_by: str
    created_at: datetime
    ended_at: datetime | None


def job_body(job: JobRow) -> JobBody:
    return JobBody(
        id=job.job_id,
        organization=org_name(job.org_id) if job.org_id != OPERATOR_ORG else None,
        kind=job.kind,
        status=status_of(job),
        progress=progress_of(job),
        error=job.error,
        asked=msgspec.Raw(job.asked.encode()),
        asked_by=job.asked_by,
        created_at=moment(job.created_at),
        ended_at=optional(job.ended_at),
    )


def list_jobs(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Long work of all organizations, newest first."""
    page: Page = request.query
    rows = jobs.everywhere(tx, page.limit + 1, page.after(tuple[int, int, str]))
    return page_of(rows, page.limit, lambda job: (job.created_at, job.org_id, job.job_id), job_body)


def _route(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, f"/v1/exports{path}", Scope.REPORTS, handler, tag="Reports", **options)


ROUTES = [
    _route("POST", "", post_export, form=ExportForm, answer=ExportBody, status=202, once=Keep.MONTH),
    _route("GET", "", list_exports, query=Page, answer=list[ExportBody]),
    _route("GET", "/{export_id}", get_export, answer=ExportBody),
    _route("GET", "/{export_id}/download", download_export, answer=Raw, problems=(409,)),
    Route(
        "GET",
        "/v1/operator/jobs",
        Scope.OPERATOR,
        list_jobs,
        query=Page,
        answer=list[JobBody],
        spans=True,
        needs_organization=False,
        tag="Operator",
    ),
]
