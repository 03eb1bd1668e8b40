"""Credit control as questions to the platform: what is asked, and what its answers mean for the client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any

import structlog

from talktime.core.call_types import INBOUND, CallType
from talktime.integrations.diameter import codes, units
from talktime.integrations.diameter.avps import Wrong
from talktime.integrations.diameter.clients import Account
from talktime.integrations.diameter.codes import Code
from talktime.integrations.diameter.credit_answers import Reply
from talktime.integrations.diameter.credit_requests import Action, CreditRequest, Kind
from talktime.integrations.diameter.sessions import Session
from talktime.integrations.diameter.units import Credit, Piece
from talktime.integrations.platform import Extended, Granted, NoDecision, Platform, Refused

log = structlog.get_logger("talktime.integrations")
EXTENDS_MAX = 5
"""A client that is late by more slices than this is cut."""
DEBIT_EXTENDS_MAX = 50
"""Four hours, in slices of five minutes."""
ENDED = ("settled", "released")

Form = dict[str, Any]


class Calls:
    """Each method may wait for the platform, so it runs in a thread."""

    def __init__(self, platform: Platform, switch: str, now: Callable[[], float] = time) -> None:
        self._platform, self._switch, self._now = platform, switch, now

    def to_hang_up(self, boot_id: str) -> Sequence[str]:
        """Calls that somebody wants to be ended. No list is sent: what is forgotten here may well go on."""
        return self._platform.heartbeat(self._switch, boot_id, None)

    def decide(self, asked: CreditRequest, account: Account, session: Session) -> Reply:
        if session.is_over:
            raise Wrong(Code.UNKNOWN_SESSION_ID)
        try:
            match asked.kind:
                case Kind.INITIAL:
                    return self._initial(asked, account, session)
                case Kind.UPDATE:
                    return self._update(asked, account, session)
                case Kind.TERMINATION:
                    return self._termination(asked, account, session)
                case Kind.EVENT:
                    return self._event(asked, account)
        except NoDecision as error:
            log.warning("no decision", call_id=asked.call_id, why=str(error))
            raise Wrong(codes.of_silence(error)) from error

    # ------------------------------------------------------------------------------------------------- sessions

    def _initial(self, asked: CreditRequest, account: Account, session: Session) -> Reply:
        if session.credit is None:
            answer = self._authorized(_form(asked, account, self._switch), session)
            if isinstance(answer, Refused):
                return _refused(answer)
            session.credit = _credit(answer)
        return _granted(session.credit)

    def _authorized(self, form: Form, session: Session) -> Granted | Refused:
        try:
            return self._platform.authorize(form)
        except NoDecision as error:
            # What may have been granted was given back: asked again, the platform would say the same as the first time.
            session.is_over = error.may_have_acted
            raise

    def _update(self, asked: CreditRequest, account: Account, session: Session) -> Reply:
        """An update proves that the call was answered. When nobody decides it ends with what it has."""
        self._count(asked, account, session)
        if session.must_end:
            return Reply(Code.END_USER_SERVICE_DENIED)
        try:
            self._tell_answer(asked, account, session)
            if asked.service.wanted is None:
                return Reply(Code.SUCCESS)
            self._ask_for_more(asked, account, session)
        except NoDecision:
            if session.credit is None or not session.credit.piece.seconds:
                raise
        assert session.credit is not None
        return _granted(session.credit)

    def _termination(self, asked: CreditRequest, account: Account, session: Session) -> Reply:
        """Reported until the platform takes it, so the client need not wait."""
        try:
            self._count(asked, account, session)
        except _AlreadyEnded:
            return Reply(Code.SUCCESS)
        assert session.credit is not None
        session.is_over = True
        form, used = _name(asked, account), session.credit.used
        if used:
            self._platform.settle({**form, "duration_seconds": used})
        else:
            self._platform.release(form)
        return Reply(Code.SUCCESS)

    def _count(self, asked: CreditRequest, account: Account, session: Session) -> None:
        if session.credit is None:
            session.credit = self._remembered(asked, account)
        session.count(asked)
        if session.answered_at is None:
            session.answered_at = self._now() - asked.service.used

    def _remembered(self, asked: CreditRequest, account: Account) -> Credit:
        story = self._platform.story(asked.call_id, account.organization)
        if story is None or story.state in ("refused", *ENDED):
            raise _AlreadyEnded if story and story.state in ENDED else Wrong(Code.UNKNOWN_SESSION_ID)
        if story.state != "open" and asked.kind is Kind.UPDATE:
            raise Wrong(Code.UNKNOWN_SESSION_ID)
        talked = None if story.answered_at is None else self._now() - story.answered_at.timestamp()
        return units.remembered(story.granted_seconds, story.final, talked, asked.service.used)

    def _tell_answer(self, asked: CreditRequest, account: Account, session: Session) -> None:
        if not session.answer_is_told and session.answered_at is not None:
            at = datetime.fromtimestamp(session.answered_at, UTC).isoformat()
            self._platform.answered_first({**_name(asked, account), "answered_at": at})
            session.answer_is_told = True

    def _ask_for_more(self, asked: CreditRequest, account: Account, session: Session) -> None:
        for _ in range(EXTENDS_MAX):
            before = session.credit
            assert before is not None
            if not before.wants_more:
                return
            more = self._platform.extend({**_name(asked, account), "granted_seconds": before.granted})
            session.credit = _grown(before, more)
            if session.credit.left or session.credit.granted <= before.granted:
                return

    # ------------------------------------------------------------------------------------------------- events

    def _event(self, asked: CreditRequest, account: Account) -> Reply:
        match asked.action:
            case Action.DIRECT_DEBITING:
                return self._debit(asked, account)
            case Action.CHECK_BALANCE:
                return self._check(asked, account)
            case Action.PRICE_ENQUIRY:
                return Reply(Code.RATING_FAILED, detail="prices are told by the API, not here")
        return Reply(Code.UNABLE_TO_COMPLY, detail="this action is not offered")

    def _debit(self, asked: CreditRequest, account: Account) -> Reply:
        """A whole call at once: charged if all of it is covered, else nothing."""
        seconds = asked.service.wanted or asked.service.used
        if not seconds:
            return Reply(Code.RATING_FAILED, detail="CC-Time is missing")
        answer = self._platform.authorize({**_form(asked, account, self._switch), "requested_seconds": seconds})
        if isinstance(answer, Refused):
            return _refused(answer)
        name = _name(asked, account)
        if not self._is_covered(name, _credit(answer), seconds):
            self._platform.release(name)
            return Reply(Code.CREDIT_LIMIT_REACHED)
        self._platform.settle({**name, "duration_seconds": seconds})
        return Reply(Code.SUCCESS, Piece(seconds, final=False))

    def _is_covered(self, name: Form, credit: Credit, seconds: int) -> bool:
        try:
            for _ in range(DEBIT_EXTENDS_MAX):
                before = credit.granted
                if before >= seconds:
                    return True
                credit = _grown(credit, self._platform.extend({**name, "granted_seconds": before}))
                if credit.granted <= before:
                    return False
        except NoDecision:
            self._platform.release(name)
            raise
        return False

    def _check(self, asked: CreditRequest, account: Account) -> Reply:
        """Would this call be let through? Held for a moment, and given back."""
        answer = self._platform.authorize(_form(asked, account, self._switch))
        if isinstance(answer, Refused):
            code = codes.of_refusal(answer.reason)
            return Reply(Code.SUCCESS, enough_credit=False) if code is Code.CREDIT_LIMIT_REACHED else _refused(answer)
        self._platform.release(_name(asked, account))
        return Reply(Code.SUCCESS, enough_credit=True)


class _AlreadyEnded(Wrong):
    def __init__(self) -> None:
        super().__init__(Code.UNKNOWN_SESSION_ID)


def _credit(answer: Granted) -> Credit:
    return Credit(
        answer.granted_seconds,
        final=answer.final,
        ask_after=answer.extend_after_seconds,
        emergency=answer.emergency,
    )


def _grown(credit: Credit, more: Extended) -> Credit:
    return credit.grown(more.granted_seconds, more.final, more.extend_after_seconds)


def _granted(credit: Credit) -> Reply:
    piece = credit.piece
    return Reply(Code.SUCCESS, piece) if piece.seconds else Reply(Code.CREDIT_LIMIT_REACHED)


def _refused(answer: Refused) -> Reply:
    return Reply(codes.of_refusal(answer.reason), detail=answer.detail)


def _name(asked: CreditRequest, account: Account) -> Form:
    """An event may share its session with others."""
    call_id = f"{asked.call_id}/{asked.number}" if asked.kind is Kind.EVENT else asked.call_id
    return {"call_id": call_id} | ({"organization": account.organization} if account.organization else {})


def _form(asked: CreditRequest, account: Account, switch: str) -> Form:
    if asked.called is None:
        raise Wrong(Code.RATING_FAILED, detail="Called-Party-Address is missing")
    about = {"user": asked.user, "from": asked.caller, "to": asked.called}
    more = {"sip_call_id": asked.sip_call_id, "source": asked.host, "switch": switch}
    return {**_name(asked, account), "call_type": _call_type(asked, account), **about, **more}


def _call_type(asked: CreditRequest, account: Account) -> CallType:
    """Asked for the callee's side, a call to a user comes in."""
    is_incoming = asked.terminating and account.call_type not in INBOUND
    return CallType.USER_IN if is_incoming else account.call_type
