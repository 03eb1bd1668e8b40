"""Do the books add up? Asked now, or read as it was found last."""

from __future__ import annotations

from datetime import datetime
from threading import Event, Thread

from msgspec import Struct

from talktime.actions.errors import NotFound
from talktime.actions.upkeep import Progress, last_verification, verify_and_note
from talktime.charging.breaks import Breaks
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.storage.database import ReadTx
from talktime.web.routes import Request, Route

PATH = "/v1/operator/verify"


class VerifyBody(Struct):
    ended_at: datetime
    findings: int
    clean: bool


class BegunBody(Struct):
    status: str


def read_verification(tx: ReadTx, request: Request[None]) -> VerifyBody:
    """The last verification; 'talktime verify' tells each finding."""
    last = last_verification(tx)
    if last is None:
        raise NotFound
    return VerifyBody(moment(last.ended_at), last.findings, last.findings == 0)


def start_verification(request: Request[None]) -> BegunBody:
    """Add everything up again, beside the running calls."""
    app = request.app
    # Before the answer, so that whoever looks next sees it.
    progress = Progress(app.database, app.now, request.by)
    stop = Breaks(Event(), app.batcher.is_busy).stop
    Thread(target=verify_and_note, args=(app.database, app.now, stop, progress), daemon=True).start()
    return BegunBody("running")


ROUTES = [
    Route(
        "GET",
        PATH,
        Scope.OPERATOR,
        read_verification,
        answer=VerifyBody,
        needs_organization=False,
        problems=(404,),
        tag="Operator",
    ),
    Route(
        "POST",
        PATH,
        Scope.OPERATOR,
        start_verification,
        answer=BegunBody,
        status=202,
        tx=False,
        needs_organization=False,
        tag="Operator",
    ),
]
