"""What people were told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from talktime.actions.organizations import found
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import notices
from talktime.storage.database import ReadTx
from talktime.storage.notice_rows import Notice
from talktime.web.lists import Page, page_of
from talktime.web.routes import Request, Route


class NoticeBody(Struct, kw_only=True):
    id: str
    event: str
    at: datetime
    channel: Literal["email", "webhook", "banner"]
    language: str
    recipients: list[str]
    details: dict[str, str]


def list_notices(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """What was told, newest first: a row for each notice and channel."""
    page: Page = request.query
    language = found(tx, request.org_id).language
    rows = notices.page(tx, request.org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.notice_id, lambda row: notice_body(row, language))


def notice_body(row: Notice, language: str) -> NoticeBody:
    """Every notice is a banner of the page; whom it reaches besides is the business of its other channels."""
    details = msgspec.json.decode(row.details, type=dict[str, str])
    return NoticeBody(
        id=row.notice_id,
        event=row.event,
        at=moment(row.at),
        channel="banner",
        language=language,
        recipients=[],
        details=details,
    )


ROUTES = [Route("GET", "/v1/notices", Scope.REPORTS, list_notices, query=Page, answer=list[NoticeBody], tag="Reports")]
