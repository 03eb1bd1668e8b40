"""How answers to switches look from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from talktime.core.calls import (
    Answer,
    Conflicting,
    Done,
    Ended,
    Extended,
    Failed,
    Funds,
    Granted,
    Refusal,
    Refused,
    Unknown,
    UsageRow,
)
from talktime.core.money import decimal
from talktime.core.rates import Rate
from talktime.core.time import moment
from talktime.core.usage import Payer
from talktime.web.call_forms import Form, RecordForm
from talktime.web.problems import Problem, invalid
from talktime.web.sentences import sentence


class RateBody(Struct, gc=False):
    destination: str
    prefix: str
    per_minute: str
    connection_fee: str
    initial_seconds: int
    step_seconds: int


class PayerBody(Struct, gc=False, omit_defaults=True):
    payer: str
    pool: str | None = None
    """The capability."""
    kind: str | None = None
    minutes: int | None = None
    amount: str | None = None
    currency: str | None = None


class GrantedBody(Struct, gc=False, omit_defaults=True):
    decision: str
    call_id: str
    granted_seconds: int
    final: bool
    extend_after_seconds: int
    expires_at: datetime
    payers: list[PayerBody]
    capability: str
    rate: RateBody | None
    emergency: bool = False
    """Such a call is never cut."""


class SipBody(Struct, gc=False):
    code: int
    phrase: str


_PAYMENT_REQUIRED = SipBody(402, "Payment Required")
_NOT_FOUND = SipBody(404, "Not Found")
SIP = dict.fromkeys(Refusal, SipBody(403, "Forbidden")) | {
    Refusal.NO_BALANCE: _PAYMENT_REQUIRED,
    Refusal.CREDITS_NOT_SET_UP: _PAYMENT_REQUIRED,
    Refusal.NO_CREDITS_LICENCE: _PAYMENT_REQUIRED,
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
            return RefusedBody("refused", call_id, reason.value, _why(answer), SIP[reason])
        case Done():
            return HeardBody(call_id)
        case Conflicting(field):
            raise conflict(field)
        case Unknown():
            raise Problem(404, "not_found")
        case Failed(busy=True):
            raise Problem(503, "not_available", headers={"retry-after": "1"})
        case Failed():
            raise Problem(422, "not_accepted")


def _why(answer: Refused) -> str:
    """With the limit of the fraud guard that was broken."""
    return sentence(answer.limit or answer.reason.value)


def conflict(field: str) -> Problem:
    if field == "granted_seconds":
        return Problem(409, "wrong_total")
    problem = invalid(field, sentence("call_conflict", field=field), "call_conflict")
    return Problem(409, "call_conflict", problem.detail, problem.errors)


def granted_body(call_id: str, answer: Granted) -> GrantedBody:
    rate = answer.rate
    return GrantedBody(
        "granted",
        call_id,
        answer.seconds,
        answer.final,
        answer.extend_after_seconds,
        moment(answer.expires_at),
        payers_of(answer),
        answer.capability,
        rate_body(rate) if rate else None,
        answer.emergency,
    )


def payers_of(answer: Granted) -> list[PayerBody]:
    payers = [_pool(answer)] if answer.minutes else []
    if answer.payer is Payer.CREDITS:
        payers.append(PayerBody("credits", amount=decimal(answer.held), currency=answer.currency))
    elif answer.payer is Payer.POSTPAID:
        payers.append(PayerBody("postpaid"))
    return payers


def _pool(answer: Granted) -> PayerBody:
    kind = None if answer.kind == "conference" else answer.kind
    return PayerBody("pool", answer.capability, kind, answer.minutes)


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
        settled.pool_minutes,
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
