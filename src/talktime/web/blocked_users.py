"""Who was blocked and unblocked, when and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import blocks
from talktime.reports.blocks import BlockRow
from talktime.storage.database import ReadTx
from talktime.web.fields import Text
from talktime.web.lists import Page, page_of
from talktime.web.routes import Request, Route


class BlocksPage(Page, kw_only=True):
    user: Text | None = None
    """Id, sign-in name or number."""


class BlockedUserBody(Struct, kw_only=True):
    id: str
    name: str | None
    sign_in_name: str | None
    number: str | None


class BlockBody(Struct, kw_only=True):
    id: str
    at: datetime
    user: BlockedUserBody
    mode: str
    reason: str


def block_body(row: BlockRow) -> BlockBody:
    user = BlockedUserBody(id=row.user_id, name=row.user_name, sign_in_name=row.sign_in_name, number=row.number)
    return BlockBody(id=row.block_id, at=moment(row.at), user=user, mode=row.mode, reason=row.reason)


def list_blocked_users(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Users who were blocked and unblocked, newest first."""
    page: BlocksPage = request.query
    rows = blocks.page(tx, request.org_id, page.user, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.block_id, block_body)


ROUTES = [
    Route(
        "GET",
        "/v1/reports/blocked-users",
        Scope.REPORTS,
        list_blocked_users,
        query=BlocksPage,
        answer=list[BlockBody],
        tag="Reports",
    ),
]
