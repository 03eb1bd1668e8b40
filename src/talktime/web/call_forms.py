"""The JSON of the switch's side: what may come in, and how answers look from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from talktime.core.call_types import CallType
from talktime.core.calls import (
    Answer,
    Answered,
    Asked,
    Authorize,
    Command,
    Conflicting,
    Done,
    Ended,
    Extend,
    Extended,
    Failed,
    Funds,
    Granted,
    Record,
    Refusal,
    Refused,
    Release,
    Settle,
    Unknown,
    UsageRow,
)
from talktime.core.money import decimal
from talktime.core.rates import Rate
from talktime.core.scopes import Caller
from talktime.core.time import instant, moment
from talktime.web.problems import Problem, invalid
from talktime.web.sentences import sentence

TOLERANCE_MS = 100
CallId = Annotated[str, Meta(pattern=r"^[!-~]{1,128}\Z")]
Note = Annotated[str, Meta(max_length=256)]
Number = Annotated[str, Meta(max_length=128)]
Seconds = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Instant = Annotated[datetime, Meta(tz=True)]


class Asking(Struct, frozen=True):
    """Who asks, for whom and when: what a form needs to become a command."""

    caller: Caller
    org_id: int
    at: int
    for_organization: bool
    """Whether the caller acts for one organization, or an operator's switch for any."""

    def switch(self, name: str | None) -> str | None:
        """An operator's switch and an organization's may be called alike."""
        return name and (f"org:{name}" if self.for_organization else f"operator:{name}")


class OfCall(Struct, tag_field="op", kw_only=True, forbid_unknown_fields=True, gc=False):
    call_id: CallId
    organization: str | None = None


class CallForm(OfCall, kw_only=True, gc=False):
    call_type: CallType
    to: Number
    user: Number | None = None
    caller: Number | None = msgspec.field(name="from", default=None)
    conference_id: Note | None = None
    switch: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    requested_seconds: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    sip_call_id: Note | None = None
    source: Note | None = None
    at: Instant | None = None

    def asked(self, started_at: int | None = None, seconds: int | None = None) -> Asked:
        at = self.at.isoformat() if self.at else None
        about = (self.conference_id, self.switch, self.requested_seconds, self.sip_call_id, self.source, at)
        return Asked(self.call_type, self.to, self.user, self.caller, *about, started_at, seconds)


class AuthorizeForm(CallForm, tag="authorize", kw_only=True, gc=False):
    def command(self, asking: Asking) -> Command:
        about = (asking.org_id, self.call_id, asking.at, asking.caller.key_id)
        return Authorize(*about, self.asked(), asking.switch(self.switch))


class Lasting:
    """What forms of ended calls have in common. The fields are theirs: two kinds of Struct cannot be joined."""

    __slots__ = ()
    duration_seconds: int | None
    duration_ms: int | None

    def seconds(self) -> int:
        """A switch that counts milliseconds is given a tenth of a second before the next second begins."""
        if self.duration_seconds is not None and self.duration_ms is None:
            return self.duration_seconds
        if self.duration_ms is None or self.duration_seconds is not None:
            raise invalid("duration_seconds", "Give either duration_seconds or duration_ms.", "missing_field")
        return -(-max(self.duration_ms - TOLERANCE_MS, 0) // 1000)


class RecordForm(CallForm, Lasting, tag="record", kw_only=True, gc=False):
    duration_seconds: Seconds | None = None
    duration_ms: Milliseconds | None = None
    started_at: Instant
    ended_at: Instant | None = None
    cause: Note | None = None

    def command(self, asking: Asking) -> Command:
        started_at = instant(self.started_at)
        about = (asking.org_id, self.call_id, asking.at, asking.caller.key_id)
        return Record(*about, self.asked(started_at, self.seconds()), asking.switch(self.switch))


class ExtendForm(OfCall, tag="extend", kw_only=True, gc=False):
    granted_seconds: Seconds

    def command(self, asking: Asking) -> Command:
        return Extend(asking.org_id, self.call_id, asking.at, asking.caller.key_id, self.granted_seconds)


class AnsweredForm(OfCall, tag="answered", kw_only=True, gc=False):
    answered_at: Instant | None = None

    def command(self, asking: Asking) -> Command:
        at = instant(self.answered_at) if self.answered_at else None
        return Answered(asking.org_id, self.call_id, asking.at, asking.caller.key_id, at)


class SettleForm(OfCall, Lasting, tag="settle", kw_only=True, gc=False):
    duration_seconds: Seconds | None = None
    duration_ms: Milliseconds | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    cause: Note | None = None

    def command(self, asking: Asking) -> Command:
        return Settle(asking.org_id, self.call_id, asking.at, asking.caller.key_id, self.seconds(), self.cause)


class ReleaseForm(OfCall, tag="release", kw_only=True, gc=False):
    cause: Note | None = None

    def command(self, asking: Asking) -> Command:
        return Release(asking.org_id, self.call_id, asking.at, asking.caller.key_id, self.cause)


Form = AuthorizeForm | ExtendForm | AnsweredForm | SettleForm | ReleaseForm | RecordForm


class BatchForm(Struct, forbid_unknown_fields=True, gc=False):
    """Each operation is read by itself, so that a malformed one spoils no other."""

    operations: Annotated[list[msgspec.Raw], Meta(max_length=1000)]


class RateBody(Struct, gc=False):
    destination: str
    prefix: str
    per_minute: str
    connection_fee: str
    initial_seconds: int
    step_seconds: int


class PayerBody(Struct, gc=False, omit_defaults=True):
    payer: str
    amount: str | None = None
    currency: str | None = None


class GrantedBody(Struct, gc=False):
    decision: str
    call_id: str
    granted_seconds: int
    final: bool
    extend_after_seconds: int
    expires_at: datetime
    payers: list[PayerBody]
    capability: str | None
    rate: RateBody | None


class SipBody(Struct, gc=False):
    code: int
    phrase: str


_PAYMENT_REQUIRED = SipBody(402, "Payment Required")
_NOT_FOUND = SipBody(404, "Not Found")
SIP = dict.fromkeys(Refusal, SipBody(403, "Forbidden")) | {
    Refusal.NO_BALANCE: _PAYMENT_REQUIRED,
    Refusal.CREDITS_NOT_SET_UP: _PAYMENT_REQUIRED,
    Refusal.INVALID_NUMBER: _NOT_FOUND,
    Refusal.NO_RATE: _NOT_FOUND,
}


class RefusedBody(Struct, gc=False):
    decision: str
    call_id: str
    reason: str
    detail: str
    sip: SipBody


class ExtendedBody(Struct, gc=False):
    call_id: str
    granted_seconds: int
    final: bool
    extend_after_seconds: int
    expires_at: datetime | None


class FundsBody(Struct, gc=False):
    currency: str
    balance: str
    held: str
    available: str


class RowBody(Struct, gc=False):
    usage_id: str
    capability: str
    payer: str
    minutes: int
    charge: str


class SettledBody(Struct, gc=False, omit_defaults=True):
    call_id: str
    charge: str
    currency: str
    connection_fee: str
    pool_minutes: int
    billed_seconds: int
    rows: list[RowBody]
    shortfall: str
    balance: FundsBody
    conflict: bool = False


class RecordedBody(SettledBody, gc=False, omit_defaults=True):
    decision: str | None = None
    reason: str | None = None


class HeardBody(Struct, gc=False):
    call_id: str


class OperationAnswer(Struct, gc=False):
    status: int
    body: Any


class BatchBody(Struct, gc=False):
    answers: list[OperationAnswer]


def outside(form: Form, answer: Answer) -> Any:
    """The body of the answer; a refusal to answer is raised."""
    call_id = form.call_id
    match answer:
        case Granted():
            return granted_body(call_id, answer)
        case Ended():
            return ended_body(form, answer)
        case Extended():
            expires_at = moment(answer.expires_at) if answer.expires_at else None
            return ExtendedBody(call_id, answer.seconds, answer.final, answer.extend_after_seconds, expires_at)
        case Refused(reason):
            return RefusedBody("refused", call_id, reason.value, sentence(reason.value), SIP[reason])
        case Done():
            return HeardBody(call_id)
        case Conflicting(field):
            raise conflict(field)
        case Unknown():
            raise Problem(404, "not_found")
        case Failed():
            raise Problem(422, "not_accepted")


def conflict(field: str) -> Problem:
    if field == "granted_seconds":
        return Problem(409, "wrong_total")
    problem = invalid(field, sentence("call_conflict", field=field), "call_conflict")
    return Problem(409, "call_conflict", problem.detail, problem.errors)


def granted_body(call_id: str, answer: Granted) -> GrantedBody:
    rate = answer.rate
    payers = [] if rate is None else [PayerBody("credits", decimal(answer.held), answer.currency)]
    return GrantedBody(
        "granted",
        call_id,
        answer.seconds,
        answer.final,
        answer.extend_after_seconds,
        moment(answer.expires_at),
        payers,
        None,
        rate_body(rate) if rate else None,
    )


def rate_body(rate: Rate) -> RateBody:
    return RateBody(
        rate.destination,
        rate.prefix,
        decimal(rate.per_minute),
        decimal(rate.connection_fee),
        rate.initial_seconds,
        rate.step_seconds,
    )


def ended_body(form: Form, answer: Ended) -> SettledBody:
    settled, funds = answer.settled, answer.funds
    values = (
        form.call_id,
        decimal(settled.charge),
        funds.currency,
        decimal(settled.connection_fee),
        0,
        settled.billed_seconds,
        [row_body(row) for row in settled.rows],
        decimal(settled.shortfall),
        funds_body(funds),
        answer.conflict,
    )
    if not isinstance(form, RecordForm):
        return SettledBody(*values)
    reason = answer.refused.value if answer.refused else None
    return RecordedBody(*values, "refused" if reason else "granted", reason)


def row_body(row: UsageRow) -> RowBody:
    return RowBody(row.usage_id, row.capability, row.payer, row.minutes, decimal(row.charge))


def funds_body(funds: Funds) -> FundsBody:
    return FundsBody(funds.currency, decimal(funds.posted), decimal(funds.held), decimal(funds.available))
