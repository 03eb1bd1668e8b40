"""What a Credit-Control-Answer says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from talktime.integrations.diameter import avps as a
from talktime.integrations.diameter.avps import Avps
from talktime.integrations.diameter.codes import Code
from talktime.integrations.diameter.credit_requests import CreditRequest, Kind, Service
from talktime.integrations.diameter.messages import RO
from talktime.integrations.diameter.units import Piece

TERMINATE = 0
"""Both what to do when the last unit is used, and what to do when we are not there."""
FAILOVER_SUPPORTED = 1


@dataclass(frozen=True, slots=True)
class Reply:
    code: Code
    piece: Piece | None = None
    detail: str = ""
    enough_credit: bool | None = None
    """The answer to who only wanted to know."""


def avps_of(asked: CreditRequest, reply: Reply) -> Avps:
    return [
        a.make(a.AUTH_APPLICATION_ID, RO),
        a.make(a.CC_REQUEST_TYPE, int(asked.kind)),
        a.make(a.CC_REQUEST_NUMBER, asked.number),
        *_terms(asked),
        *_balance(reply),
        *(_services(asked, reply) if asked.has_services else _piece(reply.piece)),
        *([a.make(a.ERROR_MESSAGE, reply.detail)] if reply.detail else []),
    ]


def _terms(asked: CreditRequest) -> Avps:
    """Said once: another server may be asked at any time, and without an answer no call."""
    if asked.kind is not Kind.INITIAL:
        return []
    return [a.make(a.CC_SESSION_FAILOVER, FAILOVER_SUPPORTED), a.make(a.FAILURE_HANDLING, TERMINATE)]


def _balance(reply: Reply) -> Avps:
    """0 is enough credit, 1 is none."""
    return [] if reply.enough_credit is None else [a.make(a.CHECK_BALANCE_RESULT, int(not reply.enough_credit))]


def _services(asked: CreditRequest, reply: Reply) -> Avps:
    """A call is one service. Whatever else a session wants to be paid has no price here."""
    mine = [*_name(asked.service), a.make(a.RESULT_CODE, int(reply.code)), *_piece(reply.piece)]
    others = [[*_name(one), a.make(a.RESULT_CODE, int(Code.RATING_FAILED))] for one in asked.other_services]
    return [a.make(a.SERVICES, one) for one in (mine, *others)]


def _name(service: Service) -> Avps:
    named = ((a.SERVICE_IDENTIFIER, service.identifier), (a.RATING_GROUP, service.rating_group))
    return [a.make(name, value) for name, value in named if value is not None]


def _piece(piece: Piece | None) -> list[Any]:
    if piece is None:
        return []
    said = [
        a.make(a.GRANTED_UNIT, [a.make(a.CC_TIME, piece.seconds)]),
        a.make(a.VALIDITY_TIME, piece.valid_seconds),
    ]
    final = a.make(a.FINAL_UNIT_INDICATION, [a.make(a.FINAL_UNIT_ACTION, TERMINATE)])
    return [*said, final] if piece.final else said
