"""Who takes the money, for the operator: are they reached, and what of their messages could not be worked off."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from talktime.actions import inbox, providers
from talktime.core.ids import org_name, org_number
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import moment
from talktime.reports import letters as reports
from talktime.storage.database import ReadTx, Tx
from talktime.storage.inbox_store import Letter
from talktime.web.lists import Page, page_of
from talktime.web.problems import Problem
from talktime.web.routes import Request, Route

INBOX = "/v1/operator/inbox"
State = Literal["waiting", "done", "parked"]


class ProviderBody(Struct):
    name: str
    reached: bool
    told: str


class LetterBody(Struct, kw_only=True):
    id: str
    organization: str | None
    provider: str
    state: State
    error: str | None
    tries: int
    received_at: datetime


class LetterPage(Page, kw_only=True):
    state: State = "parked"


def check_providers(request: Request[None]) -> dict[str, list[ProviderBody]]:
    """Asks each payment provider whether it knows us."""
    told = providers.check(request.app.till)
    return {"data": [ProviderBody(one.name, one.reached, one.told) for one in told]}


def letter_body(letter: Letter) -> LetterBody:
    state: Any = letter.state
    return LetterBody(
        id=letter.event_id,
        organization=org_name(letter.org_id) if letter.org_id != OPERATOR_ORG else None,
        provider=letter.provider,
        state=state,
        error=letter.error,
        tries=letter.tries,
        received_at=moment(letter.received_at),
    )


def list_letters(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Messages of providers in one state: `parked` are those that could not be worked off."""
    page: LetterPage = request.query
    rows = reports.page(tx, page.state, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda letter: letter.event_id, letter_body)


def replay_letter(tx: Tx, request: Request[None]) -> LetterBody:
    """Works it off once more; what it has done already it does not do again."""
    named = request.names["organization"]
    org_id = OPERATOR_ORG if named == "none" else org_number(named)
    if org_id is None or request.org_id not in (OPERATOR_ORG, org_id):
        raise Problem(404, "not_found")
    return letter_body(inbox.replay(tx, org_id, request.names["event_id"], request.now))


def _route(method: str, path: str, handler: Any, **options: Any) -> Route:
    return Route(method, path, Scope.OPERATOR, handler, needs_organization=False, tag="Providers", **options)


ROUTES = [
    _route("GET", "/v1/operator/providers", check_providers, tx=False, answer=dict[str, list[ProviderBody]]),
    _route("GET", INBOX, list_letters, spans=True, query=LetterPage, answer=list[LetterBody]),
    _route("POST", INBOX + "/{organization}/{event_id}/replay", replay_letter, spans=True, answer=LetterBody),
]
