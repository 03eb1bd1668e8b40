"""The statement of a month, as PDF and as page."""

from __future__ import annotations

import re
from typing import Any

from talktime.actions.organizations import found
from talktime.core.receipts import Party
from talktime.core.scopes import Scope
from talktime.core.statements import Statement
from talktime.documents.words import statement_sheet
from talktime.reports import statements
from talktime.storage.database import ReadTx
from talktime.web.documents import as_page, as_pdf, seller
from talktime.web.problems import Problem
from talktime.web.routes import Raw, Request, Route

MONTH = r"[0-9]{4}-(0[1-9]|1[0-2])"


def get_statement_pdf(request: Request[None]) -> Raw:
    """The statement of a month, as 2031-03, as PDF. Calls of a day are one line. A month to come: 404."""
    statement = _statement(request)
    return as_pdf(statement_sheet(statement), statement.month)


def get_statement_page(request: Request[None]) -> Raw:
    """The statement of a month, as 2031-03, as a page. A month to come: 404."""
    return as_page(statement_sheet(_statement(request)))


def _statement(request: Request[None]) -> Statement:
    month = request.names["month"]
    if re.fullmatch(MONTH, month, re.ASCII) is None:
        raise Problem(404, "not_found")
    values = (request.org_id, seller(request.app), month, request.now)
    statement = request.app.database.read(request.org_id, _of_month, *values)
    if statement is None:
        raise Problem(404, "not_found")
    return statement


def _of_month(tx: ReadTx, org_id: int, seller: Party, month: str, now: int) -> Statement | None:
    org = found(tx, org_id)
    return statements.of_month(tx, org, seller, month, org.now(now))


def _route(path: str, handler: Any) -> Route:
    return Route("GET", "/v1/statements/" + path, Scope.FUNDS, handler, answer=Raw, tx=False, tag="Money")


ROUTES = [_route("{month}.pdf", get_statement_pdf), _route("{month}.html", get_statement_page)]
