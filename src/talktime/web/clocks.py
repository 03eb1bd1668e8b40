"""The clock of a test organization, so that a year can be tried in a second."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from talktime.actions.test_clocks import may_move_to
from talktime.core.scopes import Scope
from talktime.core.time import instant, moment
from talktime.web.call_forms import Instant
from talktime.web.routes import Request, Route


class ClockForm(Struct, forbid_unknown_fields=True):
    now: Instant


class ClockBody(Struct):
    now: datetime


def move_clock(request: Request[ClockForm]) -> ClockBody:
    """Move the clock of a test organization forward: all that falls due until then has happened when this answers."""
    app, to = request.app, instant(request.form.now)
    app.database.read(request.org_id, may_move_to, request.org_id, to, request.now)
    app.move_clock(request.org_id, to)
    return ClockBody(moment(to))


ROUTES = [
    Route(
        "PUT",
        "/v1/operator/organizations/{org}/clock",
        Scope.OPERATOR,
        move_clock,
        form=ClockForm,
        answer=ClockBody,
        tx=False,
        needs_organization=False,
        problems=(404, 409),
        tag="Test organizations",
    )
]
