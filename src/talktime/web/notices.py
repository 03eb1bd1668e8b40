"""What people were told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from talktime.actions.organizations import found
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import deliveries, notices
from talktime.storage.database import ReadTx
from talktime.storage.delivery_store import DeliveryRow
from talktime.storage.notice_rows import Notice
from talktime.web.deliveries import State
from talktime.web.lists import Page, page_of
from talktime.web.routes import Request, Route

Place = tuple[str, str]
"""The notice, and the delivery; nothing for its banner."""
Line = tuple[Notice, DeliveryRow | None]


class NoticeBody(Struct, kw_only=True):
    id: str
    event: str
    at: datetime
    channel: Literal["email", "webhook", "banner"]
    language: str
    recipients: list[str]
    state: State | Literal["shown"]
    error: str | None
    details: dict[str, str]


def list_notices(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """What was told, newest first: a row for each notice and channel, and for each language of a mail."""
    page: Page = request.query
    language = found(tx, request.org_id).language
    lines = _lines(tx, request.org_id, page.limit + 1, page.after(Place))
    return page_of(lines, page.limit, _place, lambda line: notice_body(line, language))


def _lines(tx: ReadTx, org_id: int, count: int, after: Place | None) -> Sequence[Line]:
    """From the notice that the page before ended in, since something of it may be left."""
    told = notices.page(tx, org_id, count + 1, after[0] if after else None)
    made: dict[str, list[DeliveryRow]] = {}
    for row in deliveries.of_notices(tx, org_id, [notice.notice_id for notice in told]):
        made.setdefault(row.notice_id, []).append(row)
    lines = [line for notice in told for line in _of_notice(notice, made.get(notice.notice_id, []))]
    return [line for line in lines if after is None or _follows(_place(line), after)][:count]


def _of_notice(notice: Notice, made: Sequence[DeliveryRow]) -> Iterator[Line]:
    yield notice, None
    for row in sorted(made, key=lambda row: row.delivery_id):
        yield notice, row


def _place(line: Line) -> Place:
    notice, row = line
    return notice.notice_id, row.delivery_id if row else ""


def _follows(place: Place, after: Place) -> bool:
    return place[0] < after[0] or (place[0] == after[0] and place[1] > after[1])


def notice_body(line: Line, language: str) -> NoticeBody:
    """Every notice is a banner of the page besides."""
    notice, row = line
    channel: Any = row.channel if row else "banner"
    state: Any = row.state if row else "shown"
    return NoticeBody(
        id=notice.notice_id,
        event=notice.event,
        at=moment(notice.at),
        channel=channel,
        language=(row.language if row else "") or language,
        recipients=row.told if row else [],
        state=state,
        error=row.error if row else None,
        details=msgspec.json.decode(notice.details, type=dict[str, str]),
    )


ROUTES = [Route("GET", "/v1/notices", Scope.REPORTS, list_notices, query=Page, answer=list[NoticeBody], tag="Reports")]
