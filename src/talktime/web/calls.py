"""Calls: what switches ask, and their stories for people."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from talktime.actions.errors import NotFound
from talktime.core.calls import Call, Granted, Refused
from talktime.core.checks import outcomes
from talktime.core.money import decimal
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.reports import calls, entries
from talktime.storage.database import ReadTx
from talktime.web.call_answers import (
    BatchBody,
    ExtendedBody,
    GrantedBody,
    HeardBody,
    RateBody,
    RecordedBody,
    RefusedBody,
    RowBody,
    SettledBody,
    rate_body,
    row_body,
)
from talktime.web.call_forms import (
    AnsweredForm,
    AuthorizeForm,
    BatchForm,
    ExtendForm,
    RecordForm,
    ReleaseForm,
    SettleForm,
)
from talktime.web.entries import EntryBody, entry_body
from talktime.web.lists import Page, page_of
from talktime.web.routes import Request, Route


class CallPage(Page, kw_only=True):
    state: Literal["open"] | None = None


class CallSummary(Struct, kw_only=True):
    call_id: str
    state: str
    call_type: str | None
    user: str | None
    from_: str | None = field(name="from", default=None)
    to: str | None
    switch: str | None
    opened_at: datetime
    answered_at: datetime | None
    granted_seconds: int
    duration_seconds: int | None
    held: str
    charge: str
    currency: str


class CheckBody(Struct):
    check: str
    outcome: str


class HoldBody(Struct):
    lot: str
    amount: str


class PoolBody(Struct):
    """Minutes that are held of a pool while the call is in progress, and were used when it has ended."""

    pool: str
    kind: str
    month: str
    minutes: int
    gone_over: bool
    """Credits pay what comes now."""


class Story(CallSummary, kw_only=True):
    final: bool
    expires_at: datetime | None
    reason: str | None
    checks: list[CheckBody]
    rate: RateBody | None
    holds: list[HoldBody]
    pool: PoolBody | None
    rows: list[RowBody]
    shortfall: str
    entries: list[EntryBody]
    cause: str | None


def _summary(call: Call) -> dict[str, Any]:
    asked, settled = call.asked, call.settled
    return {
        "call_id": call.call_id,
        "state": call.state.value,
        "call_type": asked and asked.call_type.value,
        "user": asked and asked.user,
        "from_": asked and asked.from_,
        "to": asked and asked.to,
        "switch": asked and asked.switch,
        "opened_at": moment(call.opened_at),
        "answered_at": None if call.answered_at is None else moment(call.answered_at),
        "granted_seconds": call.seconds,
        "duration_seconds": call.talked_seconds,
        "held": decimal(sum(part.amount for part in call.drawn)),
        "charge": decimal(settled.charge if settled else 0),
        "currency": call_currency(call),
    }


def call_currency(call: Call) -> str:
    return call.answer.currency if isinstance(call.answer, Granted) else ""


def list_calls(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Calls, newest first; with state=open those in progress."""
    query: CallPage = request.query
    before = query.after(tuple[int, str])
    found = calls.newest(tx, request.org_id, query.limit + 1, before, query.state == "open")
    return page_of(
        found, query.limit, lambda call: (call.opened_at, call.call_id), lambda call: CallSummary(**_summary(call))
    )


def tell_story(tx: ReadTx, request: Request[None]) -> Story:
    """The whole story of a call: each check with its outcome, price, holds, rows, entries."""
    call = calls.find(tx, request.org_id, request.names["call_id"])
    if call is None:
        raise NotFound
    reason = call.answer.reason if isinstance(call.answer, Refused) else None
    booked = entries.of_call(tx, request.org_id, call.call_id)
    return Story(
        **_summary(call),
        final=call.final,
        expires_at=None if call.due_at is None else moment(call.due_at),
        reason=reason and reason.value,
        checks=[CheckBody(check, outcome) for check, outcome in outcomes(call)],
        rate=rate_body(call.known_rate) if call.known_rate else None,
        holds=[HoldBody(part.lot_id, decimal(part.amount)) for part in call.drawn],
        pool=_pool(call),
        rows=[row_body(row) for row in call.settled.rows] if call.settled else [],
        shortfall=decimal(call.settled.shortfall if call.settled else 0),
        entries=[entry_body(entry, call_currency(call)) for entry in booked],
        cause=call.cause,
    )


def _pool(call: Call) -> PoolBody | None:
    terms, answer = call.terms, call.answer
    if terms is None or not terms.pool or not isinstance(answer, Granted):
        return None
    return PoolBody(terms.capability, answer.kind, terms.month, call.minutes, call.over)


def _hot(verb: str, form: Any, answer: Any, summary: str) -> Route:
    def handler() -> None:
        raise AssertionError("switches are answered by the hot door")

    handler.__doc__ = summary
    return Route(
        "POST",
        f"/v1/calls/{verb}",
        Scope.CALLS,
        handler,
        form=form,
        answer=answer,
        hot=True,
        needs_organization=False,
        problems=(409,),
        tag="Calls",
    )


ROUTES = [
    _hot("authorize", AuthorizeForm, GrantedBody | RefusedBody, "May this call go on, and for how many seconds?"),
    _hot("extend", ExtendForm, ExtendedBody, "A longer grant for a call in progress."),
    _hot("answered", AnsweredForm, HeardBody, "The call was answered: its grant counts from here."),
    _hot("settle", SettleForm, SettledBody, "The call has ended and is charged."),
    _hot("release", ReleaseForm, HeardBody, "The call was never answered; nothing is charged."),
    _hot("record", RecordForm, RecordedBody, "A finished call that nobody authorized."),
    _hot("batch", BatchForm, BatchBody, "Up to 1,000 of these operations, answered in order."),
    Route("GET", "/v1/calls", Scope.CALLS, list_calls, query=CallPage, answer=list[CallSummary], tag="Calls"),
    Route("GET", "/v1/calls/{call_id}", Scope.CALLS, tell_story, answer=Story, tag="Calls"),
]
